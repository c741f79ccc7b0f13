//! Results of a ratio search (`--schedule auto`).

use serde::{Deserialize, Serialize};

use crate::prune::{AttentionUnit, LayerRatio, Part};

/// The measurements and the result of a ratio search.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SearchRecord {
    /// Requested ratio: the fraction of the pruned parts' parameters to remove.
    pub share: f64,
    /// Minimum number of parameters to remove.
    pub budget: u64,
    /// Number of windows for fitting weights. The same number of other windows is used to compare predictions.
    pub windows: usize,
    /// Mean −ln p of the next token under the dense model, in nats per token; None if no candidate was pruned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dense_loss: Option<f64>,
    pub curves: Vec<SensitivityCurve>,
    /// The candidates, in the order in which they were tried.
    pub tried: Vec<TriedRatios>,
    /// Index of the best candidate in `tried`.
    pub best: usize,
}

/// The cost of pruning one part of one layer in the dense model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SensitivityCurve {
    pub layer: usize,
    pub part: Part,
    /// The unit of an attention; None for channels and in older records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<AttentionUnit>,
    /// Units of the part before pruning.
    pub units: usize,
    /// Parameters of one unit.
    pub per_unit: u64,
    /// Points by ascending number of removed units.
    pub points: Vec<LossPoint>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LossPoint {
    pub removed: usize,
    /// Rise of KL(dense ‖ pruned) in nats per token. Older versions recorded the rise of the loss, which can be negative.
    pub rise: f64,
}

/// A candidate: the whole model pruned with these ratios.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TriedRatios {
    /// Origin of the candidate: a schedule, an assumed growth of errors, or a part whose costs were changed.
    pub name: String,
    pub ratios: Vec<LayerRatio>,
    /// Removed parameters.
    pub removed: u64,
    /// Mean −ln p of the next token, in nats; None if the candidate was not pruned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss: Option<f64>,
    /// KL(dense ‖ pruned) in nats per token; None if the candidate was not pruned, and in records of older versions, which
    /// compared losses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub divergence: Option<f64>,
    /// KL(dense ‖ pruned) on the guard text; None if the guard does not bound the search.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guard: Option<f64>,
}

impl SearchRecord {
    /// The best ratios, indexed by layer.
    pub fn ratios(&self) -> &[LayerRatio] {
        self.tried.get(self.best).map_or(&[], |tried| &tried.ratios)
    }
}

impl TriedRatios {
    /// The number that candidates are compared by, in nats per token: the KL divergence, of the two texts the higher, or
    /// the loss in old records.
    pub fn cost(&self) -> Option<f64> {
        let both = self.divergence.map(|divergence| divergence.max(self.guard.unwrap_or(divergence)));
        both.or(self.loss)
    }
}
