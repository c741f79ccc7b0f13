//! Stages of a job in a few words.

use super::{count, plural};
use crate::protocol::Stage;

/// The work that a progress event counts, such as `layer 3: calibrating mlp`.
fn stage(stage: &Stage) -> String {
    match stage {
        Stage::Download { file } => format!("downloading {file}"),
        Stage::Fingerprint => "fingerprinting the model".into(),
        Stage::ReadText => "reading text".into(),
        Stage::WeighTokens => "weighing the calibration tokens".into(),
        Stage::WriteText => "writing text with the dense model".into(),
        Stage::Tokenise => "tokenising text".into(),
        Stage::ReplayLayers { layer } => format!("passing the windows to layer {layer}"),
        Stage::Calibrate { layer, part } => format!("layer {layer}: calibrating {part}"),
        Stage::Propagate { layer, part } => format!("layer {layer}: propagating through {part}"),
        Stage::Refine { layer, part } => format!("layer {layer}: swapping units of {part}"),
        Stage::EliminationPath { layer, part } => format!("layer {layer}: error curve of {part}"),
        Stage::PredictCosts { layer } => format!("layer {layer}: predicting costs"),
        Stage::Sensitivity { layer, part } => format!("layer {layer}: sensitivity of {part}"),
        Stage::TryRatios => "trying ratios on whole models".into(),
        Stage::Evaluate { pruned: false } => "evaluating dense".into(),
        Stage::Evaluate { pruned: true } => "evaluating pruned".into(),
        Stage::LoadModel => "loading blocks".into(),
        Stage::CompareStreams => "comparing the dense and the pruned stream".into(),
        Stage::CompareAttempts { layer, attempt } => {
            format!("layer {layer}: attempt {attempt} to the last layer")
        }
        Stage::Export => "writing tensors".into(),
        Stage::Verify => "reading the export back".into(),
    }
}

/// The completed fraction of a stage; None for swaps, because their number is unknown in advance.
pub fn stage_fraction(stage: &Stage, done: u64, total: u64) -> Option<f64> {
    match stage {
        Stage::Refine { .. } => None,
        Stage::Download { .. }
        | Stage::Fingerprint
        | Stage::ReadText
        | Stage::WeighTokens
        | Stage::WriteText
        | Stage::Tokenise
        | Stage::ReplayLayers { .. }
        | Stage::Calibrate { .. }
        | Stage::Propagate { .. }
        | Stage::EliminationPath { .. }
        | Stage::PredictCosts { .. }
        | Stage::Sensitivity { .. }
        | Stage::TryRatios
        | Stage::Evaluate { .. }
        | Stage::LoadModel
        | Stage::CompareStreams
        | Stage::CompareAttempts { .. }
        | Stage::Export
        | Stage::Verify => Some(done as f64 / total.max(1) as f64),
    }
}

/// What a stage counts.
#[derive(Clone, Copy)]
enum Unit {
    Bytes,
    /// Singular and plural.
    Items(&'static str, &'static str),
}

fn unit(stage: &Stage) -> Unit {
    match stage {
        Stage::Download { .. } | Stage::Fingerprint | Stage::ReadText | Stage::Tokenise => Unit::Bytes,
        Stage::ReplayLayers { .. } | Stage::CompareStreams | Stage::CompareAttempts { .. } => {
            Unit::Items("window pass", "window passes")
        }
        Stage::Calibrate { .. } | Stage::Propagate { .. } => Unit::Items("window", "windows"),
        Stage::EliminationPath { .. } => Unit::Items("unit", "units"),
        Stage::PredictCosts { .. } => Unit::Items("step", "steps"),
        Stage::Sensitivity { .. } => Unit::Items("pruning", "prunings"),
        Stage::TryRatios => Unit::Items("model", "models"),
        Stage::Evaluate { .. } | Stage::WriteText => Unit::Items("token", "tokens"),
        Stage::LoadModel | Stage::Export | Stage::Verify | Stage::WeighTokens => {
            Unit::Items("block", "blocks")
        }
        Stage::Refine { .. } => Unit::Items("swap", "swaps"),
    }
}

/// A stage with its count: `writing tensors, 21 of 50 blocks`, `layer 3: swapping units of mlp, 7 swaps`.
pub fn stage_progress(stage: &Stage, done: u64, total: u64) -> String {
    let counted = match (unit(stage), stage_fraction(stage, done, total)) {
        (Unit::Bytes, Some(_)) => format!("{} of {}", super::bytes(done), super::bytes(total)),
        (Unit::Bytes, None) => super::bytes(done),
        (Unit::Items(one, many), Some(_)) => {
            format!("{} of {}", count(done), plural(total as usize, one, many))
        }
        (Unit::Items(one, many), None) => plural(done as usize, one, many),
    };
    format!("{}, {counted}", self::stage(stage))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prune::Part;

    #[test]
    fn a_stage_is_named_with_its_count() {
        assert_eq!(stage_progress(&Stage::Export, 21, 50), "writing tensors, 21 of 50 blocks");
        let swaps = Stage::Refine { layer: 3, part: Part::Mlp };
        assert_eq!(stage_progress(&swaps, 7, 0), "layer 3: swapping units of mlp, 7 swaps");
        let evaluate = Stage::Evaluate { pruned: true };
        assert_eq!(stage_progress(&evaluate, 2800, 9728), "evaluating pruned, 2,800 of 9,728 tokens");
        let search = Stage::Sensitivity { layer: 0, part: Part::Attention };
        assert_eq!(stage_progress(&search, 0, 1), "layer 0: sensitivity of attention, 0 of 1 pruning");
    }
}
