//! Errors of a sweep.

use std::{io, path::PathBuf};

use crate::{
    config, engine,
    failure::{Advice, Kind},
    session,
};

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
    #[error("cells {one} and {other}: they have the same settings; remove one of them")]
    Same { one: String, other: String },
    #[error(
        "cell {name}: was started with other settings ({what}); restore them, or remove {}", path.display()
    )]
    Changed { name: String, what: String, path: PathBuf },
    #[error("{}: expected the directory of a sweep, found no sweep.json in it; check the path", .0.display())]
    NotASweep(PathBuf),
    #[error(
        "{}: expected a new or empty directory or the directory of a sweep, found other files",
        .0.display()
    )]
    Occupied(PathBuf),
    #[error("{}: is damaged ({cause}); run the sweep again with its file, which rewrites it", path.display())]
    Damaged { path: PathBuf, cause: String },
    #[error("{}: cannot be read ({cause}); check the permissions", path.display())]
    Unreadable { path: PathBuf, cause: io::Error },
    #[error("{}: cannot be written ({cause}); check the free space and the permissions", path.display())]
    Write { path: PathBuf, cause: io::Error },
    #[error("{}: cannot be started ({cause}); check that it exists", program.display())]
    Start { program: PathBuf, cause: io::Error },
    #[error("{failed} of {of} cells failed; see their logs, and run the same command to try them again")]
    Failed { failed: usize, of: usize },
    #[error("cancelled; finished layers are saved, and the same command continues from them")]
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

    /// The kind of the error: input, failure or cancellation.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Settings(cause) => cause.kind(),
            Self::Engine(cause) => cause.kind(),
            Self::Cell { cause, .. } => cause.kind(),
            Self::File { cause, .. } | Self::Unreadable { cause, .. } | Self::Write { cause, .. } => {
                Kind::of_io(cause)
            }
            Self::Start { .. } | Self::Failed { .. } => Kind::Failed,
            Self::Cancelled => Kind::Cancelled,
            Self::Same { .. }
            | Self::Changed { .. }
            | Self::NotASweep(_)
            | Self::Occupied(_)
            | Self::Damaged { .. } => Kind::Input,
        }
    }

    /// Advice whose wording depends on the frontend.
    pub fn advice(&self) -> Option<Advice> {
        match self {
            Self::Engine(cause) => cause.advice(),
            Self::Cell { cause, .. } => cause.advice(),
            Self::Changed { .. } | Self::Occupied(_) => Some(Advice::OtherOutput),
            Self::Settings(_)
            | Self::File { .. }
            | Self::Same { .. }
            | Self::NotASweep(_)
            | Self::Damaged { .. }
            | Self::Unreadable { .. }
            | Self::Write { .. }
            | Self::Start { .. }
            | Self::Failed { .. }
            | Self::Cancelled => None,
        }
    }
}

impl From<session::Error> for Error {
    fn from(error: session::Error) -> Self {
        Self::Engine(error.into())
    }
}
