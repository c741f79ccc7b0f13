//! The sizes and options of a decoder of the LLaMA family.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Family, Form, Result, RopeSettings, Slot, from_config, layout};

/// The sizes of one decoder block. Pruning changes them. A block can lack its attention (no heads) or its FFN (no channels);
/// a part that is absent has no tensors, and adds nothing to the residual stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerSize {
    /// Query heads.
    pub heads: usize,
    /// Key-value heads; divides `heads`, and is 0 only if `heads` is.
    pub kv_heads: usize,
    /// FFN channels.
    pub channels: usize,
}

impl LayerSize {
    /// Query heads per key-value head; 1 if the block has no attention.
    pub fn group(&self) -> usize {
        self.heads.checked_div(self.kv_heads).unwrap_or(1)
    }

    /// Whether the block has an attention.
    pub fn has_attention(&self) -> bool {
        self.heads > 0
    }

    /// Whether the block has an FFN.
    pub fn has_mlp(&self) -> bool {
        self.channels > 0
    }

    /// Its entry in `per_layer_config`: the sizes, and the parts that the block lacks.
    pub fn keys(&self) -> Value {
        let mut keys = Map::new();
        let mut skip: Vec<Value> = Vec::new();
        if self.has_attention() {
            keys.insert("num_attention_heads".into(), self.heads.into());
            keys.insert("num_key_value_heads".into(), self.kv_heads.into());
        } else {
            skip.push("attention".into());
        }
        if self.has_mlp() {
            keys.insert("intermediate_size".into(), self.channels.into());
        } else {
            skip.push("mlp".into());
        }
        if !skip.is_empty() {
            keys.insert("skip".into(), skip.into());
        }
        keys.into()
    }

    /// Whether the block has both parts.
    pub fn is_whole(&self) -> bool {
        self.has_attention() && self.has_mlp()
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
/// valid: none is zero except those of absent parts, key-value heads divide heads, and `head_dim` is even.
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

    /// The tensors of decoder block `layer`.
    ///
    /// # Panics
    /// If there is no such layer.
    pub fn layer_tensors(&self, layer: usize) -> Vec<Slot> {
        layout::block(self, layer)
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
