//! What a search for ratios found out: `--schedule auto`.

use serde::{Deserialize, Serialize};

use crate::prune::{LayerRatio, Part};

/// A search from its measurements to its ratios.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SearchRecord {
    /// The ratio that was asked for: this share of the parameters of the pruned parts leaves.
    pub share: f64,
    /// Parameters that are to leave at least.
    pub budget: u64,
    /// Windows that weights were fitted on, and as many others that losses were measured on.
    pub windows: usize,
    /// Mean −ln p of the next token, in nats: of the dense model.
    pub dense_loss: f64,
    pub curves: Vec<SensitivityCurve>,
    /// Whole models, in the order in which they were tried.
    pub tried: Vec<TriedRatios>,
    /// Which of them is the best.
    pub best: usize,
}

/// How much the loss of the dense model rises when one part of one layer is pruned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SensitivityCurve {
    pub layer: usize,
    pub part: Part,
    /// Units that the part has.
    pub units: usize,
    /// Parameters that leave with one.
    pub per_unit: u64,
    /// Ascending.
    pub points: Vec<LossPoint>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LossPoint {
    pub removed: usize,
    /// Rise of the loss, in nats a token; below 0 where the pruned part does better.
    pub rise: f64,
}

/// A whole model pruned by some ratios.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TriedRatios {
    /// A schedule, a growth of errors from layer to layer, or a part whose costs were changed.
    pub name: String,
    pub ratios: Vec<LayerRatio>,
    /// Parameters that left.
    pub removed: u64,
    pub loss: f64,
}

impl SearchRecord {
    /// What it came to, one a layer.
    pub fn ratios(&self) -> &[LayerRatio] {
        self.tried.get(self.best).map_or(&[], |tried| &tried.ratios)
    }
}
