//! Writing a pruned model: beside the target, synced, renamed when complete.

mod awaited;
mod error;
mod gguf;
mod hf;
mod one_file;
mod output_dir;
mod shards;
mod stored;
mod writer;

pub use error::Error;
pub use gguf::{GgufModel, GgufWriter, file_name as gguf_file_name};
pub use hf::{goes_along, is_licence};
pub use one_file::{check_file, write_file};
pub use output_dir::{OutputDir, Published, clear_away};
pub use writer::{Finished, Writer, WrittenForm, check};
