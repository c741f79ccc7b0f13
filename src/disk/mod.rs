//! Temporary files next to their target; the temporary name contains the target's name.

use std::{fs::File, io, path::Path};

use tempfile::NamedTempFile;

const MARK: &str = ".tmp-";

/// Creates a temporary file next to `path`, with the default permissions. The file is removed on drop unless
/// it is persisted.
///
/// # Errors
/// If the directory cannot be written.
pub fn temporary(path: &Path) -> io::Result<NamedTempFile> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let prefix = format!(".{name}{MARK}");
    let mut builder = tempfile::Builder::new();
    builder.prefix(&prefix);
    // Temporary files have mode 0o600 by default. The umask still applies.
    #[cfg(unix)]
    let readable = std::os::unix::fs::PermissionsExt::from_mode(0o666);
    #[cfg(unix)]
    builder.permissions(readable);
    builder.tempfile_in(directory_of(path))
}

/// The target name of a temporary file; None for other files.
pub fn name_meant(name: &str) -> Option<&str> {
    let (meant, _) = name.strip_prefix('.')?.rsplit_once(MARK)?;
    (!meant.is_empty()).then_some(meant)
}

/// The directory of a file.
pub fn directory_of(path: &Path) -> &Path {
    path.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new("."))
}

/// Flushes the entries of a directory to the disk.
///
/// # Errors
/// If the directory cannot be opened or synced.
#[cfg(unix)]
pub fn sync_directory(directory: &Path) -> io::Result<()> {
    match File::open(directory)?.sync_all() {
        // Some network file systems cannot sync directories.
        Err(cause) if matches!(cause.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => {
            Ok(())
        }
        synced => synced,
    }
}

/// Directories cannot be synced on this system.
///
/// # Errors
/// Never.
#[cfg(not(unix))]
pub fn sync_directory(_: &Path) -> io::Result<()> {
    Ok(())
}
