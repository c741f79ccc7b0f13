//! Errors that end the explorer or prevent its start.

use std::{io, path::PathBuf};

use crate::{
    config, engine, explorer,
    failure::{Advice, Kind},
    recording,
};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(
        "the explorer needs a terminal on stdin and stdout, but {0}; without a terminal, use `slimgpt prune`, `slimgpt eval` or `slimgpt inspect`"
    )]
    NoTerminal(&'static str),
    #[error(
        "the terminal cannot be used ({0}); check the variable TERM, and that stdin and stdout are a terminal"
    )]
    Terminal(io::Error),
    #[error("the event loop cannot start ({0}); free some file descriptors and try again")]
    Runtime(io::Error),
    #[error("{}: cannot be read ({cause}); correct or remove it", path.display())]
    Unreadable { path: PathBuf, cause: io::Error },
    #[error("{place}: there is no theme \"{name}\"; expected one of {known}")]
    NoSuchTheme { place: String, name: String, known: String },
    #[error("--json: the explorer prints no results; remove it, or use `slimgpt prune --json`")]
    Json,
    #[error(transparent)]
    Config(#[from] config::Error),
    #[error(transparent)]
    Keys(#[from] explorer::KeyMapError),
    #[error(transparent)]
    Engine(#[from] engine::Error),
    #[error(transparent)]
    Recording(#[from] recording::Error),
    #[error("the explorer stopped unexpectedly; please report the message above")]
    Panicked,
}

impl Error {
    /// The kind of the error: input, failure or cancellation.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Config(cause) => cause.kind(),
            Self::Engine(cause) => cause.kind(),
            Self::Recording(cause) => cause.kind(),
            Self::Unreadable { cause, .. } => Kind::of_io(cause),
            Self::Terminal(_) | Self::Runtime(_) | Self::Panicked => Kind::Failed,
            Self::NoTerminal(_) | Self::NoSuchTheme { .. } | Self::Json | Self::Keys(_) => Kind::Input,
        }
    }

    /// Advice whose wording depends on the frontend.
    pub fn advice(&self) -> Option<Advice> {
        match self {
            Self::Engine(cause) => cause.advice(),
            Self::Recording(cause) => cause.advice(),
            Self::NoTerminal(_)
            | Self::Terminal(_)
            | Self::Runtime(_)
            | Self::Unreadable { .. }
            | Self::NoSuchTheme { .. }
            | Self::Json
            | Self::Config(_)
            | Self::Keys(_)
            | Self::Panicked => None,
        }
    }
}
