//! Errors of recordings and replays.

use std::{io, path::PathBuf};

use crate::failure::{Advice, Kind};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("events file {}: cannot be written ({cause})", path.display())]
    Unwritable { path: PathBuf, cause: io::Error },
    #[error("events file {}: it is inside the output directory, which does not exist until the run ends", .0.display())]
    InOutput(PathBuf),
    #[error("recording {}: cannot be read ({cause})", path.display())]
    Unreadable { path: PathBuf, cause: io::Error },
    #[error("recording {}: it is empty", .0.display())]
    Empty(PathBuf),
    #[error(
        "recording {}, line {line}: expected an event as one line of JSON, found {found}",
        path.display()
    )]
    NoEvent { path: PathBuf, line: usize, found: String },
    #[error(
        "recording {}, line {line}: expected the event \"model_opened\", found another",
        path.display()
    )]
    NoBeginning { path: PathBuf, line: usize },
    #[error(
        "recording {}: expected format {} or older, found {format}; replay it with the newer slimgpt that wrote it",
        path.display(),
        crate::protocol::RecordingHeader::CURRENT.format
    )]
    Newer { path: PathBuf, format: u64 },
    #[error("the replay cannot start ({0}); free some file descriptors and try again")]
    Runtime(io::Error),
    #[error("the replay stopped unexpectedly")]
    Panicked,
}

impl Error {
    /// The kind of the error: input, failure or cancellation.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Unwritable { cause, .. } | Self::Unreadable { cause, .. } => Kind::of_io(cause),
            Self::InOutput(_)
            | Self::Empty(_)
            | Self::NoEvent { .. }
            | Self::NoBeginning { .. }
            | Self::Newer { .. } => Kind::Input,
            Self::Runtime(_) | Self::Panicked => Kind::Failed,
        }
    }

    /// Advice whose wording depends on the frontend.
    pub fn advice(&self) -> Option<Advice> {
        match self {
            Self::Unwritable { .. } | Self::InOutput(_) => Some(Advice::OtherEventsFile),
            Self::Unreadable { .. } | Self::Empty(_) | Self::NoEvent { .. } | Self::NoBeginning { .. } => {
                Some(Advice::GiveRecording)
            }
            Self::Newer { .. } | Self::Runtime(_) | Self::Panicked => None,
        }
    }
}
