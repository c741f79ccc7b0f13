//! The export formats: their names, and which of them one output can hold.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An export format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// A Hugging Face directory, with the family's own class where all layers have the same sizes, else sizes per layer.
    Hf,
    /// A Hugging Face directory of the original sizes, with zeros in place of what was removed.
    Padded,
    /// One file for llama.cpp.
    Gguf,
}

impl Format {
    pub fn name(self) -> &'static str {
        match self {
            Self::Hf => "hf",
            Self::Padded => "padded",
            Self::Gguf => "gguf",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
