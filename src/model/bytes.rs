//! The bytes of a weight file, memory-mapped and released after reading.

use std::{fs::File, io, ops::Range, path::Path};

#[derive(Debug)]
pub enum Bytes {
    Mapped(memmap2::Mmap),
    Embedded(&'static [u8]),
}

impl Bytes {
    pub fn map(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        // SAFETY: the map is read-only and lives as long as every slice of it. If another process shortens
        // the file, a read can still fail with a signal; no reader that maps files can prevent this.
        #[allow(unsafe_code)]
        let map = unsafe { memmap2::Mmap::map(&file) }?;
        Ok(Self::Mapped(map))
    }

    pub fn as_slice(&self) -> &[u8] {
        match self {
            Self::Mapped(map) => map,
            Self::Embedded(bytes) => bytes,
        }
    }

    /// Asks the system to read a range from the disk while the program goes on.
    pub fn read_ahead(&self, range: Range<usize>) {
        match self {
            #[cfg(unix)]
            Self::Mapped(map) => {
                // A system that ignores the advice reads later.
                drop(map.advise_range(memmap2::Advice::WillNeed, range.start, range.len()));
            }
            #[cfg(not(unix))]
            Self::Mapped(_) => drop(range),
            Self::Embedded(_) => {}
        }
    }

    /// Releases the pages of a range from resident memory. Another read loads them again from the file.
    pub fn release(&self, range: Range<usize>) {
        match self {
            #[cfg(unix)]
            Self::Mapped(map) => {
                let dont_need = memmap2::UncheckedAdvice::DontNeed;
                // SAFETY: the map of the file is shared and read-only, so a released page has the bytes of
                // the file when it is read again: no slice of the map sees other bytes than before.
                #[allow(unsafe_code)]
                let advised = unsafe { map.unchecked_advise_range(dont_need, range.start, range.len()) };
                // A system that ignores the advice keeps the pages while it has room.
                drop(advised);
            }
            #[cfg(not(unix))]
            Self::Mapped(_) => drop(range),
            Self::Embedded(_) => {}
        }
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;

    /// Number of bytes of mapped files in resident memory.
    fn resident_files() -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("RssFile:")).unwrap();
        line.trim().trim_end_matches("kB").trim().parse::<u64>().unwrap() * 1024
    }

    #[test]
    fn released_bytes_use_no_memory_and_are_unchanged() {
        const BYTES: usize = 64 << 20;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("weights");
        std::fs::write(&path, vec![3; BYTES]).unwrap();
        let bytes = Bytes::map(&path).unwrap();
        let sum = || bytes.as_slice().iter().map(|&byte| u64::from(byte)).sum::<u64>();
        let before = sum();
        let held = resident_files();
        bytes.release(0..BYTES);
        // Other tests map small files at the same time.
        assert!(resident_files() + BYTES as u64 / 2 < held);
        assert_eq!(sum(), before);
    }
}
