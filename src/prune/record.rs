//! What is remembered of a pruned part and of a pruned layer: plain records, written to `run.json`.

use serde::{Deserialize, Serialize};

use super::HessianStats;
use crate::prune::LayerRatio;

/// One part of one layer. Units are KV groups, query heads or channels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PartRecord {
    /// Units before pruning.
    pub units: usize,
    /// Columns of the scored weight in one unit.
    pub unit_width: usize,
    /// Kept units, ascending.
    pub kept: Vec<usize>,
    /// Removed units, in the order of removal; one that left in a swap has the place of the one that came back.
    pub removed: Vec<usize>,
    /// Rise of E‖Δy‖² per token, one a batch (arXiv 2412.18110, §3): of the path, without what swaps took off afterwards.
    pub step_errors: Vec<f64>,
    /// Units removed, one number a batch.
    pub group_sizes: Vec<usize>,
    /// Sum of the step errors over E‖y‖² = tr(W G Wᵀ); after swaps the error that is left.
    pub relative_error: f64,
    /// What swaps of removed and kept units made of that sum, where they were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refined: Option<Refined>,
    /// ‖E[Δy]‖² over E‖y‖², which a bias makes up for, where one was asked for; the other errors are those without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mean_error: Option<f64>,
    /// What the schedule alone would have removed, where sizes were rounded away from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduled: Option<Scheduled>,
    /// None where the part was left out of the run.
    pub hessian: Option<HessianStats>,
}

impl PartRecord {
    /// The record of a part that the run leaves as it is.
    pub fn untouched(units: usize, unit_width: usize) -> Self {
        Self {
            units,
            unit_width,
            kept: (0..units).collect(),
            removed: Vec::new(),
            step_errors: Vec::new(),
            group_sizes: Vec::new(),
            relative_error: 0.0,
            refined: None,
            mean_error: None,
            scheduled: None,
            hessian: None,
        }
    }
}

/// Swaps after the path, and the error that they lowered, over E‖y‖². Both errors are worked out from what has left alone, in
/// f64, whatever the path was worked out in.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Refined {
    pub swaps: usize,
    pub error_before: f64,
    pub error_after: f64,
}

/// A count that was not taken, and its error by the same elimination path, without swaps.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scheduled {
    pub removed: usize,
    /// Sum of the step errors up to that count over E‖y‖²; between two batches in proportion to the units.
    pub relative_error: f64,
}

/// One layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerRecord {
    pub index: usize,
    /// The planned ratio; counts are rounded from it.
    pub ratio: LayerRatio,
    pub attention: PartRecord,
    pub mlp: PartRecord,
    /// E‖h − h_dense‖² / E‖h_dense‖² of the block's output, where the dense stream was run.
    pub output_error: Option<f64>,
}
