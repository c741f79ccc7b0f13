//! What can be wrong with a sweep.

use std::{io, path::PathBuf};

use crate::{config, engine, session};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Settings(#[from] config::Error),
    #[error(transparent)]
    Engine(#[from] engine::Error),
    #[error("sweep {}: cannot be read ({cause}); check the path", path.display())]
    File { path: PathBuf, cause: io::Error },
    #[error("cell {name}: {cause}")]
    Cell { name: String, cause: Box<engine::Error> },
    #[error(
        "cells {one} and {other}: have the same settings, expected each to be another run; leave one of them out"
    )]
    Same { one: String, other: String },
    #[error(
        "cell {name}: was begun with other settings ({what}); put them back, remove {}, or give another --out", path.display()
    )]
    Changed { name: String, what: String, path: PathBuf },
    #[error("{}: expected the directory of a sweep, found no sweep.json in it; check the path", .0.display())]
    NotASweep(PathBuf),
    #[error(
        "{}: expected a directory that does not exist yet, is empty or holds a sweep, found something else; choose another --out",
        .0.display()
    )]
    Occupied(PathBuf),
    #[error("{}: is damaged ({cause}); run the sweep with its file again, which writes it anew", path.display())]
    Damaged { path: PathBuf, cause: String },
    #[error("{}: cannot be read ({cause}); check that you may read it", path.display())]
    Unreadable { path: PathBuf, cause: io::Error },
    #[error("{}: cannot be written ({cause}); check that the disk has room and that you may write there", path.display())]
    Write { path: PathBuf, cause: io::Error },
    #[error("{}: cannot be started ({cause}); check that it is there", program.display())]
    Start { program: PathBuf, cause: io::Error },
    #[error(
        "{failed} of {of} cells failed, the others are done; their logs say why, and the same command tries them again"
    )]
    Failed { failed: usize, of: usize },
    #[error("cancelled; what was finished is kept, and the same command goes on with it")]
    Cancelled,
}

impl Error {
    pub(super) fn write(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |cause| Self::Write { path, cause }
    }

    pub(super) fn cell(name: &str, cause: impl Into<engine::Error>) -> Self {
        Self::Cell { name: name.into(), cause: Box::new(cause.into()) }
    }

    pub fn is_cancelled(&self) -> bool {
        match self {
            Self::Cancelled => true,
            Self::Engine(error) => error.is_cancelled(),
            Self::Cell { cause, .. } => cause.is_cancelled(),
            Self::Settings(_)
            | Self::File { .. }
            | Self::Same { .. }
            | Self::Changed { .. }
            | Self::NotASweep(_)
            | Self::Occupied(_)
            | Self::Damaged { .. }
            | Self::Unreadable { .. }
            | Self::Write { .. }
            | Self::Start { .. }
            | Self::Failed { .. } => false,
        }
    }

    /// 2 bad usage, settings or input; 130 cancelled; 1 everything else.
    pub fn exit_code(&self) -> u8 {
        if self.is_cancelled() {
            return 130;
        }
        match self {
            Self::Engine(error) => error.exit_code(),
            Self::Cell { cause, .. } => cause.exit_code(),
            Self::Settings(_)
            | Self::File { .. }
            | Self::Same { .. }
            | Self::Changed { .. }
            | Self::NotASweep(_)
            | Self::Occupied(_)
            | Self::Damaged { .. }
            | Self::Unreadable { .. } => 2,
            Self::Write { .. } | Self::Start { .. } | Self::Failed { .. } | Self::Cancelled => 1,
        }
    }
}

impl From<session::Error> for Error {
    fn from(error: session::Error) -> Self {
        Self::Engine(error.into())
    }
}
