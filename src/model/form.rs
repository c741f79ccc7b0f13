//! Differences of a decoder from LLaMA.

use serde::Serialize;

/// Differences from LLaMA; the default has none.
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
    /// Whether weights of norms are stored as differences from one.
    pub offset_norms: bool,
    /// Limits attention scores to ±cap: cap · tanh(score / cap).
    pub attention_cap: Option<f64>,
    /// Limits logits in the same way.
    pub logits_cap: Option<f64>,
}

/// The norms around each part of a block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub enum Norms {
    /// A norm of the part's input.
    #[default]
    Before,
    /// A norm of the part's output.
    After,
    /// A norm of the input and one of the output.
    Both,
}

/// The activation of the FFN's gate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub enum Activation {
    /// x · sigmoid(x).
    #[default]
    Silu,
    /// GELU, tanh approximation.
    GeluTanh,
}

/// Norms of queries and keys, before the rotary embedding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub enum QkNorm {
    /// None.
    #[default]
    None,
    /// A norm of every head by itself, with one weight `[head_dim]` for all heads.
    Heads,
    /// One norm of all heads together, with a weight for each element of the projection. Removing a head changes the others.
    Projections,
}

/// Factors of intermediate results.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Multipliers {
    /// Factor of the embedding.
    pub embedding: f64,
    /// Factor of the attention scores; None means 1 / √head_dim.
    pub attention: Option<f64>,
    /// Factor of each part's output before the addition to the residual stream.
    pub residual: f64,
    /// Divisor of the logits.
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
