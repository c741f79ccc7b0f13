//! What can be wrong with a recording.

use std::{io, path::PathBuf};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("events file {}: cannot be written ({cause}); check the path given with --events", path.display())]
    Unwritable { path: PathBuf, cause: io::Error },
    #[error("events file {}: lies inside the output, which appears only when complete; choose another place", .0.display())]
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
        "recording {}, line {line}: expected the event \"opened\" at the beginning, found another; give a whole file that was written with --events",
        path.display()
    )]
    NoBeginning { path: PathBuf, line: usize },
    #[error("the replay cannot start ({0}); free some file descriptors and try again")]
    Runtime(io::Error),
    #[error("the replay stopped unexpectedly")]
    Panicked,
}

impl Error {
    /// 2 for a file that is bad or in a bad place, 1 for everything else.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Unwritable { .. }
            | Self::InOutput(_)
            | Self::Unreadable { .. }
            | Self::Empty(_)
            | Self::NoEvent { .. }
            | Self::NoBeginning { .. } => 2,
            Self::Runtime(_) | Self::Panicked => 1,
        }
    }
}
