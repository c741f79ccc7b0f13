//! What can keep the explorer from starting, or end it.

use std::{io, path::PathBuf};

use crate::{config, engine, explorer, recording};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(
        "the explorer needs a terminal on stdin and stdout, and {0}; without one use `slimgpt prune`, `slimgpt eval` or `slimgpt inspect`"
    )]
    NoTerminal(&'static str),
    #[error("the terminal cannot be used ({0}); check the variable TERM and where stdin and stdout lead")]
    Terminal(io::Error),
    #[error("the event loop cannot start ({0}); free some file descriptors and try again")]
    Runtime(io::Error),
    #[error("{}: cannot be read ({cause}); correct or remove it", path.display())]
    Unreadable { path: PathBuf, cause: io::Error },
    #[error("{place}: no theme is called \"{name}\"; expected one of {known}")]
    NoSuchTheme { place: String, name: String, known: String },
    #[error("--json: the explorer prints no results; leave it out, or use `slimgpt prune --json`")]
    Json,
    #[error(transparent)]
    Config(#[from] config::Error),
    #[error(transparent)]
    Keys(#[from] explorer::KeyMapError),
    #[error(transparent)]
    Engine(#[from] engine::Error),
    #[error(transparent)]
    Recording(#[from] recording::Error),
    #[error("the explorer stopped unexpectedly; the report above says where, please pass it on")]
    Panicked,
}

impl Error {
    /// 2 bad usage, settings or input; 130 cancelled; 1 everything else.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::NoTerminal(_)
            | Self::Unreadable { .. }
            | Self::NoSuchTheme { .. }
            | Self::Json
            | Self::Config(_)
            | Self::Keys(_) => 2,
            Self::Engine(error) => error.exit_code(),
            Self::Recording(error) => error.exit_code(),
            Self::Terminal(_) | Self::Runtime(_) | Self::Panicked => 1,
        }
    }
}
