//! Checkpoints of the Hugging Face hub, fetched into the cache that its other tools share.
//!
//! In two steps, so that a model of another family is refused before its gigabytes come: [`open`] fetches
//! `config.json` and nothing else, [`Checkpoint::fetch`] the rest.

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

use cache::{CONFIG, Cached, INDEX, ONE_FILE, TOKENIZER};
use client::Hub;

/// Fetched when the repository has them; so are `chat_template*` and `LICENSE*`.
const COMPANIONS: [&str; 5] = [
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "tokenizer.model",
    "generation_config.json",
];

/// How far a file is, in bytes. `total` is 0 while the hub has not told it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transfer<'a> {
    pub file: &'a str,
    pub done: u64,
    pub total: u64,
}

/// Called some times a second, also while nothing arrives; a break ends the download. What has come by then is kept,
/// and the next download goes on from there.
pub type Progress<'a> = dyn FnMut(Transfer<'_>) -> ControlFlow<()> + 'a;

/// A checkpoint whose `config.json` is here.
#[derive(Debug)]
pub struct Checkpoint {
    cached: Cached,
    config: Value,
    /// What is still to be fetched from where; nothing when all of it is in the cache.
    rest: Option<(Hub, Vec<String>)>,
}

/// Finds the revision's commit and fetches its `config.json`.
///
/// Offline, and where the hub can't be reached, a checkpoint that is whole in the cache is taken from there.
///
/// # Errors
///
/// The repository is not there, not for everybody, or without `config.json`, `tokenizer.json` or safetensors; the hub
/// is not reached and the cache has not all of it; the disk; a broken `config.json`; `progress` broke.
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
    if !has(ONE_FILE) && !has(INDEX) {
        return Err(Error::NoSafetensors { id: id.clone() });
    }
    Ok(())
}

impl Checkpoint {
    /// `config.json` as it stands.
    pub fn config(&self) -> &Value {
        &self.config
    }

    /// The commit that the revision was found at.
    pub fn commit(&self) -> &str {
        self.cached.commit()
    }

    /// Fetches what the cache has not: tokenizer, companions, then the weights. Returns the snapshot's directory.
    ///
    /// # Errors
    ///
    /// As [`open`]; a broken index of shards.
    pub fn fetch(self, progress: &mut Progress<'_>) -> Result<PathBuf> {
        let Self { cached, rest, config: _ } = self;
        let Some((hub, files)) = rest else { return Ok(cached.directory()) };
        hub.fetch(&cached, TOKENIZER, progress)?;
        for file in files.iter().filter(|file| is_companion(file)) {
            match hub.fetch(&cached, file, progress) {
                // An empty file has no byte to ask for.
                Ok(()) | Err(Error::Status { status: 416, .. }) => {}
                Err(other) => return Err(other),
            }
        }
        if files.iter().any(|file| file == ONE_FILE) {
            hub.fetch(&cached, ONE_FILE, progress)?;
        } else {
            hub.fetch(&cached, INDEX, progress)?;
            for shard in cached.shards()? {
                hub.fetch(&cached, &shard, progress)?;
            }
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
