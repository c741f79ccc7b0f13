//! Errors of writing and reading recordings.

use std::{io, path::PathBuf};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("events file {}: cannot be written ({cause}); check the path given with --events", path.display())]
    Unwritable { path: PathBuf, cause: io::Error },
    #[error("events file {}: is inside the output directory, which does not exist until the run ends; choose a path outside it", .0.display())]
    InOutput(PathBuf),
    #[error("recording {}: cannot be read ({cause}); give a file that was written with --events", path.display())]
    Unreadable { path: PathBuf, cause: io::Error },
    #[error("recording {}: is empty; record a run with `slimgpt prune --events FILE`", .0.display())]
    Empty(PathBuf),
    #[error(
        "recording {}, line {line}: expected an event as one line of JSON, found {found}; give a file that was written with --events",
        path.display()
    )]
    NoEvent { path: PathBuf, line: usize, found: String },
    #[error(
        "recording {}, line {line}: expected the event \"model_opened\", found another; give a complete file that was written with --events",
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
    /// 2 for a file with wrong content or in a wrong place, 1 for everything else.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Unwritable { .. }
            | Self::InOutput(_)
            | Self::Unreadable { .. }
            | Self::Empty(_)
            | Self::NoEvent { .. }
            | Self::NoBeginning { .. }
            | Self::Newer { .. } => 2,
            Self::Runtime(_) | Self::Panicked => 1,
        }
    }
}
