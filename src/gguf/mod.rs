//! The GGUF container and llama.cpp's names for its contents, shared by the reader in `model` and the writer in `export`.

mod container;
mod header;
pub mod names;
pub mod pre_tokenizer;
mod tensor_type;
mod token_kind;

pub use container::{Entry, Metadata, Plan, Value};
pub use header::{Header, Item, TensorInfo};
pub use tensor_type::TensorType;
pub use token_kind::TokenKind;
