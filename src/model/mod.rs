//! A checkpoint: architecture, weights, tokenizer, decoder blocks.
//!
//! [`Checkpoint::open`] reads only the headers and checks them against `config.json`; [`Checkpoint::block`] loads
//! one decoder block at a time. [`hub`] downloads checkpoints.

mod architecture;
mod attend;
mod attention;
mod attention_mask;
mod block;
mod block_by_block;
mod bytes;
mod checkpoint;
mod decoder;
mod device;
mod embedding_and_head;
mod encoding;
mod error;
mod from_config;
mod gguf;
pub mod hub;
mod in_place;
mod kept;
mod keys;
mod layout;
mod mlp;
#[allow(missing_docs)]
pub(crate) mod nemotron;
mod reading;
mod rope;
mod rounding;
mod safetensors_files;
mod source;
mod weights;
mod write;

pub use architecture::{Architecture, Family, LayerSize, RopeScaling, RopeSettings};
pub use attention::KvCache;
pub use block::Block;
pub use block_by_block::BlockByBlock;
pub use checkpoint::Checkpoint;
pub use decoder::Decoder;
pub use device::{ComputeDevice, Precision};
pub use embedding_and_head::{EmbeddingAndHead, LOGIT_COPIES, positions_at_once};
pub use error::{Error, Result};
pub use gguf::GgufFile;
pub use layout::{Cut, Slot};
pub use rope::{Rope, frequencies};
pub use rounding::{Rounded, round_to};
pub use source::Source;
pub use weights::{Raw, Tensors, Weights};
pub use write::{
    KeptChannels, KeptHeads, OutputBiases, Shapes, StoredTensor, block_tensors, block_tensors_as, end_tensors,
};
