//! One snapshot in the hub's cache: `snapshots/COMMIT/FILE` is a link to `blobs/ETAG`, and `refs/REVISION` contains
//! a commit.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use hf_hub::{Cache, Repo, RepoType};
use serde_json::Value;

use super::{
    error::{Error, Result},
    id::HubId,
};

pub(super) const CONFIG: &str = "config.json";
pub(super) const TOKENIZER: &str = "tokenizer.json";

/// Where the weights of a repository are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stored {
    /// In this file.
    Whole(&'static str),
    /// In the files that this index lists.
    Shards(&'static str),
}

impl Stored {
    /// The preferred form among the files that there are.
    pub fn among(has: impl Fn(&str) -> bool) -> Option<Self> {
        const FORMS: [Stored; 4] = [
            Stored::Whole("model.safetensors"),
            Stored::Shards("model.safetensors.index.json"),
            Stored::Whole("pytorch_model.bin"),
            Stored::Shards("pytorch_model.bin.index.json"),
        ];
        FORMS.into_iter().find(|form| match form {
            Self::Whole(file) | Self::Shards(file) => has(file),
        })
    }
}

#[derive(Debug)]
pub(super) struct Cached {
    id: HubId,
    cache: PathBuf,
    commit: String,
}

impl Cached {
    /// The snapshot of the last download of the revision, or the snapshot of that commit.
    pub fn of_revision(id: &HubId, cache: &Path) -> Option<Self> {
        let folder = cache.join(repo(id).folder_name());
        let known = fs::read_to_string(folder.join("refs").join(id.revision())).ok();
        let commit = known.map_or_else(|| id.revision().to_string(), |commit| commit.trim().to_string());
        let cached = Self::of_commit(id, cache, &commit).ok()?;
        cached.directory().is_dir().then_some(cached)
    }

    pub fn of_commit(id: &HubId, cache: &Path, commit: &str) -> Result<Self> {
        if !is_plain_name(commit) {
            let cause = format!("{commit:?} is not a commit");
            return Err(Error::Answer { url: id.to_string(), cause });
        }
        Ok(Self { id: id.clone(), cache: cache.into(), commit: commit.into() })
    }

    pub fn commit(&self) -> &str {
        &self.commit
    }

    pub fn directory(&self) -> PathBuf {
        Cache::new(self.cache.clone()).repo(repo(&self.id)).pointer_path(&self.commit)
    }

    pub fn has(&self, file: &str) -> bool {
        self.directory().join(file).exists()
    }

    /// The files needed to load the snapshot that are not in the cache.
    pub fn missing(&self) -> Vec<String> {
        let mut needed = vec![CONFIG.to_string(), TOKENIZER.to_string()];
        let weights = match Stored::among(|file| self.has(file)) {
            Some(Stored::Whole(_)) => Some(Vec::new()),
            Some(Stored::Shards(index)) => self.shards(index).ok(),
            None => None,
        };
        needed.extend(weights.unwrap_or_else(|| vec!["model.safetensors".into()]));
        needed.retain(|file| !self.has(file));
        needed
    }

    pub fn json(&self, file: &str) -> Result<Value> {
        let path = self.directory().join(file);
        let text = fs::read(&path).map_err(|error| error.to_string());
        let value = text.and_then(|text| serde_json::from_slice(&text).map_err(|error| error.to_string()));
        value.map_err(|cause| Error::Broken { path, cause })
    }

    /// Names of the weight files according to an index, in order.
    pub fn shards(&self, index: &str) -> Result<Vec<String>> {
        let broken = |cause: &str| Error::Broken { path: self.directory().join(index), cause: cause.into() };
        let index = self.json(index)?;
        let weight_map = index["weight_map"].as_object().ok_or_else(|| broken("it has no weight_map"))?;
        let shards: Option<Vec<&str>> = weight_map.values().map(Value::as_str).collect();
        let mut shards = shards.ok_or_else(|| broken("its weight_map has values other than file names"))?;
        shards.sort_unstable();
        shards.dedup();
        // The index is untrusted and must not point outside the snapshot.
        match shards.iter().find(|shard| !is_plain_name(shard)) {
            Some(shard) => Err(broken(&format!("{shard:?} is not the name of a shard"))),
            None if shards.is_empty() => Err(broken("its weight_map is empty")),
            None => Ok(shards.into_iter().map(String::from).collect()),
        }
    }

    /// The paths of the bytes with this etag, complete and incomplete.
    pub fn blob(&self, etag: &str) -> PathBuf {
        Cache::new(self.cache.clone()).repo(repo(&self.id)).blob_path(etag)
    }

    /// Adds a complete blob to the snapshot as `file`.
    pub fn link(&self, file: &str, etag: &str) -> Result<()> {
        let (directory, pointer) = (self.directory(), self.directory().join(file));
        let failed = |source| Error::Write { path: pointer.clone(), source };
        fs::create_dir_all(&directory).map_err(failed)?;
        match fs::remove_file(&pointer) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => return Err(failed(source)),
            Ok(()) | Err(_) => {}
        }
        link(&self.blob(etag), etag, &pointer).map_err(failed)
    }

    /// Makes the revision refer to this commit, even offline.
    pub fn point_revision_here(&self) -> Result<()> {
        let cached = Cache::new(self.cache.clone()).repo(repo(&self.id));
        cached.create_ref(&self.commit).map_err(|source| Error::Write { path: self.cache.clone(), source })
    }
}

/// Creates the link. It is relative, so the cache may be moved.
#[cfg(unix)]
fn link(_blob: &Path, etag: &str, pointer: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(Path::new("../../blobs").join(etag), pointer)
}

#[cfg(not(unix))]
fn link(blob: &Path, _etag: &str, pointer: &Path) -> io::Result<()> {
    fs::hard_link(blob, pointer).or_else(|_| fs::copy(blob, pointer).map(|_| ()))
}

pub(super) fn repo(id: &HubId) -> Repo {
    Repo::with_revision(id.repository().into(), RepoType::Model, id.revision().into())
}

/// Whether this is a single component of a path and of a URL, on any system.
pub(super) fn is_plain_name(name: &str) -> bool {
    let legal = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.');
    !name.is_empty() && !name.starts_with('.') && name.chars().all(legal)
}
