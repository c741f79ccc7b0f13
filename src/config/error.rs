//! What can be wrong with settings.

use std::{io, path::PathBuf};

use crate::failure::Kind;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("settings file {}: cannot be read ({cause}); check its path", path.display())]
    Unreadable { path: PathBuf, cause: io::Error },
    #[error("{file}, line {line}: {what}")]
    File { file: String, line: usize, what: String },
    #[error(
        "schedule {}: neither a schedule's name nor a readable file ({cause}); expected log, linear, uniform, log-decrease, linear-decrease or a file with one ratio a layer",
        path.display()
    )]
    Schedule { path: PathBuf, cause: io::Error },
    #[error("{key}: {found}; {remedy}")]
    Value { key: String, found: String, remedy: String },
}

impl Error {
    /// Whether the input, the system or the user is the cause.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Unreadable { cause, .. } => Kind::of_io(cause),
            Self::File { .. } | Self::Schedule { .. } | Self::Value { .. } => Kind::Input,
        }
    }

    pub fn value(key: &str, found: &str, remedy: &str) -> Self {
        Self::Value { key: key.into(), found: found.into(), remedy: remedy.into() }
    }
}
