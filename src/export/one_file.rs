//! A single output file that appears complete or not at all.

use std::{
    io::{BufWriter, ErrorKind, Write},
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
    write_file_with(path, force, |file| file.write_all(bytes).map_err(Error::write(path)))
}

/// Like [`write_file`], with a function that writes the content piece by piece.
///
/// # Errors
/// As for [`write_file`], and if `write` fails.
pub fn write_file_with<E: From<Error>>(
    path: &Path,
    force: bool,
    write: impl FnOnce(&mut dyn Write) -> Result<(), E>,
) -> Result<(), E> {
    check_file(path, force)?;
    let directory = disk::directory_of(path);
    std::fs::create_dir_all(directory).map_err(Error::write(directory))?;
    if path.file_name().is_none() {
        return Err(Error::NoName(path.into()).into());
    }
    let mut file = BufWriter::new(disk::temporary(path).map_err(Error::write(path))?);
    write(&mut file)?;
    let file = file.into_inner().map_err(|e| Error::write(path)(e.into_error()))?;
    file.as_file().sync_all().map_err(Error::write(path))?;
    let named = if force { file.persist(path) } else { file.persist_noclobber(path) };
    named.map(drop).map_err(|e| Error::Write { path: path.into(), cause: e.error }.into())
}

/// The error of a file that cannot be written.
pub fn unwritable(path: &Path) -> impl Fn(std::io::Error) -> Error {
    let path = path.to_owned();
    move |cause| Error::Write { path: path.clone(), cause }
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
