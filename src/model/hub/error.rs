//! Errors of a download from the hub.

use std::{io, path::PathBuf};

use super::id::HubId;
use crate::failure::Kind;

#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "each message explains its variant")]
pub enum Error {
    #[error("{given:?} is not the name of a hub model; expected owner/name or owner/name@revision")]
    Id { given: String },
    #[error("{endpoint} has no model {id}; check the spelling")]
    NotFound { id: HubId, endpoint: String },
    #[error("{endpoint} restricts access to {id} (status {status}): check the spelling, and {}",
        what_to_do(id, endpoint, *with_token))]
    NotAllowed { id: HubId, endpoint: String, status: u16, with_token: bool },
    #[error("cannot reach {endpoint} ({cause}); check the connection, or HF_ENDPOINT")]
    Network { endpoint: String, cause: String },
    #[error("{url} answered with status {status}; try again later")]
    Status { url: String, status: u16 },
    #[error("the answer of {url} cannot be parsed: {cause}; check HF_ENDPOINT")]
    Answer { url: String, cause: String },
    #[error(
        "HF_HUB_OFFLINE is set, and the cache {} lacks {missing} of {id}; unset it for one download",
        cache.display()
    )]
    Offline { id: HubId, missing: String, cache: PathBuf },
    #[error("{id} has no {file}, which a LLaMA-family checkpoint needs; choose another model or revision")]
    NoFile { id: HubId, file: &'static str },
    #[error(
        "{id} has weights neither as safetensors nor as pytorch_model.bin; choose another model or revision"
    )]
    NoWeights { id: HubId },
    #[error("{} is broken: {cause}; delete it and download it again", path.display())]
    Broken { path: PathBuf, cause: String },
    #[error("cannot write {}: {source}", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("the download was cancelled; the next one continues from here")]
    Cancelled,
}

impl Error {
    /// The kind of the error: input, failure or cancellation.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Network { .. } | Self::Status { .. } | Self::Answer { .. } => Kind::Failed,
            Self::Write { source, .. } => Kind::of_io(source),
            Self::Cancelled => Kind::Cancelled,
            Self::Id { .. }
            | Self::NotFound { .. }
            | Self::NotAllowed { .. }
            | Self::Offline { .. }
            | Self::NoFile { .. }
            | Self::NoWeights { .. }
            | Self::Broken { .. } => Kind::Input,
        }
    }
}

fn what_to_do(id: &HubId, endpoint: &str, with_token: bool) -> String {
    let page = format!("{endpoint}/{}", id.repository());
    if with_token {
        format!("accept its licence at {page} with the account of your token, or set another HF_TOKEN")
    } else {
        format!("accept its licence at {page} and set HF_TOKEN")
    }
}

/// The result of functions of this module.
pub type Result<T, E = Error> = std::result::Result<T, E>;
