//! The formats of an export and their stored types.

use serde::{Deserialize, Serialize};

use super::{Format, GgufType};
use crate::model::Precision;

/// The formats of an export, and the stored type of the weights in each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct OutputForm {
    /// Formats in ascending order, each once, with at most one of hf and padded.
    #[serde(rename = "format")]
    pub formats: Vec<Format>,
    /// The stored type of the weights in a GGUF file.
    pub gguf_type: GgufType,
    /// The stored type of the weights in a Hugging Face directory; None for the checkpoint's own type.
    pub export_dtype: Option<Precision>,
    /// Maximum size in bytes of a weight file in a Hugging Face directory. A single tensor may be larger.
    pub shard_size: u64,
    /// Whether to read the written files back and compare their logits with those of the pruned model.
    pub verify: bool,
}

impl Default for OutputForm {
    fn default() -> Self {
        Self {
            formats: vec![Format::Hf],
            gguf_type: GgufType::default(),
            export_dtype: None,
            shard_size: 1 << 30,
            verify: true,
        }
    }
}
