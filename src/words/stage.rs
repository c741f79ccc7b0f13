//! Stages of a job in a few words.

use crate::protocol::Stage;

/// The work that a progress event counts, such as `layer 3: calibrating mlp`.
pub fn stage(stage: &Stage) -> String {
    match stage {
        Stage::Download { file } => format!("downloading {file}"),
        Stage::Fingerprint => "fingerprinting the model".into(),
        Stage::Tokenise => "tokenising text".into(),
        Stage::ReplayLayers { layer } => format!("passing the windows to layer {layer}"),
        Stage::Calibrate { layer, part } => format!("layer {layer}: calibrating {part}"),
        Stage::Propagate { layer, part } => format!("layer {layer}: propagating through {part}"),
        Stage::Refine { layer, part } => format!("layer {layer}: swapping units of {part}"),
        Stage::EliminationPath { layer, part } => format!("layer {layer}: error curve of {part}"),
        Stage::Sensitivity { layer, part } => format!("layer {layer}: sensitivity of {part}"),
        Stage::TryRatios => "trying ratios on whole models".into(),
        Stage::Evaluate { pruned: false } => "perplexity of the dense model".into(),
        Stage::Evaluate { pruned: true } => "perplexity of the pruned model".into(),
        Stage::LoadModel => "loading blocks".into(),
        Stage::CompareStreams => "comparing the dense and the pruned stream".into(),
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
        | Stage::Tokenise
        | Stage::ReplayLayers { .. }
        | Stage::Calibrate { .. }
        | Stage::Propagate { .. }
        | Stage::EliminationPath { .. }
        | Stage::Sensitivity { .. }
        | Stage::TryRatios
        | Stage::Evaluate { .. }
        | Stage::LoadModel
        | Stage::CompareStreams
        | Stage::Export
        | Stage::Verify => Some(done as f64 / total.max(1) as f64),
    }
}

/// A stage with its progress: `writing tensors: 42 %`, `layer 3: swapping units of mlp: 7 so far`.
pub fn stage_progress(stage: &Stage, done: u64, total: u64) -> String {
    let progress = match stage_fraction(stage, done, total) {
        Some(fraction) => super::progress(fraction),
        None => format!("{done} so far"),
    };
    format!("{}: {progress}", self::stage(stage))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prune::Part;

    #[test]
    fn swaps_are_counted_and_other_stages_are_in_percent() {
        assert_eq!(stage_progress(&Stage::Export, 21, 50), "writing tensors: 42 %");
        let swaps = Stage::Refine { layer: 3, part: Part::Mlp };
        assert_eq!(stage_progress(&swaps, 7, 0), "layer 3: swapping units of mlp: 7 so far");
    }
}
