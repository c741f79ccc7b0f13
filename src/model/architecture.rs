//! The sizes and choices that make a decoder of the LLaMA family.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Result, Slot, from_config, layout};

/// Which published block a model is built from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    Llama,
    Mistral,
    Qwen2,
    Qwen3,
}

/// What pruning changes: the sizes of one decoder block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerSize {
    /// Query heads.
    pub heads: usize,
    /// Key-value heads; divides `heads`.
    pub kv_heads: usize,
    /// Width of the feed-forward part.
    pub channels: usize,
}

impl LayerSize {
    /// Query heads that read one key-value head.
    pub fn group(&self) -> usize {
        self.heads / self.kv_heads
    }
}

/// How rotary positions turn: frequencies theta^(−2i/head_dim), then scaled.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct RopeSettings {
    pub theta: f64,
    pub scaling: RopeScaling,
}

/// How the rotary frequencies are stretched to reach further than the model was trained.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "lowercase", tag = "type")]
pub enum RopeScaling {
    None,
    /// All frequencies divided by `factor`.
    Linear {
        factor: f64,
    },
    /// Long waves divided by `factor`, short ones kept, a ramp between them (Llama 3.1).
    Llama3 {
        factor: f64,
        low_freq_factor: f64,
        high_freq_factor: f64,
        original_positions: usize,
    },
}

/// A decoder of the LLaMA family, layer by layer. Made by [`Architecture::from_config`], so its sizes are valid:
/// none is zero, key-value heads divide heads, `head_dim` is even.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Architecture {
    pub family: Family,
    pub hidden: usize,
    pub head_dim: usize,
    pub vocab: usize,
    pub layers: Vec<LayerSize>,
    pub norm_eps: f64,
    pub rope: RopeSettings,
    /// Position i sees positions above i − window.
    pub sliding_window: Option<usize>,
    /// The first layer that has the sliding window; the ones before see everything.
    pub windowed_from: usize,
    pub qkv_bias: bool,
    pub o_bias: bool,
    pub mlp_bias: bool,
    /// RMS norms over each query and key head (Qwen3).
    pub qk_norm: bool,
    /// The output head is the embedding.
    pub tied: bool,
    pub max_positions: usize,
    pub bos: Option<u32>,
    pub eos: Vec<u32>,
}

impl Architecture {
    /// Reads a `config.json` of Hugging Face form, or of this program's own (`model_type` "slimgpt_llama" and the like).
    ///
    /// # Errors
    /// The missing or wrong key, or what is not supported, by name.
    pub fn from_config(config: &Value) -> Result<Self> {
        from_config::read(config)
    }

    /// The sliding window of a layer, if it has one.
    pub fn window(&self, layer: usize) -> Option<usize> {
        self.sliding_window.filter(|_| layer >= self.windowed_from)
    }

    /// Every tensor that a checkpoint of this architecture must hold.
    pub fn tensors(&self) -> Vec<Slot> {
        let blocks = (0..self.layers.len()).flat_map(|layer| layout::block(self, layer));
        layout::ends(self).into_iter().chain(blocks).collect()
    }

    /// Numbers in all tensors; a tied output head counts once.
    pub fn parameters(&self) -> u64 {
        layout::count(&self.tensors())
    }

    /// Numbers in the tensors of one decoder block.
    ///
    /// # Panics
    /// If there is no such layer.
    pub fn layer_parameters(&self, layer: usize) -> u64 {
        layout::count(&layout::block(self, layer))
    }

    /// The same model with biases of these outputs. Where a configuration has one key for all of a part's biases, the others
    /// come with them, as zeros.
    pub fn with_output_biases(&self, o_proj: bool, down_proj: bool) -> Self {
        let Self { qkv_bias, o_bias, mlp_bias, .. } = *self;
        Self {
            qkv_bias: qkv_bias || o_proj,
            o_bias: o_bias || o_proj,
            mlp_bias: mlp_bias || down_proj,
            ..self.clone()
        }
    }

    /// The same model with other layer sizes, which must be as many.
    pub fn with_layers(&self, layers: Vec<LayerSize>) -> Self {
        debug_assert_eq!(layers.len(), self.layers.len());
        Self { layers, ..self.clone() }
    }
}

impl Family {
    /// The name in `config.json`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Llama => "llama",
            Self::Mistral => "mistral",
            Self::Qwen2 => "qwen2",
            Self::Qwen3 => "qwen3",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Llama, Self::Mistral, Self::Qwen2, Self::Qwen3]
            .into_iter()
            .find(|family| family.name() == name)
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
