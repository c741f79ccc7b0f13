//! What the job at work is doing, in words.

use crate::{
    explorer::{Job, JobStatus, State},
    protocol::Stage,
};

/// What a progress event counts, in a few words.
pub(in crate::explorer::view) fn stage_words(stage: &Stage) -> String {
    match stage {
        Stage::Download { file } => format!("downloading {file}"),
        Stage::Approach { layer } => format!("passing the windows on to layer {layer}"),
        Stage::Refine { layer, part } => format!("layer {layer}: swapping units of {part}"),
        Stage::Path { layer, part } => format!("following the path of layer {layer}, {part}"),
        Stage::Fingerprint => "fingerprinting the model".into(),
        Stage::Sensitivity { layer, part } => format!("layer {layer}: what pruning {part} does to the loss"),
        Stage::Candidates => "trying ratios on whole models".into(),
        Stage::Export => "writing tensors".into(),
        Stage::Verify => "reading back what was written".into(),
        Stage::Load => "loading blocks".into(),
        Stage::Tokenise => "reading text".into(),
        Stage::Calibrate { layer, part } => format!("layer {layer}: calibrating {part}"),
        Stage::Propagate { layer, part } => format!("layer {layer}: propagating through {part}"),
        Stage::Evaluate { pruned: false } => "perplexity of the dense model".into(),
        Stage::Evaluate { pruned: true } => "perplexity of the pruned model".into(),
    }
}

/// The stage of a job, and the share of it that is done where that is known. While units leave, these count.
pub(in crate::explorer::view) fn now(state: &State, job: &Job) -> (String, Option<f64>) {
    let at_work = state.layers.iter().enumerate().find_map(|(at, layer)| Some((at, layer.work.as_ref()?)));
    if let Some((layer, work)) = at_work.filter(|(_, work)| work.solving)
        && !matches!(job.stage, Some((Stage::Propagate { .. } | Stage::Refine { .. }, _, _)))
    {
        let view = work.view(work.part);
        let share = view.removed.len() as f64 / view.goal.max(1) as f64;
        return (format!("layer {layer}: pruning {}", work.part), Some(share));
    }
    match &job.stage {
        // How many swaps there will be nobody knows.
        Some((stage @ Stage::Refine { .. }, done, _)) => {
            (format!("{}, {done} so far", stage_words(stage)), None)
        }
        Some((stage, done, total)) => (stage_words(stage), Some(*done as f64 / (*total).max(1) as f64)),
        None => (job.kind.name().into(), None),
    }
}

/// How the job in front stands, where it does not simply go on. One that has ended is not in front any more.
pub(super) fn condition(job: &Job) -> Option<&'static str> {
    match job.status {
        JobStatus::Waiting => Some("waiting"),
        JobStatus::Working | JobStatus::Ended(_) => None,
        JobStatus::Paused => Some("paused"),
        JobStatus::Cancelling => Some("cancelling"),
    }
}
