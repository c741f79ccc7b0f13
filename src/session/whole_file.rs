//! Files that appear whole or not at all: written under a temporary name beside their place, synced, renamed.

use std::{
    fs::File,
    io::{self, Write},
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;

use super::Error;

/// What a file must outlast.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Durability {
    /// The loss of power.
    Synced,
    /// Nothing: it can be made again, and its checksum tells whether it is whole.
    Disposable,
}

/// A file that is written, but not under its name yet. Dropped, it is removed.
#[derive(Debug)]
pub(super) struct Written {
    file: NamedTempFile,
    path: PathBuf,
}

/// Writes a file whole.
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
            let mut file = temporary(path)?;
            fill(file.as_file_mut())?;
            match durability {
                Durability::Synced => file.as_file().sync_all()?,
                Durability::Disposable => file.flush()?,
            }
            Ok(Self { file, path: path.into() })
        };
        write().map_err(Error::write(path))
    }

    /// Gives the file its name; one that had it is replaced.
    pub(super) fn name(self) -> Result<(), Error> {
        let Self { file, path } = self;
        file.persist(&path).map_err(|e| Error::Write { path: path.clone(), cause: e.error })?;
        Ok(())
    }
}

/// Makes new names last.
pub(super) fn sync_directory_of(path: &Path) -> Result<(), Error> {
    let directory = directory_of(path);
    sync_directory(directory).map_err(Error::write(directory))
}

#[cfg(unix)]
fn sync_directory(directory: &Path) -> io::Result<()> {
    match File::open(directory)?.sync_all() {
        // Some network file systems have nothing to sync there.
        Err(cause) if matches!(cause.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => {
            Ok(())
        }
        synced => synced,
    }
}

#[cfg(not(unix))]
fn sync_directory(_: &Path) -> io::Result<()> {
    Ok(())
}

fn directory_of(path: &Path) -> &Path {
    path.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new("."))
}

const MARK: &str = ".tmp-";

fn temporary(path: &Path) -> io::Result<NamedTempFile> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let prefix = format!(".{name}{MARK}");
    let mut builder = tempfile::Builder::new();
    builder.prefix(&prefix);
    // Else it would be for its owner alone; the mask of the process still holds.
    #[cfg(unix)]
    let readable = std::os::unix::fs::PermissionsExt::from_mode(0o666);
    #[cfg(unix)]
    builder.permissions(readable);
    builder.tempfile_in(directory_of(path))
}

/// The name that a temporary file was to get; None where it is no temporary one.
pub(super) fn name_meant(name: &str) -> Option<&str> {
    let (meant, _) = name.strip_prefix('.')?.rsplit_once(MARK)?;
    (!meant.is_empty()).then_some(meant)
}
