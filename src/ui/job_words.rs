//! What the engine is doing, in words: for the header.

use crate::{
    app::{Job, JobKind, JobStatus, Outcome, State, Status},
    protocol::Stage,
};

use super::numbers;

/// A few words, such as "pruning layer 3 mlp".
pub(super) fn words(state: &State, job: &Job) -> String {
    match &job.status {
        JobStatus::Waiting => format!("{} waits", job.kind.name()),
        JobStatus::Working => at_work(state, job),
        JobStatus::Paused => format!("paused, {}", at_work(state, job)),
        JobStatus::Cancelling => format!("cancelling {}", job.kind.name()),
        JobStatus::Ended(Outcome::Done) => {
            format!("{} done in {}", job.kind.name(), numbers::seconds(job.at))
        }
        JobStatus::Ended(Outcome::Cancelled) => format!("{} cancelled", job.kind.name()),
        JobStatus::Ended(Outcome::Failed(_)) => format!("{} failed", job.kind.name()),
    }
}

/// Two words where a few are too many.
pub(super) fn short(job: &Job) -> &'static str {
    match &job.status {
        JobStatus::Waiting => "waits",
        JobStatus::Working => job.kind.name(),
        JobStatus::Paused => "paused",
        JobStatus::Cancelling => "cancelling",
        JobStatus::Ended(Outcome::Done) => "done",
        JobStatus::Ended(Outcome::Cancelled) => "cancelled",
        JobStatus::Ended(Outcome::Failed(_)) => "failed",
    }
}

/// What the opening of a model is at.
pub(super) fn opening(stage: &Stage) -> String {
    stage_words(stage).unwrap_or_else(|| "opening".into())
}

fn at_work(state: &State, job: &Job) -> String {
    let what = match job.kind {
        JobKind::Run { .. } => "",
        JobKind::Retry { .. } => "retry: ",
        JobKind::Curve { .. } | JobKind::Measure | JobKind::Write | JobKind::Export => "",
    };
    if let Some((stage, ..)) = &job.stage
        && let Some(words) = stage_words(stage)
    {
        return format!("{what}{words}");
    }
    let layer =
        state.layers.iter().enumerate().find_map(|(index, layer)| Some((index, layer.work.as_ref()?)));
    match layer {
        Some((index, work)) => {
            let doing = match state.status(index) {
                Status::Calibrating => "calibrating",
                Status::Pruning | Status::Waiting | Status::Done | Status::Stale | Status::Failed => {
                    "pruning"
                }
            };
            format!("{what}{doing} layer {index} {}", work.part)
        }
        None => job.kind.name().into(),
    }
}

/// Words for what is counted; None where the layer in work tells it better.
fn stage_words(stage: &Stage) -> Option<String> {
    Some(match stage {
        Stage::Download { file } => format!("downloading {file}"),
        Stage::Approach { layer } => format!("passing blocks towards layer {layer}"),
        Stage::Path { layer, part } => format!("error curve of layer {layer} {part}"),
        Stage::Export => "writing the model".into(),
        Stage::Load => "loading blocks".into(),
        Stage::Tokenise => "reading text".into(),
        Stage::Calibrate { .. } | Stage::Propagate { .. } => return None,
        Stage::Evaluate { pruned: false } => "perplexity, dense".into(),
        Stage::Evaluate { pruned: true } => "perplexity, pruned".into(),
    })
}
