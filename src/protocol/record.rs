//! The record of a finished run: `run.json`, and what `--json` prints.

use serde::{Deserialize, Serialize};

use super::Method;
use crate::{config::Settings, prune::LayerRecord};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    pub slimgpt_version: String,
    pub model: ModelRecord,
    pub settings: Settings,
    pub calibration: CalibrationRecord,
    pub layers: Vec<LayerRecord>,
    /// Layers that were solved otherwise than the settings say.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tuned: Vec<TunedLayer>,
    /// None where no evaluation text was given.
    pub perplexity: Option<PerplexityRecord>,
    pub seconds: Seconds,
    /// Largest resident size of the process; None where the system does not tell.
    pub peak_memory_bytes: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TunedLayer {
    pub layer: usize,
    pub method: Method,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelRecord {
    pub name: String,
    pub family: String,
    pub layers: usize,
    pub parameters_before: u64,
    pub parameters_after: u64,
    /// SHA-256 of config.json.
    pub config_sha256: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CalibrationRecord {
    pub files: Vec<String>,
    pub samples: usize,
    pub seq_len: usize,
    pub seed: u64,
    /// Tokens calibrated on: samples · seq_len.
    pub tokens: u64,
}

/// Perplexity: exp of the mean negative log-likelihood of tokens 2…L of non-overlapping windows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PerplexityRecord {
    pub text: String,
    pub seq_len: usize,
    /// Tokens in the windows; of each window the first is not predicted.
    pub tokens: u64,
    pub bos: bool,
    #[serde(deserialize_with = "nan_from_null")]
    pub before: f64,
    /// None until the pruned model is measured.
    pub after: Option<f64>,
}

/// Wall-clock seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Seconds {
    /// Forward passes over the calibration windows and second moments.
    pub calibration: f64,
    pub solve: f64,
    pub evaluate: f64,
    pub export: f64,
    pub total: f64,
}

/// JSON has no NaN and no infinity; both are written as null.
pub(crate) fn nan_from_null<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or(f64::NAN))
}
