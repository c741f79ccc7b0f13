//! Files that do not have their names yet: made beside their place, under a name that says which is meant.

use std::{fs::File, io, path::Path};

use tempfile::NamedTempFile;

const MARK: &str = ".tmp-";

/// A file that others may read as they may read their neighbours. Dropped before it has its name, it is removed.
///
/// # Errors
/// A directory that takes no file.
pub fn temporary(path: &Path) -> io::Result<NamedTempFile> {
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
pub fn name_meant(name: &str) -> Option<&str> {
    let (meant, _) = name.strip_prefix('.')?.rsplit_once(MARK)?;
    (!meant.is_empty()).then_some(meant)
}

/// Where a file lies.
pub fn directory_of(path: &Path) -> &Path {
    path.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new("."))
}

/// Makes new names in a directory last.
///
/// # Errors
/// A disk that does not keep them.
#[cfg(unix)]
pub fn sync_directory(directory: &Path) -> io::Result<()> {
    match File::open(directory)?.sync_all() {
        // Some network file systems have nothing to sync there.
        Err(cause) if matches!(cause.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => {
            Ok(())
        }
        synced => synced,
    }
}

/// Makes new names in a directory last, where the system does that.
///
/// # Errors
/// None.
#[cfg(not(unix))]
pub fn sync_directory(_: &Path) -> io::Result<()> {
    Ok(())
}
