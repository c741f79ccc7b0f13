//! Fingerprints of the files that a session depends on.

use std::{
    fs::File,
    io::{self, Read},
    ops::ControlFlow,
    path::Path,
    time::UNIX_EPOCH,
};

use sha2::{Digest, Sha256};

use super::{
    Error, FileStamp, Fingerprint,
    envelope::{hex, sha256},
};

/// The result of comparing a file with its fingerprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    Same,
    Changed,
    Missing,
    /// The progress callback cancelled the check.
    Cancelled,
}

/// Receives the number of bytes read since the last call. Breaks to cancel.
type Progress<'a> = &'a mut dyn FnMut(u64) -> ControlFlow<()>;

impl Fingerprint {
    /// Fingerprint of a file; None if `progress` cancels.
    ///
    /// # Errors
    ///
    /// If the file cannot be read.
    pub fn of_file(name: &str, path: &Path, progress: Progress<'_>) -> Result<Option<Self>, Error> {
        let mut file = File::open(path).map_err(Error::unreadable(path))?;
        // The time is read before the content, so a change in between shows as a different time later.
        let modified = modified(&file).map_err(Error::unreadable(path))?;
        let read = read(&mut file, progress).map_err(Error::unreadable(path))?;
        Ok(read.map(|(bytes, sha256)| Self { name: name.into(), bytes, modified, sha256 }))
    }

    /// Fingerprint of a built-in file.
    pub fn of_bytes(name: &str, bytes: &[u8]) -> Self {
        Self { name: name.into(), bytes: bytes.len() as u64, modified: None, sha256: sha256(bytes) }
    }

    /// Compares a file. A file with the same length and modification time is not read.
    ///
    /// # Errors
    ///
    /// If the file cannot be read.
    pub fn check_file(&self, path: &Path, progress: Progress<'_>) -> Result<Check, Error> {
        let mut file = match File::open(path) {
            Err(cause) if matches!(cause.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Ok(Check::Missing);
            }
            opened => opened.map_err(Error::unreadable(path))?,
        };
        let mut check = || {
            if file.metadata()?.len() != self.bytes {
                return Ok(Check::Changed);
            }
            if self.modified.is_some() && modified(&file)? == self.modified {
                return Ok(Check::Same);
            }
            Ok(match read(&mut file, progress)? {
                None => Check::Cancelled,
                Some((bytes, sha256)) if (bytes, &sha256) == (self.bytes, &self.sha256) => Check::Same,
                Some(_) => Check::Changed,
            })
        };
        check().map_err(Error::unreadable(path))
    }

    pub fn check_bytes(&self, bytes: &[u8]) -> Check {
        let same = bytes.len() as u64 == self.bytes && sha256(bytes) == self.sha256;
        if same { Check::Same } else { Check::Changed }
    }
}

/// The result of comparing a file with its stamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StampCheck {
    Same,
    /// Another length.
    Changed,
    /// The same length and another time.
    Touched,
    Missing,
}

impl FileStamp {
    /// Stamp of a file; None if it cannot be read.
    pub fn of_file(name: &str, path: &Path) -> Option<Self> {
        let file = File::open(path).ok()?;
        let bytes = file.metadata().ok()?.len();
        Some(Self { name: name.into(), bytes, modified: modified(&file).ok()? })
    }

    /// Compares a file without reading its content.
    pub fn check_file(&self, path: &Path) -> StampCheck {
        match Self::of_file(&self.name, path) {
            None => StampCheck::Missing,
            Some(found) if found.bytes != self.bytes => StampCheck::Changed,
            Some(found) if found.modified != self.modified => StampCheck::Touched,
            Some(_) => StampCheck::Same,
        }
    }
}

/// Modification time; None if the system does not report it or it is before 1970.
fn modified(file: &File) -> io::Result<Option<(u64, u32)>> {
    let since = file.metadata()?.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    Ok(since.map(|since| (since.as_secs(), since.subsec_nanos())))
}

/// Length and SHA-256; None if `progress` cancels.
fn read(file: &mut File, progress: Progress<'_>) -> io::Result<Option<(u64, String)>> {
    const PIECE: usize = 1 << 20;
    let (mut hash, mut length) = (Sha256::new(), 0);
    let mut piece = vec![0; PIECE];
    loop {
        let read = match file.read(&mut piece) {
            Err(cause) if cause.kind() == io::ErrorKind::Interrupted => continue,
            read => read?,
        };
        if read == 0 {
            return Ok(Some((length, hex(hash.finalize()))));
        }
        hash.update(&piece[..read]);
        length += read as u64;
        if progress(read as u64).is_break() {
            return Ok(None);
        }
    }
}
