//! The record of a finished run: `run.json`, and what `--json` prints.

use serde::{Deserialize, Serialize};

use super::{Method, SearchRecord};
use crate::{
    config::Settings,
    export::Format,
    prune::{LayerRecord, PartRecord, Refined},
};

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
    /// How the ratios were found, where they were searched for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search: Option<SearchRecord>,
    /// What was written, and how it compares when it is read back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub written: Vec<WrittenRecord>,
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

/// One form of the model on disk.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WrittenRecord {
    pub format: Format,
    /// How the weights are stored: f32, f16, bf16, q8_0, q4_k.
    pub weights: String,
    /// What loads it: a class of transformers, or an architecture of llama.cpp.
    pub loaded_as: String,
    /// Code comes along that a reader has to trust.
    pub remote_code: bool,
    /// None where it was not asked for.
    pub verified: Option<Verified>,
}

/// Logits of what was written, read back, against those of the pruned model in memory.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verified {
    /// Largest |Δ logit|.
    pub largest_difference: f64,
    /// More than this fails.
    pub tolerance: f64,
    /// Root mean square of the logits around the mean of each position.
    pub spread: f64,
    /// Tokens that were compared on.
    pub tokens: usize,
}

/// What other sizes than the schedule's own cost: `--uniform`, `--channel-multiple`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct RoundingCost {
    /// Mean relative error of the pruned parts.
    pub error: f64,
    /// The same at the counts of the schedule alone, each by its part's own elimination path.
    pub scheduled: f64,
}

/// What swaps of removed and kept units have gained.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct SwapGain {
    pub swaps: usize,
    /// Mean relative error of the parts that were refined, before the swaps and after.
    pub error_before: f64,
    pub error_after: f64,
}

impl RunRecord {
    /// None where no part was refined by swaps.
    pub fn swap_gain(&self) -> Option<SwapGain> {
        let parts = self.layers.iter().flat_map(|layer| [&layer.attention, &layer.mlp]);
        let refined: Vec<Refined> = parts.filter_map(|part| part.refined).collect();
        let mean = |error: fn(&Refined) -> f64| refined.iter().map(error).sum::<f64>() / refined.len() as f64;
        (!refined.is_empty()).then(|| SwapGain {
            swaps: refined.iter().map(|refined| refined.swaps).sum(),
            error_before: mean(|refined| refined.error_before),
            error_after: mean(|refined| refined.error_after),
        })
    }

    /// None where all sizes are those of the schedule.
    pub fn rounding_cost(&self) -> Option<RoundingCost> {
        let parts = || self.layers.iter().flat_map(|layer| [&layer.attention, &layer.mlp]);
        let pruned: Vec<_> = parts().filter(|part| part.hessian.is_some()).collect();
        pruned.iter().any(|part| part.scheduled.is_some()).then(|| {
            // The path of the schedule's own count was not refined either.
            let own =
                |part: &PartRecord| part.refined.map_or(part.relative_error, |refined| refined.error_before);
            let scheduled =
                |part: &PartRecord| part.scheduled.map_or(own(part), |scheduled| scheduled.relative_error);
            let mean = |error: &dyn Fn(&PartRecord) -> f64| {
                pruned.iter().map(|part| error(part)).sum::<f64>() / pruned.len() as f64
            };
            RoundingCost { error: mean(&own), scheduled: mean(&scheduled) }
        })
    }
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
