//! The location of a checkpoint's files: a directory, a GGUF file, or the program itself.

use std::{
    borrow::Cow,
    fmt, fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::{Error, GgufFile, Result};

/// The files of a checkpoint, by name.
#[derive(Clone, Debug)]
pub enum Source {
    /// A directory in Hugging Face form.
    Directory(PathBuf),
    /// A GGUF file; the files are made from its metadata.
    Gguf(GgufFile),
    /// Files built into the program as (name, content).
    Embedded(&'static [(&'static str, &'static [u8])]),
}

impl Source {
    /// A source for the directory at this path.
    pub fn directory(path: impl Into<PathBuf>) -> Self {
        Self::Directory(path.into())
    }

    /// The GGUF file at this path, or the first of its shards.
    ///
    /// # Errors
    /// If the file is missing, truncated or damaged, or an architecture or option is not supported.
    pub fn gguf(path: &Path) -> Result<Self> {
        Ok(Self::Gguf(GgufFile::open(path)?))
    }

    /// A name for display: the hub id for a path in the hub's cache, otherwise the last component of the path.
    pub fn name(&self) -> String {
        let path = match self {
            Self::Directory(path) => path,
            Self::Gguf(file) => return file.name(),
            Self::Embedded(_) => return "built-in".to_owned(),
        };
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
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
            Self::Gguf(gguf) => gguf.files().contains(&file),
            Self::Embedded(files) => files.iter().any(|(name, _)| *name == file),
        }
    }

    /// The content of a small file.
    ///
    /// # Errors
    /// [`Error::Missing`] with the advice if the file does not exist, [`Error::Read`] if it cannot be read.
    pub fn read(&self, file: &str, advice: &'static str) -> Result<Cow<'static, [u8]>> {
        let missing = || Error::Missing { place: self.to_string(), file: file.to_owned(), advice };
        match self {
            Self::Directory(path) => match fs::read(path.join(file)) {
                Ok(content) => {
                    self.refuse_pointer(file, &content)?;
                    Ok(Cow::Owned(content))
                }
                Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => Err(missing()),
                Err(cause) => Err(Error::Read { file: self.locate(file), cause }),
            },
            Self::Gguf(gguf) => gguf.read(file)?.ok_or_else(missing),
            Self::Embedded(files) => match files.iter().find(|(name, _)| *name == file) {
                Some((_, content)) => Ok(Cow::Borrowed(content)),
                None => Err(missing()),
            },
        }
    }

    /// Refuses the pointer that git-lfs leaves in place of a large file, if `content` is one.
    ///
    /// # Errors
    /// [`Error::LfsPointer`] with the size of the large file.
    pub(super) fn refuse_pointer(&self, file: &str, content: &[u8]) -> Result<()> {
        /// The specification of git-lfs asks for pointers of fewer bytes.
        const LONGEST: usize = 1024;
        const BEGINNING: &[u8] = b"version https://git-lfs.github.com/spec/";
        if content.len() >= LONGEST || !content.starts_with(BEGINNING) {
            return Ok(());
        }
        let text = String::from_utf8_lossy(content);
        let size = text.lines().find_map(|line| line.strip_prefix("size ")?.trim().parse::<u64>().ok());
        Err(Error::LfsPointer {
            file: self.locate(file),
            size: size.map_or(String::new(), |bytes| format!(" of {bytes} bytes")),
            place: self.to_string(),
        })
    }

    /// A JSON file; None if it does not exist.
    ///
    /// # Errors
    /// If the file cannot be read or is not JSON.
    pub fn json(&self, name: &str) -> Result<Option<Value>> {
        if !self.has(name) {
            return Ok(None);
        }
        let content = self.read(name, "it was removed in the meantime")?;
        let json = serde_json::from_slice(&content);
        json.map(Some).map_err(|cause| Error::NotJson { file: self.locate(name), cause })
    }

    /// The names of all files, sorted. Subdirectories are left out.
    ///
    /// # Errors
    /// [`Error::Read`] if the directory cannot be listed.
    pub fn files(&self) -> Result<Vec<String>> {
        let mut names: Vec<String> = match self {
            Self::Directory(path) => fs::read_dir(path)
                .map_err(|cause| Error::Read { file: path.display().to_string(), cause })?
                .filter_map(|entry| entry.ok().filter(|entry| entry.path().is_file()))
                .map(|entry| entry.file_name().to_string_lossy().into_owned())
                .collect(),
            Self::Gguf(gguf) => gguf.files().into_iter().map(str::to_owned).collect(),
            Self::Embedded(files) => files.iter().map(|(name, _)| (*name).to_owned()).collect(),
        };
        names.sort();
        Ok(names)
    }

    /// The names of the files that are stored: those of the directory, or the GGUF file in place of what its metadata stands for.
    ///
    /// # Errors
    /// As [`Source::files`].
    pub fn stored_files(&self) -> Result<Vec<String>> {
        match self {
            Self::Gguf(gguf) => Ok(gguf.stored_files().into_iter().map(|(name, _)| name).collect()),
            Self::Directory(_) | Self::Embedded(_) => self.files(),
        }
    }

    /// The path of one of [`Source::stored_files`]; None for a built-in one, or a name that a GGUF file does not have.
    pub fn path_of(&self, file: &str) -> Option<PathBuf> {
        match self {
            Self::Directory(directory) => Some(directory.join(file)),
            Self::Gguf(gguf) => gguf
                .stored_files()
                .into_iter()
                .find(|(name, _)| name == file)
                .map(|(_, path)| path.to_owned()),
            Self::Embedded(_) => None,
        }
    }

    /// The name of a file in error messages.
    pub fn locate(&self, file: &str) -> String {
        match self {
            Self::Directory(path) => path.join(file).display().to_string(),
            Self::Gguf(gguf) => format!("{} ({file} from its metadata)", gguf.path().display()),
            Self::Embedded(_) => format!("the built-in {file}"),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(path) => path.display().fmt(f),
            Self::Gguf(gguf) => gguf.path().display().fmt(f),
            Self::Embedded(_) => f.write_str("the built-in model"),
        }
    }
}
