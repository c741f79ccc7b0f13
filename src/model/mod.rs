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
mod chat;
mod checkpoint;
mod decoder;
mod device;
mod embedding_and_head;
mod encoding;
mod error;
mod family;
mod files;
mod form;
mod frequencies;
mod from_config;
mod fused;
mod gguf;
pub mod hub;
mod internlm2;
mod kept;
mod keys;
mod layout;
mod mlp;
#[allow(missing_docs)]
pub(crate) mod nemotron;
mod pickle;
mod pickled;
mod processor;
mod reading;
mod rope;
mod rounding;
mod source;
pub mod tokenizer;
mod tokenizer_json;
mod vector_jacobian;
mod warning;
mod weights;
mod write;

pub use crate::product::Kernels;
pub use architecture::{Architecture, LayerSize, Positions};
pub use attention::KvCache;
pub use block::{
    Block, BlockGradients, BlockWeight, PartGradients, Projection, WeightGradients, select_columns,
};
pub use block_by_block::BlockByBlock;
pub use chat::{ChatTemplate, Today};
pub use checkpoint::Checkpoint;
pub use decoder::Decoder;
pub use device::{ComputeDevice, Precision};
pub use embedding_and_head::{EmbeddingAndHead, LOGIT_COPIES, LossGradients, TokenLabels, positions_at_once};
pub(crate) use encoding::Encoding;
pub use error::{Error, Result};
pub use family::Family;
pub use form::{Activation, Form, Multipliers, Norms, QkNorm};
pub use frequencies::{RopeScaling, RopeSettings, frequencies, frequencies_at};
pub use fused::{joined as join_fused, stored_tensors};
pub use gguf::GgufFile;
pub use layout::{Cut, Slot};
pub use processor::{Compared, computes as computes_in_tasks, loss_task_bytes, tokens_in_tasks};
pub use rope::Rope;
pub use rounding::{Rounded, round_to};
pub use source::Source;
pub use warning::Warning;
pub use weights::{Raw, Tensors, Weights};
pub use write::{
    KeptChannels, KeptHeads, OutputBiases, Shapes, StoredTensor, block_tensors, block_tensors_as, end_tensors,
};
