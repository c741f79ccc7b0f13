//! Writing a pruned model: beside the target, synced, renamed when complete.

mod awaited;
mod error;
mod format;
mod gguf;
mod hf;
mod one_file;
mod output_dir;
mod output_form;
mod shards;
mod stored;
mod writer;

pub use error::Error;
pub use format::Format;
pub use gguf::{GgufModel, GgufType, GgufWriter, file_name as gguf_file_name};
pub use hf::{goes_along, is_licence};
pub use one_file::{check_file, write_file};
pub use output_dir::{OutputDir, Published, clear_away};
pub use output_form::OutputForm;
pub use writer::{Finished, Writer, WrittenForm, check};
