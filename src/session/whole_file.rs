//! Files that appear complete or not at all: written under a temporary name in the same directory, synced, renamed.

use std::{
    fs::File,
    io::{self, Write},
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;

use crate::disk;

use super::Error;

/// Whether a file must survive a power failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Durability {
    /// It must survive.
    Synced,
    /// It need not survive: it can be recomputed, and its checksum reveals damage.
    Disposable,
}

/// A written file that has not been renamed yet. It is removed on drop.
#[derive(Debug)]
pub(super) struct Written {
    file: NamedTempFile,
    path: PathBuf,
}

/// Writes a file.
pub(super) fn write_whole(
    path: &Path,
    durability: Durability,
    fill: impl FnOnce(&mut File) -> io::Result<()>,
) -> Result<(), Error> {
    Written::new(path, durability, fill)?.name()?;
    match durability {
        Durability::Synced => sync_directory_of(path),
        Durability::Disposable => Ok(()),
    }
}

impl Written {
    pub(super) fn new(
        path: &Path,
        durability: Durability,
        fill: impl FnOnce(&mut File) -> io::Result<()>,
    ) -> Result<Self, Error> {
        let write = || {
            let mut file = disk::temporary(path)?;
            fill(file.as_file_mut())?;
            match durability {
                Durability::Synced => file.as_file().sync_all()?,
                Durability::Disposable => file.flush()?,
            }
            Ok(Self { file, path: path.into() })
        };
        write().map_err(Error::write(path))
    }

    /// Renames the file to its final name, replacing an earlier file.
    pub(super) fn name(self) -> Result<(), Error> {
        let Self { file, path } = self;
        file.persist(&path).map_err(|e| Error::Write { path: path.clone(), cause: e.error })?;
        Ok(())
    }
}

/// Makes new names in the directory of `path` durable.
pub(super) fn sync_directory_of(path: &Path) -> Result<(), Error> {
    let directory = disk::directory_of(path);
    disk::sync_directory(directory).map_err(Error::write(directory))
}
