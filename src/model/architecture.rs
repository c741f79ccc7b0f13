//! The sizes and options of a decoder of the LLaMA family.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Family, Form, Result, RopeSettings, Slot, from_config, layout};

/// The sizes of one decoder block. Pruning changes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerSize {
    /// Query heads.
    pub heads: usize,
    /// Key-value heads; divides `heads`.
    pub kv_heads: usize,
    /// FFN channels.
    pub channels: usize,
}

impl LayerSize {
    /// Query heads per key-value head.
    pub fn group(&self) -> usize {
        self.heads / self.kv_heads
    }
}

/// The positions of one layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Positions {
    /// Whether it attends only to the sliding window.
    pub windowed: bool,
    /// Whether it rotates queries and keys.
    pub rotated: bool,
}

impl Default for Positions {
    fn default() -> Self {
        Self { windowed: false, rotated: true }
    }
}

/// A decoder of the LLaMA family, layer by layer. [`Architecture::from_config`] creates it, so its sizes are
/// valid: none is zero, key-value heads divide heads, and `head_dim` is even.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Architecture {
    /// The published architecture.
    pub family: Family,
    /// Width of the residual stream.
    pub hidden: usize,
    /// Width of one head.
    pub head_dim: usize,
    /// Number of tokens in the vocabulary.
    pub vocab: usize,
    /// The sizes of the blocks, indexed by layer.
    pub layers: Vec<LayerSize>,
    /// ε of the RMS norms.
    pub norm_eps: f64,
    /// The rotary embedding.
    pub rope: RopeSettings,
    /// The rotary embedding of windowed layers, if it differs.
    pub windowed_rope: Option<RopeSettings>,
    /// Position i attends to positions above i − window.
    pub sliding_window: Option<usize>,
    /// The positions, indexed by layer.
    pub positions: Vec<Positions>,
    /// Whether `q_proj`, `k_proj` and `v_proj` have biases.
    pub qkv_bias: bool,
    /// Whether `o_proj` has a bias.
    pub o_bias: bool,
    /// Whether the projections of the FFN have biases.
    pub mlp_bias: bool,
    /// The differences from LLaMA.
    pub form: Form,
    /// Whether the output head is the embedding.
    pub tied: bool,
    /// The context length that the model was trained for.
    pub max_positions: usize,
    /// The token that begins a text.
    pub bos: Option<u32>,
    /// The tokens that end a text.
    pub eos: Vec<u32>,
}

impl Architecture {
    /// Reads a `config.json` in Hugging Face form, or in this crate's own (`model_type` "slimgpt_llama" and
    /// similar).
    ///
    /// # Errors
    /// If a key is missing or wrong, or a feature is unsupported; the error names the key.
    pub fn from_config(config: &Value) -> Result<Self> {
        Ok(from_config::read(config)?.0)
    }

    /// The sliding window of a layer, if it has one.
    pub fn window(&self, layer: usize) -> Option<usize> {
        self.sliding_window.filter(|_| self.positions[layer].windowed)
    }

    /// Whether any layer has the sliding window.
    pub fn is_windowed(&self) -> bool {
        self.sliding_window.is_some() && self.positions.iter().any(|layer| layer.windowed)
    }

    /// All tensors that a checkpoint of this architecture must contain.
    pub fn tensors(&self) -> Vec<Slot> {
        let blocks = (0..self.layers.len()).flat_map(|layer| layout::block(self, layer));
        layout::ends(self).into_iter().chain(blocks).collect()
    }

    /// Number of parameters. A tied output head counts once.
    pub fn parameters(&self) -> u64 {
        layout::count(&self.tensors())
    }

    /// Number of parameters of one decoder block.
    ///
    /// # Panics
    /// If there is no such layer.
    pub fn layer_parameters(&self, layer: usize) -> u64 {
        layout::count(&layout::block(self, layer))
    }

    /// The same model with biases of these outputs. If one configuration key covers several biases, the
    /// others are added as zeros.
    pub fn with_output_biases(&self, o_proj: bool, down_proj: bool) -> Self {
        let Self { qkv_bias, o_bias, mlp_bias, .. } = *self;
        Self {
            qkv_bias: qkv_bias || o_proj,
            o_bias: o_bias || o_proj,
            mlp_bias: mlp_bias || down_proj,
            ..self.clone()
        }
    }

    /// The same model with other layer sizes, indexed by layer.
    pub fn with_layers(&self, layers: Vec<LayerSize>) -> Self {
        debug_assert_eq!(layers.len(), self.layers.len());
        Self { layers, ..self.clone() }
    }
}
