//! Writing a pruned model: beside the target, synced, renamed when complete.

mod error;
mod hf;
mod output_dir;
mod shards;

pub use error::Error;
pub use hf::{goes_along, write_files};
pub use output_dir::{OutputDir, Published, clear_away};
pub use shards::ShardWriter;
