//! What an export writes.

use serde::{Deserialize, Serialize};

use super::{Format, GgufType};
use crate::model::Precision;

/// What an export writes: the formats, and how each stores its weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct OutputForm {
    /// Ascending, each once, and at most one of hf and padded.
    #[serde(rename = "format")]
    pub formats: Vec<Format>,
    /// How a GGUF file stores its weights.
    pub gguf_type: GgufType,
    /// How a Hugging Face directory stores its weights; None: in the checkpoint's own type.
    pub export_dtype: Option<Precision>,
    /// Bytes of the largest weight file in a Hugging Face directory; a single tensor may be larger.
    pub shard_size: u64,
    /// Read the written files back and compare their logits with those of the pruned model.
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
