//! Sessions as they lie on disk: told and deleted, without opening a model.

mod compare;
mod list;
mod remove;
mod show;

pub use compare::compare;
pub use list::list;
pub use remove::{Asking, Leave, prune_old, remove};
pub use show::show;
