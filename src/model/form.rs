//! What a decoder computes differently from LLaMA.

use serde::Serialize;

/// The differences from LLaMA; the default is LLaMA.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Form {
    /// The activation of the FFN's gate.
    pub activation: Activation,
    /// Norms of queries and keys.
    pub qk_norm: QkNorm,
    /// Factors of intermediate results.
    pub multipliers: Multipliers,
    /// The norms around each part.
    pub norms: Norms,
    /// Whether the weights of norms are stored as their difference from one.
    pub offset_norms: bool,
    /// Attention scores are squeezed to between ±cap by cap · tanh(score / cap).
    pub attention_cap: Option<f64>,
    /// Logits are squeezed in the same way.
    pub logits_cap: Option<f64>,
}

/// The norms around each part of a block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub enum Norms {
    /// Of the part's input.
    #[default]
    Before,
    /// Of the part's output.
    After,
    /// Of both.
    Both,
}

/// The activation of the FFN's gate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub enum Activation {
    /// x · sigmoid(x).
    #[default]
    Silu,
    /// GELU by its tanh approximation.
    GeluTanh,
}

/// Norms of queries and keys, before the rotary embedding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub enum QkNorm {
    /// None.
    #[default]
    None,
    /// Of every head by itself, with one weight `[head_dim]` for all heads.
    Heads,
    /// Of all heads together, with one weight for each element of the projection. Removing a head changes the others.
    Projections,
}

/// Factors of intermediate results.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Multipliers {
    /// Of the embedding.
    pub embedding: f64,
    /// Of the attention scores; None is 1 / √head_dim.
    pub attention: Option<f64>,
    /// Of the output of each part, before it is added to the residual stream.
    pub residual: f64,
    /// The divisor of the logits.
    pub logits_divisor: f64,
}

impl Default for Multipliers {
    fn default() -> Self {
        Self { embedding: 1.0, attention: None, residual: 1.0, logits_divisor: 1.0 }
    }
}

impl Activation {
    /// The names in `config.json`, the preferred one first.
    pub fn names(self) -> &'static [&'static str] {
        match self {
            Self::Silu => &["silu", "swish"],
            Self::GeluTanh => &["gelu_pytorch_tanh", "gelu_new", "gelu_fast"],
        }
    }

    /// The activation with this name in `config.json`.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Silu, Self::GeluTanh].into_iter().find(|activation| activation.names().contains(&name))
    }
}
