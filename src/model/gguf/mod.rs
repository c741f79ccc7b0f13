//! A GGUF file as a checkpoint: its metadata becomes the files of a Hugging Face directory, its tensors a table of weights.

mod chat;
mod config;
mod file;
mod keys;
mod positions;
mod special;
mod table;
mod tokenizer;

pub use file::GgufFile;
pub use table::table;
