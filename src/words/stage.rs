//! Stages of a job in a few words.

use crate::protocol::Stage;

/// The work that a progress event counts, such as `layer 3: calibrating mlp`.
pub fn stage(stage: &Stage) -> String {
    match stage {
        Stage::Download { file } => format!("downloading {file}"),
        Stage::Fingerprint => "fingerprinting the model".into(),
        Stage::Tokenise => "tokenising text".into(),
        Stage::Approach { layer } => format!("passing the windows to layer {layer}"),
        Stage::Calibrate { layer, part } => format!("layer {layer}: calibrating {part}"),
        Stage::Propagate { layer, part } => format!("layer {layer}: propagating through {part}"),
        Stage::Refine { layer, part } => format!("layer {layer}: swapping units of {part}"),
        Stage::Path { layer, part } => format!("layer {layer}: error curve of {part}"),
        Stage::Sensitivity { layer, part } => format!("layer {layer}: sensitivity of {part}"),
        Stage::Candidates => "trying ratios on whole models".into(),
        Stage::Evaluate { pruned: false } => "perplexity of the dense model".into(),
        Stage::Evaluate { pruned: true } => "perplexity of the pruned model".into(),
        Stage::Load => "loading blocks".into(),
        Stage::Export => "writing tensors".into(),
        Stage::Verify => "reading the export back".into(),
    }
}
