//! The two halves of a decoder block.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A part of a decoder block that can be pruned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// The self-attention; its scored weight is `o_proj`.
    Attention,
    /// The feed-forward network; its scored weight is `down_proj`.
    Mlp,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Attention => "attention",
            Self::Mlp => "mlp",
        })
    }
}
