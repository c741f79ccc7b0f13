//! Results of a ratio search (`--schedule auto`).

use serde::{Deserialize, Serialize};

use crate::prune::{LayerRatio, Part};

/// The measurements and the result of a ratio search.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SearchRecord {
    /// Requested ratio: the fraction of the pruned parts' parameters to remove.
    pub share: f64,
    /// Minimum number of parameters to remove.
    pub budget: u64,
    /// Number of windows for fitting weights. The same number of other windows is used to measure losses.
    pub windows: usize,
    /// Mean −ln p of the next token under the dense model, in nats per token.
    pub dense_loss: f64,
    pub curves: Vec<SensitivityCurve>,
    /// The candidates, in the order in which they were tried.
    pub tried: Vec<TriedRatios>,
    /// Index of the best candidate in `tried`.
    pub best: usize,
}

/// Increase in loss when one part of one layer is pruned in the dense model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SensitivityCurve {
    pub layer: usize,
    pub part: Part,
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
    /// Increase in loss in nats per token; negative if the pruned part performs better.
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
    pub loss: f64,
}

impl SearchRecord {
    /// The best ratios, indexed by layer.
    pub fn ratios(&self) -> &[LayerRatio] {
        self.tried.get(self.best).map_or(&[], |tried| &tried.ratios)
    }
}
