//! A single output file that appears complete or not at all.

use std::{
    io::{ErrorKind, Write},
    path::Path,
};

use crate::disk;

use super::Error;

/// Checks before long work that the file can be written.
///
/// # Errors
/// If the file exists and `force` is not set, or the path is a directory.
pub fn check_file(path: &Path, force: bool) -> Result<(), Error> {
    match path.symlink_metadata() {
        Ok(found) if found.is_dir() => {
            Err(Error::Write { path: path.into(), cause: ErrorKind::IsADirectory.into() })
        }
        Ok(_) if !force => Err(Error::Exists(path.into())),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Writes the file under a temporary name in the same directory, syncs it and renames it. Creates the
/// directory if needed.
///
/// # Errors
/// As for [`check_file`], and if the disk is full.
pub fn write_file(path: &Path, force: bool, bytes: &[u8]) -> Result<(), Error> {
    check_file(path, force)?;
    let directory = disk::directory_of(path);
    std::fs::create_dir_all(directory).map_err(Error::write(directory))?;
    if path.file_name().is_none() {
        return Err(Error::NoName(path.into()));
    }
    let mut file = disk::temporary(path).map_err(Error::write(path))?;
    file.write_all(bytes).and_then(|()| file.as_file().sync_all()).map_err(Error::write(path))?;
    let named = if force { file.persist(path) } else { file.persist_noclobber(path) };
    named.map(drop).map_err(|e| Error::Write { path: path.into(), cause: e.error })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_file_is_replaced_only_with_force() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("deep/logits.safetensors");
        write_file(&path, false, b"one").unwrap();
        assert!(matches!(write_file(&path, false, b"two"), Err(Error::Exists(_))));
        assert_eq!(fs::read(&path).unwrap(), b"one");
        write_file(&path, true, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
        assert!(matches!(check_file(dir.path(), true), Err(Error::Write { .. })));
    }
}
