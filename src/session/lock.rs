//! The lock of a session. It is a file lock, so it is released however its process ends.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{Read, Write},
    path::Path,
    process, thread,
    time::Duration,
};

use super::{Error, names};

/// Number of attempts of `take`, because `holder` takes the lock for a moment.
const TRIES: u32 = 10;
const PAUSE: Duration = Duration::from_millis(10);

/// Holds the lock until it is dropped.
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
}

/// The holder of a lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Holder {
    Nobody,
    Process(Option<u32>),
}

impl Lock {
    pub(super) fn take(dir: &Path) -> Result<Self, Error> {
        let path = dir.join(names::LOCK);
        for _ in 0..TRIES {
            let opened = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
            let mut file = match opened {
                Err(_) if !dir.is_dir() => return Err(Error::NotFound(dir.into())),
                opened => opened.map_err(Error::write(&path))?,
            };
            match file.try_lock() {
                Ok(()) if !is_still(&file, &path) => continue,
                Ok(()) => {
                    // The process ID is needed only for messages; the lock works without it.
                    let _ = sign(&mut file);
                    return Ok(Self { file });
                }
                Err(TryLockError::WouldBlock) => thread::sleep(PAUSE),
                Err(TryLockError::Error(cause)) => return Err(Error::NoLock { dir: dir.into(), cause }),
            }
        }
        let (pid, host) = signature(&path);
        Err(Error::InUse {
            dir: dir.into(),
            pid,
            host: host.filter(|host| this_host().is_some_and(|own| own != *host)),
        })
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // The process ID must not remain after the process ends.
        let _ = self.file.set_len(0);
        release(&self.file);
    }
}

/// True if the last process that held the lock did not release it: it was killed.
pub(super) fn was_killed(dir: &Path) -> bool {
    holder(dir) == Holder::Nobody && signature(&dir.join(names::LOCK)).0.is_some()
}

/// Tests the lock without holding it.
pub(super) fn holder(dir: &Path) -> Holder {
    let path = dir.join(names::LOCK);
    let Ok(file) = File::open(&path) else { return Holder::Nobody };
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => Holder::Process(signature(&path).0),
        Ok(()) => {
            release(&file);
            Holder::Nobody
        }
        Err(TryLockError::Error(_)) => Holder::Nobody,
    }
}

/// Releases a lock. Closing the file is not enough: a process that another thread starts has a copy of the open file until it
/// runs its program, and so keeps the lock.
fn release(file: &File) {
    let _ = file.unlock();
}

fn sign(file: &mut File) -> std::io::Result<()> {
    let host = this_host().map(|host| format!(" {host}")).unwrap_or_default();
    file.set_len(0)?;
    file.write_all(format!("{}{host}\n", process::id()).as_bytes())
}

/// Process ID and machine of the holder.
fn signature(path: &Path) -> (Option<u32>, Option<String>) {
    const LONGEST: u64 = 512;
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(LONGEST).read_to_string(&mut text));
    let mut words = text.split_whitespace().map(str::to_owned);
    match read {
        Ok(_) => (words.next().and_then(|pid| pid.parse().ok()), words.next()),
        Err(_) => (None, None),
    }
}

fn this_host() -> Option<String> {
    let host =
        fs::read_to_string("/proc/sys/kernel/hostname").or_else(|_| fs::read_to_string("/etc/hostname"));
    host.ok().map(|host| host.trim().to_owned()).filter(|host| !host.is_empty())
}

/// False if the session, including the lock file, was removed in the meantime.
#[cfg(unix)]
fn is_still(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let same = |a: &fs::Metadata, b: &fs::Metadata| (a.dev(), a.ino()) == (b.dev(), b.ino());
    matches!((file.metadata(), fs::metadata(path)), (Ok(a), Ok(b)) if same(&a, &b))
}

#[cfg(not(unix))]
fn is_still(_: &File, path: &Path) -> bool {
    path.exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_of_the_open_file_does_not_keep_the_lock() {
        let dir = tempfile::tempdir().unwrap();
        let lock = Lock::take(dir.path()).unwrap();
        let copy = lock.file.try_clone().unwrap();
        assert_eq!(holder(dir.path()), Holder::Process(Some(process::id())));
        drop(lock);
        assert_eq!(holder(dir.path()), Holder::Nobody);
        drop(copy);
    }
}
