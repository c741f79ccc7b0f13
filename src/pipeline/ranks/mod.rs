//! A pass on a group of ranks. Each rank passes its own windows; the first rank solves, and the cut goes to the others.
//!
//! [`Pass::enter_on`] makes streams that are dealt over the ranks. From then on, [`Pass::layer`] and [`Pass::through`] command
//! the other ranks, whose [`Follower`] computes the same operation.

mod command;
mod cut;
mod follower;
mod share;
mod sums;

pub use super::chunks::chunks_of_rank as windows_of_rank;
pub(super) use command::{Asked, weight_bytes};
pub use cut::{cut_bytes, cut_of_bytes};
pub use follower::Follower;
pub(super) use share::Share;
pub(super) use sums::SumsOnRanks;
