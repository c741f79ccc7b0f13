//! The work that is measured, as a worker process receives it, and the worker's answer. Both are lines of JSON.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// One piece of work. A worker prepares its inputs, which takes no measured time, and does it once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "work", rename_all = "kebab-case")]
pub enum Work {
    /// The product of two f32 matrices [side, side].
    Product { library: Library, side: usize },
    /// Removing columns of a random weight.
    Solve(Solve),
    /// Perplexity of a model on windows of tokens.
    Evaluate(Inputs),
    /// One forward pass of the blocks.
    Forward(Inputs),
    /// Final norm, head and cross entropy, from hidden states.
    Loss(Inputs),
    /// One forward pass of the blocks with the second moments of the inputs of `o_proj` and `down_proj`.
    Calibrate(Inputs),
}

/// The libraries whose products limit the machine's rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Library {
    Candle,
    Faer,
    PyTorch,
}

impl Library {
    pub fn name(self) -> &'static str {
        match self {
            Self::Candle => "candle",
            Self::Faer => "faer",
            Self::PyTorch => "PyTorch",
        }
    }
}

/// A random weight [rows, n] and the fraction of its columns to remove.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Solve {
    pub rows: usize,
    pub n: usize,
    pub units: Removed,
    pub percent: usize,
    /// Whether E‖y‖², condition number and pictures are computed too.
    pub statistics: bool,
}

/// The removed units, and for channels the size of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Removed {
    Heads,
    Channels,
    ChannelsOneByOne,
}

/// A model and its tokens.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Inputs {
    /// A Hugging Face directory.
    pub model: PathBuf,
    /// A file with a JSON array of token ids: [windows, length], row-major.
    pub tokens: PathBuf,
    pub windows: usize,
    /// Tokens per window.
    pub length: usize,
    /// The number of blocks, from the first one.
    pub layers: usize,
}

/// A worker's answer to one piece of work.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Answer {
    pub seconds: f64,
    /// A result that must be the same for every worker.
    #[serde(default)]
    pub value: Option<f64>,
    /// The way of working that a worker chose.
    #[serde(default)]
    pub note: Option<String>,
    /// The work failed.
    #[serde(default)]
    pub error: Option<String>,
}
