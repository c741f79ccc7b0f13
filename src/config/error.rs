//! Errors of settings.

use std::{io, path::PathBuf};

use crate::failure::Kind;

/// Errors of settings and of the files that contain them.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "each message explains its variant")]
pub enum Error {
    #[error("settings file {}: cannot be read ({cause}); check its path", path.display())]
    Unreadable { path: PathBuf, cause: io::Error },
    #[error("{file}, line {line}: {what}")]
    File { file: String, line: usize, what: String },
    #[error(
        "schedule {}: neither the name of a schedule nor a readable file ({cause}); expected log, linear, uniform, log-decrease, linear-decrease or a file with one ratio for each layer",
        path.display()
    )]
    Schedule { path: PathBuf, cause: io::Error },
    #[error("{key}: {found}; {remedy}")]
    Value { key: String, found: String, remedy: String },
}

impl Error {
    /// The kind of the error: input, failure or cancellation.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Unreadable { cause, .. } => Kind::of_io(cause),
            Self::File { .. } | Self::Schedule { .. } | Self::Value { .. } => Kind::Input,
        }
    }

    /// A refused value: its key, the value found, and the remedy.
    pub fn value(key: &str, found: &str, remedy: &str) -> Self {
        Self::Value { key: key.into(), found: found.into(), remedy: remedy.into() }
    }
}
