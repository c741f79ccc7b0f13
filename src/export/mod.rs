//! Export of a pruned model, in one or several formats, to a directory that appears complete or not at all.

mod awaited;
mod companions;
mod error;
mod format;
mod gguf;
mod hf;
mod one_file;
mod output_dir;
mod output_form;
mod stored;
mod writer;

pub use companions::{is_companion, is_licence};
pub use error::{Error, Remedy};
pub use format::{Example, ExportPlan, Exporter, Format, FormatWriter, Layout, Loading, WrittenForm};
pub use gguf::{GgufModel, GgufType, file_name as gguf_file_name};
pub use one_file::{check_file, write_file};
pub use output_dir::{OutputDir, Published, clear_away};
pub use output_form::OutputForm;
pub use writer::{Finished, Writer, check};
