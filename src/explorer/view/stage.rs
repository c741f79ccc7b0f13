//! The stage of the running job, in words.

use crate::{
    explorer::{Job, JobStatus, State},
    protocol::Stage,
    words,
};

/// The stage of a job, and its finished fraction if known. During removal, the fraction counts removed units.
pub fn now(state: &State, job: &Job) -> (String, Option<f64>) {
    let at_work = state.layers.iter().enumerate().find_map(|(at, layer)| Some((at, layer.work.as_ref()?)));
    if let Some((layer, work)) = at_work.filter(|(_, work)| work.solving)
        && !matches!(job.stage, Some((Stage::Propagate { .. } | Stage::Refine { .. }, _, _)))
    {
        let view = work.view(work.part);
        let share = view.removed.len() as f64 / view.goal.max(1) as f64;
        return (format!("layer {layer}: pruning {}", work.part), Some(share));
    }
    match &job.stage {
        Some((stage, done, total)) => match words::stage_fraction(stage, *done, *total) {
            Some(fraction) => (words::stage(stage), Some(fraction)),
            None => (words::stage_progress(stage, *done, *total), None),
        },
        None => (job.kind.name().into(), None),
    }
}

/// What an empty panel waits for: the stage that opens the model, or that of the running job, with its finished
/// fraction; None if nothing is running.
pub fn awaited(state: &State) -> Option<String> {
    // A line never ends between a number and its unit.
    let words_of = |share: f64| words::progress(share).replace(' ', "\u{a0}");
    let fraction = |share: Option<f64>| share.map_or(String::new(), |share| format!(", {}", words_of(share)));
    if let Some((stage, done, total)) = &state.opening {
        let share = words::stage_fraction(stage, *done, *total);
        return Some(format!("{}{}", words::stage(stage), fraction(share)));
    }
    let job = state.job()?;
    let (now, share) = self::now(state, job);
    Some(format!("{now}{}", fraction(share)))
}

/// A sentence about an empty panel and what it waits for: `The errors appear once layers are pruned: loading blocks, 40 %.`
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
