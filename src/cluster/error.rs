//! Errors of a group of ranks.

use crate::failure::Kind;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("rank {rank}: {what}")]
    Rank { rank: usize, what: String },
    #[error(
        "rank {rank} has ended; the session is kept, and the run can be resumed with any number of ranks"
    )]
    Gone { rank: usize },
    #[error(
        "rank {rank} has not answered for {seconds} s; check its machine and the network, then resume the run with any number of ranks"
    )]
    Silent { rank: usize, seconds: u64 },
    #[error(
        "rank {rank}: a message of {found} bytes arrived where {expected} were expected; run the same version of the program on every rank"
    )]
    Length { rank: usize, expected: usize, found: usize },
    #[error(
        "rank {rank}: its message cannot be read ({cause}); run the same version of the program on every rank"
    )]
    Unreadable { rank: usize, cause: String },
    #[error("MPI: {0}")]
    Mpi(String),
    #[error("cancelled")]
    Cancelled,
}

impl Error {
    /// The kind of the error: failure or cancellation.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Cancelled => Kind::Cancelled,
            Self::Rank { .. }
            | Self::Gone { .. }
            | Self::Silent { .. }
            | Self::Length { .. }
            | Self::Unreadable { .. }
            | Self::Mpi(_) => Kind::Failed,
        }
    }
}
