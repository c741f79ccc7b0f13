//! Records of a pruned part and a pruned layer, as stored in `run.json`.

use serde::{Deserialize, Serialize};

use super::{AttentionUnit, HessianStats};
use crate::prune::LayerRatio;

/// One part of one layer. Its units are KV groups, query heads or channels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PartRecord {
    /// Units before pruning.
    pub units: usize,
    /// Columns of the scored weight in one unit.
    pub unit_width: usize,
    /// The unit of an attention; None for channels, and in records of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<AttentionUnit>,
    /// Kept units in ascending order.
    pub kept: Vec<usize>,
    /// Removed units in order of removal. A unit removed by a swap takes the position of the restored unit.
    pub removed: Vec<usize>,
    /// Increase in E‖Δy‖² per token in each batch (arXiv 2412.18110, §3), before any swaps.
    pub step_errors: Vec<f64>,
    /// Number of units removed in each batch.
    pub group_sizes: Vec<usize>,
    /// Sum of the step errors over E‖y‖² = tr(W G Wᵀ); after swaps, the remaining error.
    pub relative_error: f64,
    /// The result of the swaps, if they were requested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refined: Option<Refined>,
    /// `‖E[Δy]‖²` over E‖y‖², which a bias compensates, if one was requested. The other errors exclude the
    /// bias.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mean_error: Option<f64>,
    /// The result at the scheduled count, if rounding changed the count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduled: Option<Scheduled>,
    /// None if the run skipped the part.
    pub hessian: Option<HessianStats>,
}

impl PartRecord {
    /// The unit of an attention in a layer with this many key-value heads. Records of earlier versions do not name
    /// it; it follows from the number of units.
    pub fn unit_with(&self, kv_heads: usize) -> AttentionUnit {
        let counted = match self.units == kv_heads {
            true => AttentionUnit::KvGroup,
            false => AttentionUnit::QueryHead,
        };
        self.unit.unwrap_or(counted)
    }

    /// E‖y‖², computed from the absolute and the relative error before any swaps; None if nothing was removed.
    pub fn energy(&self) -> Option<f64> {
        let relative_error = self.refined.map_or(self.relative_error, |refined| refined.error_before);
        let energy = self.step_errors.iter().sum::<f64>() / relative_error;
        (energy.is_finite() && energy > 0.0).then_some(energy)
    }

    /// The record of a part that the run does not prune.
    pub fn untouched(units: usize, unit_width: usize) -> Self {
        Self {
            units,
            unit_width,
            unit: None,
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

/// Swaps after the elimination, and their effect. Both errors are relative to E‖y‖² and computed in f64 from
/// the set of removed units, for every number type of the elimination.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Refined {
    /// Number of swapped pairs.
    pub swaps: usize,
    /// Relative error before the swaps.
    pub error_before: f64,
    /// Relative error after the swaps.
    pub error_after: f64,
}

/// A count before rounding, and its error on the same elimination path, without swaps.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scheduled {
    /// Units removed at that count.
    pub removed: usize,
    /// Sum of the step errors up to that count over E‖y‖², linearly interpolated between two batches.
    pub relative_error: f64,
}

/// The record of one layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerRecord {
    /// Index of the layer, from 0.
    pub index: usize,
    /// The planned ratio, before the counts were rounded.
    pub ratio: LayerRatio,
    /// The attention.
    pub attention: PartRecord,
    /// The FFN.
    pub mlp: PartRecord,
    /// E‖h − h_dense‖² / E‖h_dense‖² of the block's output, if the dense stream was computed.
    pub output_error: Option<f64>,
}
