//! A group of ranks: processes that compute one job together, connected by MPI or, in tests, by channels.
//!
//! The first rank leads. It sends a command to the other ranks, then all ranks compute the same operation on their own windows
//! and exchange sums. Every sum has an order that does not depend on the number of ranks.

mod error;
mod frame;
mod group;
mod local;
#[cfg(feature = "mpi")]
mod mpi;
mod numbers;
mod packet;

pub use error::Error;
pub use group::{Ended, Group, Traffic, Work};
pub use local::in_process;
#[cfg(feature = "mpi")]
pub use mpi::connect;
pub use numbers::{f32_bytes, f32_values, f64_bytes, f64_values};
pub use packet::{packet, unpacked};

/// Carries messages between the ranks of a group.
pub trait Transport: Send {
    /// This rank, from 0.
    fn rank(&self) -> usize;

    /// Number of ranks.
    fn size(&self) -> usize;

    /// Sends a message to another rank. Returns before the message is received.
    ///
    /// # Errors
    /// If the rank has ended.
    fn send(&mut self, to: usize, message: Vec<u8>) -> Result<(), Error>;

    /// The next message of any rank, and the rank. The messages of one rank arrive in the order in which they were sent.
    ///
    /// # Errors
    /// If a rank has ended or does not answer.
    fn receive(&mut self) -> Result<(usize, Vec<u8>), Error>;
}
