//! Checkpoints of the Hugging Face hub, downloaded into the cache shared with its other tools.
//!
//! There are two steps, so an unsupported model is rejected before its gigabytes are downloaded: [`open`] downloads
//! only `config.json`, and [`Checkpoint::fetch`] downloads the rest.

mod cache;
mod client;
mod error;
mod id;
mod options;
mod transfer;

use std::{ops::ControlFlow, path::PathBuf};

use serde_json::Value;

pub use error::{Error, Result};
pub use id::{HubId, looks_like_hub_id};
pub use options::Options;

use cache::{CONFIG, Cached, Stored, TOKENIZER};
use client::Hub;

/// Files that are downloaded if the repository has them, in addition to `chat_template*` and `LICENSE*`.
const COMPANIONS: [&str; 5] = [
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "tokenizer.model",
    "generation_config.json",
];

/// Progress of one file in bytes. `total` is 0 until the hub reports it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transfer<'a> {
    /// Name of the file.
    pub file: &'a str,
    /// Bytes downloaded.
    pub done: u64,
    /// Size of the file.
    pub total: u64,
}

/// Called several times a second, even while no data arrives. Its break ends the download; the next download
/// continues with the bytes received so far.
pub type Progress<'a> = dyn FnMut(Transfer<'_>) -> ControlFlow<()> + 'a;

/// A checkpoint whose `config.json` has been downloaded.
#[derive(Debug)]
pub struct Checkpoint {
    cached: Cached,
    config: Value,
    /// The files that still have to be downloaded, and their source; None if all are in the cache.
    rest: Option<(Hub, Vec<String>)>,
}

/// Finds the revision's commit and downloads its `config.json`.
///
/// Offline, or if the hub cannot be reached, a complete checkpoint in the cache is used.
///
/// # Errors
///
/// If the repository does not exist, is not public, or lacks `config.json`, `tokenizer.json` or weights;
/// if the hub cannot be reached and the cache is incomplete; if the disk fails; if `config.json` is broken;
/// or if `progress` breaks.
pub fn open(id: &HubId, options: &Options, progress: &mut Progress<'_>) -> Result<Checkpoint> {
    if options.offline {
        return from_cache(id, options);
    }
    let hub = Hub::new(id, options)?;
    let (commit, files) = match hub.files(progress) {
        Ok(found) => found,
        Err(unreachable @ Error::Network { .. }) => return from_cache(id, options).map_err(|_| unreachable),
        Err(other) => return Err(other),
    };
    require_files(id, &files)?;
    let cached = Cached::of_commit(id, &options.cache, &commit)?;
    hub.fetch(&cached, CONFIG, progress)?;
    Ok(Checkpoint { config: cached.json(CONFIG)?, cached, rest: Some((hub, files)) })
}

fn from_cache(id: &HubId, options: &Options) -> Result<Checkpoint> {
    let lacking = |missing| Error::Offline { id: id.clone(), missing, cache: options.cache.clone() };
    let cached = Cached::of_revision(id, &options.cache).ok_or_else(|| lacking("all files".into()))?;
    let missing = cached.missing();
    if !missing.is_empty() {
        return Err(lacking(missing.join(", ")));
    }
    Ok(Checkpoint { config: cached.json(CONFIG)?, cached, rest: None })
}

fn require_files(id: &HubId, files: &[String]) -> Result<()> {
    let has = |name: &str| files.iter().any(|file| file == name);
    if let Some(file) = [CONFIG, TOKENIZER].into_iter().find(|file| !has(file)) {
        return Err(Error::NoFile { id: id.clone(), file });
    }
    if Stored::among(has).is_none() {
        return Err(Error::NoWeights { id: id.clone() });
    }
    Ok(())
}

impl Checkpoint {
    /// `config.json`, unchanged.
    pub fn config(&self) -> &Value {
        &self.config
    }

    /// The commit of the revision.
    pub fn commit(&self) -> &str {
        self.cached.commit()
    }

    /// Downloads the files missing in the cache: tokenizer, companion files, then weights. Returns the
    /// snapshot's directory.
    ///
    /// # Errors
    ///
    /// As for [`open`], and if the shard index is broken.
    pub fn fetch(self, progress: &mut Progress<'_>) -> Result<PathBuf> {
        let Self { cached, rest, config: _ } = self;
        let Some((hub, files)) = rest else { return Ok(cached.directory()) };
        hub.fetch(&cached, TOKENIZER, progress)?;
        for file in files.iter().filter(|file| is_companion(file)) {
            match hub.fetch(&cached, file, progress) {
                // An empty file has no first byte to request.
                Ok(()) | Err(Error::Status { status: 416, .. }) => {}
                Err(other) => return Err(other),
            }
        }
        match Stored::among(|name| files.iter().any(|file| file == name)) {
            Some(Stored::Whole(file)) => hub.fetch(&cached, file, progress)?,
            Some(Stored::Shards(index)) => {
                hub.fetch(&cached, index, progress)?;
                for shard in cached.shards(index)? {
                    hub.fetch(&cached, &shard, progress)?;
                }
            }
            // Refused when the repository was opened.
            None => {}
        }
        cached.point_revision_here()?;
        Ok(cached.directory())
    }
}

fn is_companion(file: &str) -> bool {
    let known =
        COMPANIONS.contains(&file) || file.starts_with("chat_template") || file.starts_with("LICENSE");
    known && cache::is_plain_name(file)
}
