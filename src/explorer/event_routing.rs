//! Decides whether an event concerns the running job.

use crate::protocol::Event;

use super::{Job, JobStatus, State};

/// False for an event of a job that has ended. The jobs of a recording begin with its events.
pub(super) fn belongs(state: &mut State, run: u64, event: &Event) -> bool {
    let without_job = matches!(
        event,
        Event::ModelOpened { .. }
            | Event::SessionRestored { .. }
            | Event::SessionOpened { .. }
            | Event::AttemptActivated { .. }
    );
    if without_job || state.jobs.front().is_some_and(|job| job.run == run) {
        return true;
    }
    if !state.is_replay() {
        // Events of number 0 come from opening the model.
        return run == 0;
    }
    match event {
        Event::JobStarted { kind } => {
            state.jobs.clear();
            state.jobs.push_back(Job { status: JobStatus::Working, ..Job::new(run, *kind) });
            true
        }
        event => {
            matches!(event, Event::Warning { .. } | Event::ExportWritten { .. } | Event::Progress { .. })
        }
    }
}
