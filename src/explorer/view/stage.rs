//! The stage of the running job, in words.

use crate::{
    explorer::{Job, JobStatus, State},
    protocol::Stage,
    words,
};

/// The stage of a job with its count, and its finished fraction if known. During removal, both count removed units.
pub fn now(state: &State, job: &Job) -> (String, Option<f64>) {
    let at_work = state.layers.iter().enumerate().find_map(|(at, layer)| Some((at, layer.work.as_ref()?)));
    if let Some((layer, work)) = at_work.filter(|(_, work)| work.solving)
        && !matches!(job.stage, Some((Stage::Propagate { .. } | Stage::Refine { .. }, _, _)))
    {
        let view = work.view(work.part);
        let share = view.removed.len() as f64 / view.goal.max(1) as f64;
        let count = format!(
            "{} of {} units",
            words::count(view.removed.len() as u64),
            words::count(view.goal as u64)
        );
        return (format!("layer {layer}: pruning {}, {count}", work.part), Some(share));
    }
    match &job.stage {
        Some((stage, done, total)) => {
            (words::stage_progress(stage, *done, *total), words::stage_fraction(stage, *done, *total))
        }
        None => (job.kind.name().into(), None),
    }
}

/// What an empty panel waits for: the stage that opens the model, or that of the running job, with its count; None if
/// nothing is running.
pub fn awaited(state: &State) -> Option<String> {
    let awaited = match (&state.opening, state.job()) {
        (Some((stage, done, total)), _) => words::stage_progress(stage, *done, *total),
        (None, Some(job)) => now(state, job).0,
        (None, None) => return None,
    };
    // A line never ends between a number and its unit.
    Some(match awaited.rsplit_once(", ") {
        Some((stage, count)) => format!("{stage}, {}", count.replace(' ', "\u{a0}")),
        None => awaited,
    })
}

/// A sentence about an empty panel and what it waits for: `The errors appear once layers are pruned: loading blocks, 4 of 10 blocks.`
pub fn waits(state: &State, sentence: &str) -> String {
    match awaited(state) {
        Some(awaited) => format!("{}: {awaited}.", sentence.trim_end_matches('.')),
        None => sentence.into(),
    }
}

/// The status of the running job, unless it simply runs.
pub fn condition(job: &Job) -> Option<&'static str> {
    match job.status {
        JobStatus::Waiting => Some("waiting"),
        JobStatus::Working | JobStatus::Ended(_) => None,
        JobStatus::Paused => Some("paused"),
        JobStatus::Cancelling => Some("cancelling"),
    }
}
