//! The location of a checkpoint's files: a directory, or the program itself.

use std::{borrow::Cow, fmt, fs, path::PathBuf};

use super::{Error, Result};

/// The files of a checkpoint, by name.
#[derive(Clone, Debug)]
pub enum Source {
    /// A directory in Hugging Face form.
    Directory(PathBuf),
    /// Files built into the program as (name, content).
    Embedded(&'static [(&'static str, &'static [u8])]),
}

impl Source {
    /// A source for the directory at this path.
    pub fn directory(path: impl Into<PathBuf>) -> Self {
        Self::Directory(path.into())
    }

    /// A name for display: the hub id for a path in the hub's cache, otherwise the last component of the
    /// path.
    pub fn name(&self) -> String {
        let Self::Directory(path) = self else { return "built-in".to_owned() };
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.clone());
        let last =
            || path.file_name().map_or(path.display().to_string(), |name| name.to_string_lossy().into());
        self.hub_id().unwrap_or_else(last)
    }

    /// The hub id, for a path in the hub's cache.
    pub fn hub_id(&self) -> Option<String> {
        let Self::Directory(path) = self else { return None };
        let path = fs::canonicalize(path).ok()?;
        let parts: Vec<_> = path.iter().map(|part| part.to_string_lossy()).collect();
        match parts.as_slice() {
            [.., cached, snapshots, _revision] if snapshots == "snapshots" => {
                Some(cached.strip_prefix("models--")?.replace("--", "/"))
            }
            _ => None,
        }
    }

    /// Whether the file exists.
    pub fn has(&self, file: &str) -> bool {
        match self {
            Self::Directory(path) => path.join(file).is_file(),
            Self::Embedded(files) => files.iter().any(|(name, _)| *name == file),
        }
    }

    /// The content of a small file.
    ///
    /// # Errors
    /// [`Error::Missing`] with the advice if the file does not exist, [`Error::Read`] if it can't be read.
    pub fn read(&self, file: &str, advice: &'static str) -> Result<Cow<'static, [u8]>> {
        let missing = || Error::Missing { place: self.to_string(), file: file.to_owned(), advice };
        match self {
            Self::Directory(path) => match fs::read(path.join(file)) {
                Ok(content) => Ok(Cow::Owned(content)),
                Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => Err(missing()),
                Err(cause) => Err(Error::Read { file: self.locate(file), cause }),
            },
            Self::Embedded(files) => match files.iter().find(|(name, _)| *name == file) {
                Some((_, content)) => Ok(Cow::Borrowed(content)),
                None => Err(missing()),
            },
        }
    }

    /// The names of all files, sorted. Subdirectories are left out.
    ///
    /// # Errors
    /// [`Error::Read`] if the directory can't be listed.
    pub fn files(&self) -> Result<Vec<String>> {
        let mut names: Vec<String> = match self {
            Self::Directory(path) => fs::read_dir(path)
                .map_err(|cause| Error::Read { file: path.display().to_string(), cause })?
                .filter_map(|entry| entry.ok().filter(|entry| entry.path().is_file()))
                .map(|entry| entry.file_name().to_string_lossy().into_owned())
                .collect(),
            Self::Embedded(files) => files.iter().map(|(name, _)| (*name).to_owned()).collect(),
        };
        names.sort();
        Ok(names)
    }

    /// The name of a file in error messages.
    pub fn locate(&self, file: &str) -> String {
        match self {
            Self::Directory(path) => path.join(file).display().to_string(),
            Self::Embedded(_) => format!("the built-in {file}"),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(path) => path.display().fmt(f),
            Self::Embedded(_) => f.write_str("the built-in model"),
        }
    }
}
