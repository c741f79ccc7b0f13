//! The running or the last job in words, for the header.

use super::stage;
use crate::{
    explorer::{Job, JobStatus, Outcome, State},
    words,
};

/// A few words, such as "layer 3: pruning mlp".
pub(super) fn words(state: &State, job: &Job) -> String {
    match &job.status {
        JobStatus::Waiting => format!("{} waits", job.kind.name()),
        JobStatus::Working => stage::now(state, job).0,
        JobStatus::Paused => format!("paused, {}", stage::now(state, job).0),
        JobStatus::Cancelling => format!("cancelling {}", job.kind.name()),
        JobStatus::Ended(Outcome::Done) => {
            format!("{} done in {}", job.kind.name(), words::clock(job.at))
        }
        JobStatus::Ended(Outcome::Cancelled) => format!("{} cancelled", job.kind.name()),
        JobStatus::Ended(Outcome::Failed(_)) => format!("{} failed", job.kind.name()),
    }
}

/// One word, for narrow windows.
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
