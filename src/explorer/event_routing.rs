//! Which job an event is of.

use crate::protocol::Event;

use super::{Job, JobKind, JobStatus, State};

/// Whether an event is of the job at work. Recordings begin their jobs by themselves.
pub(super) fn belongs(state: &mut State, run: u64, event: &Event) -> bool {
    let of_no_job = matches!(
        event,
        Event::Opened { .. } | Event::Restored { .. } | Event::Session { .. } | Event::Chosen { .. }
    );
    if of_no_job || state.jobs.front().is_some_and(|job| job.run == run) {
        return true;
    }
    if !state.is_replay() {
        // Before the model is open, what is told is of the opening; later, of a job that has ended.
        return run == 0;
    }
    match kind_of(event) {
        Some(kind) => {
            state.jobs.clear();
            state.jobs.push_back(Job { status: JobStatus::Working, ..Job::new(run, kind) });
            true
        }
        None => matches!(event, Event::Warning { .. } | Event::Written { .. } | Event::Progress { .. }),
    }
}

/// The job that an event of a recording begins.
fn kind_of(event: &Event) -> Option<JobKind> {
    match event {
        Event::RunStarted { from, .. } => Some(JobKind::Run { from: *from }),
        Event::LayerStarted { layer, .. } => Some(JobKind::Retry { layer: *layer }),
        Event::Curve { layer, part, .. } => Some(JobKind::Curve { layer: *layer, part: *part }),
        Event::Measured { .. } => Some(JobKind::Measure),
        Event::Piece { .. } | Event::Wrote { .. } => Some(JobKind::Write),
        Event::Sensitivity { .. } | Event::Tried { .. } | Event::Found { .. } => Some(JobKind::Search),
        Event::Progress { .. }
        | Event::Opened { .. }
        | Event::Restored { .. }
        | Event::Session { .. }
        | Event::Calibrated { .. }
        | Event::Hessian { .. }
        | Event::DampingRaised { .. }
        | Event::PrecisionRaised { .. }
        | Event::Removed { .. }
        | Event::PartDone { .. }
        | Event::PartFailed { .. }
        | Event::LayerDone { .. }
        | Event::Chosen { .. }
        | Event::Warning { .. }
        | Event::Paused
        | Event::Resumed
        | Event::Written { .. }
        | Event::RunDone { .. }
        | Event::JobDone
        | Event::RunCancelled
        | Event::RunFailed { .. } => None,
    }
}
