//! Lists, shows, compares and removes sessions on disk, without opening their models.

mod compare;
mod list;
mod remove;
mod settings;
mod show;

use std::time::{SystemTime, UNIX_EPOCH};

pub use compare::compare;
pub use list::list;
pub use remove::{Confirmation, Removal, prune_old, remove};
pub use show::show;

/// The current Unix time in seconds.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
