//! The record of a finished run: the content of `run.json` and of `--json`.

use serde::{Deserialize, Serialize};

use super::{Method, SearchRecord};
use crate::{
    calibration::{DrawnDocuments, WeightSpread},
    config::Settings,
    export::Format,
    model::Precision,
    prune::{LayerRecord, PartRecord, Refined, TokenWeighting},
};

/// Result of a run: the model with its active attempts, the settings, and the measurements.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    pub slimgpt_version: String,
    pub model: ModelRecord,
    pub settings: Settings,
    pub calibration: CalibrationRecord,
    pub layers: Vec<LayerRecord>,
    /// Layers whose method differs from the settings.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tuned: Vec<TunedLayer>,
    /// The search for the ratios; None if there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search: Option<SearchRecord>,
    /// The exported forms, and the results of reading them back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub written: Vec<WrittenRecord>,
    /// None if there is no evaluation text.
    pub perplexity: Option<PerplexityRecord>,
    /// The same on the second text; None if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guard: Option<PerplexityRecord>,
    pub seconds: Seconds,
    /// Peak resident size of the process in bytes; None if the system does not report it.
    pub peak_memory_bytes: Option<u64>,
    /// The kernels of matrix products, such as avx512 or avx2: other kernels give other last bits. None in old records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kernels: Option<String>,
}

/// A layer whose method differs from the settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TunedLayer {
    pub layer: usize,
    pub method: Method,
}

/// Identity and size of a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelRecord {
    pub name: String,
    pub family: String,
    pub layers: usize,
    pub parameters_before: u64,
    pub parameters_after: u64,
    /// SHA-256 of config.json.
    pub config_sha256: String,
    /// The quantised types of the original weights, such as q4_k; empty for an unquantised model.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub quantised: Vec<String>,
}

/// The calibration windows of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CalibrationRecord {
    pub files: Vec<String>,
    pub samples: usize,
    pub seq_len: usize,
    pub seed: u64,
    /// Tokens in the windows: samples × seq_len.
    pub tokens: u64,
    /// The BOS token that starts every window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bos: Option<u32>,
    /// The windows that the dense model wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub written: Option<WrittenText>,
    /// The token weights; None if all tokens count alike.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weights: Option<WeightedTokens>,
    /// Large texts, of which documents were drawn.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drawn: Vec<DrawnText>,
}

/// Weights of the calibration tokens in the second moments.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WeightedTokens {
    /// The measure that the weights are proportional to.
    pub by: TokenWeighting,
    /// Number type of the forward passes.
    pub dtype: Precision,
    /// The spread of the weights.
    #[serde(flatten)]
    pub spread: WeightSpread,
}

/// The documents drawn from a large text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DrawnText {
    /// The text, as in [`CalibrationRecord::files`].
    pub file: String,
    #[serde(flatten)]
    pub documents: DrawnDocuments,
}

/// Calibration windows that the dense model wrote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrittenText {
    pub windows: usize,
    /// The BOS token before each window; None if each started with a random token.
    pub first: Option<u32>,
    /// Number type of the forward passes.
    pub dtype: Precision,
    /// SHA-256 of the tokens, each as four bytes.
    pub tokens_sha256: String,
}

/// One exported form of the model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WrittenRecord {
    pub format: Format,
    /// Number type of the stored weights: f32, f16, bf16, q8_0 or q4_k.
    pub weights: String,
    /// The transformers class or llama.cpp architecture that loads it.
    pub loaded_as: String,
    /// True if the reader has to trust code in the directory.
    pub remote_code: bool,
    /// None if verification was not requested.
    pub verified: Option<Verified>,
}

/// Comparison of the logits of the exported model, read back, with those of the pruned model in memory.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verified {
    /// Largest |Δ logit|.
    pub largest_difference: f64,
    /// Largest difference accepted.
    pub tolerance: f64,
    /// Root mean square of the logits after subtracting the mean of each position.
    pub spread: f64,
    /// Number of compared tokens.
    pub tokens: usize,
}

/// Cost of rounding sizes by `--uniform` or `--channel-multiple`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct RoundingCost {
    /// Mean relative error of the pruned parts.
    pub error: f64,
    /// Mean relative error of these parts at the unrounded sizes, on the same elimination paths.
    pub scheduled: f64,
}

/// Gain of swapping removed and kept units.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct SwapGain {
    pub swaps: usize,
    /// Mean relative error of the refined parts before the swaps.
    pub error_before: f64,
    pub error_after: f64,
}

impl RunRecord {
    /// The gain of swaps; None if no part was refined.
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

    /// The cost of rounding; None if no size was rounded.
    pub fn rounding_cost(&self) -> Option<RoundingCost> {
        let parts = || self.layers.iter().flat_map(|layer| [&layer.attention, &layer.mlp]);
        let pruned: Vec<_> = parts().filter(|part| part.hessian.is_some()).collect();
        pruned.iter().any(|part| part.scheduled.is_some()).then(|| {
            // The error at the unrounded sizes is known only without swaps.
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
    /// Tokens in the windows. The first token of a window is not predicted.
    pub tokens: u64,
    pub bos: bool,
    /// NaN (`null` in JSON) if the measurement of the dense model was skipped.
    #[serde(deserialize_with = "nan_from_null")]
    pub before: f64,
    /// None if the pruned model is not measured yet.
    pub after: Option<f64>,
    /// Standard errors of both perplexities over the windows. None in old records and for a single window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before_error: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_error: Option<f64>,
    /// Mean KL(dense ‖ pruned) in nats per predicted token; None if it was not measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub divergence: Option<f64>,
    /// Standard error of the divergence over the windows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub divergence_error: Option<f64>,
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

/// Reads null as NaN: JSON has no NaN and no infinity, and serde_json writes both as null.
pub(crate) fn nan_from_null<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or(f64::NAN))
}
