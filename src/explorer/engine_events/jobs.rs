//! Events of jobs: which job an event belongs to, and how jobs begin and end.

use crate::protocol::{Event, OnCancel, RunRecord, Stage};

use super::super::{Asked, Before, Dialog, Form, Job, JobKind, JobStatus, NoticeKind, Outcome, State, edit};

/// False for an event of a job that has ended. A recording's jobs begin with its events.
pub fn belongs(state: &mut State, run: u64, event: &Event) -> bool {
    let without_job = matches!(
        event,
        Event::ModelOpened { .. }
            | Event::SessionRestored { .. }
            | Event::SessionOpened { .. }
            | Event::AttemptActivated { .. }
    );
    if without_job || state.jobs.queue.front().is_some_and(|job| job.run == run) {
        return true;
    }
    if !state.is_replay() {
        // Events numbered 0 come from opening the model.
        return run == 0;
    }
    match event {
        Event::JobStarted { kind } => {
            state.jobs.queue.clear();
            state.jobs.queue.push_back(Job { status: JobStatus::Working, ..Job::new(run, *kind) });
            true
        }
        event => {
            matches!(event, Event::Warning { .. } | Event::ExportWritten { .. } | Event::Progress { .. })
        }
    }
}

/// Sets the clock of the running job.
pub fn heard_from(state: &mut State, run: u64, at: f64) {
    if let Some(job) = state.jobs.queue.front_mut().filter(|job| job.run == run) {
        job.at = at;
        if job.status == JobStatus::Waiting {
            job.status = JobStatus::Working;
        }
    }
}

/// Before the first job, progress belongs to opening the model.
pub fn progress(state: &mut State, stage: (Stage, u64, u64)) {
    match state.jobs.queue.front_mut() {
        Some(job) => job.stage = Some(stage),
        None => state.opening = Some(stage),
    }
}

pub fn set_status(state: &mut State, status: JobStatus) {
    if let Some(job) = state.jobs.queue.front_mut() {
        job.status = status;
    }
}

pub fn warned(state: &mut State, message: String) {
    if let Some(reopening) = &mut state.sessions.reopening {
        reopening.warned = true;
    }
    state.say(NoticeKind::Refused, message);
}

pub fn run_done(state: &mut State, record: RunRecord, text: String) {
    state.record = Some(record);
    state.jobs.broken_off = false;
    end(state, Outcome::Done);
    state.say(NoticeKind::Done, text);
}

pub fn cancelled(state: &mut State) {
    if state.jobs.queue.front().is_some_and(|job| job.asked == Asked::Idle) {
        return end(state, Outcome::Cancelled);
    }
    let before = state.jobs.queue.front().and_then(|job| job.before.clone());
    let put_back = before.filter(|before| before.on_cancel == OnCancel::PutBack);
    end(state, Outcome::Cancelled);
    let Some(Before { broken_off, .. }) = put_back else {
        state.say(NoticeKind::Done, "Cancelled; finished layers are kept.");
        return;
    };
    state.jobs.broken_off = broken_off;
    // The run has no results, so the errors before it are those of the active attempts.
    let errors = state.output_errors();
    if state.previous_runs.last().is_some_and(|previous| previous.output_errors == errors) {
        state.previous_runs.pop();
    }
    state.say(NoticeKind::Done, "Cancelled; the attempts from before the run are active again.");
}

/// Ends the running job. The next one in the queue takes its place.
pub fn end(state: &mut State, outcome: Outcome) {
    for layer in &mut state.layers {
        layer.work = None;
    }
    if let Some(mut job) = state.jobs.queue.pop_front() {
        job.status = JobStatus::Ended(outcome);
        state.log.pass(job.at);
        if let Some(before) = &job.before {
            edit::remember_run(state, &before.active);
        }
        // Work in idle time does not replace the result that the user waited for.
        if job.asked == Asked::User {
            state.jobs.last = Some(job);
        }
    }
    set_status(state, JobStatus::Working);
}

/// Marks the layer in progress as failed, with the cause. A failed export reopens its form.
pub fn failed(state: &mut State, message: String) {
    if let Some(layer) = state.layers.iter_mut().find(|layer| layer.work.is_some()) {
        layer.failed = Some(message.clone());
    }
    let export = state.job().is_some_and(|job| job.kind == JobKind::Export);
    end(state, Outcome::Failed(message.clone()));
    match state.export_form.take().filter(|_| export) {
        Some(form) => state.dialogs.push(Dialog::Form(Form { error: Some(message), ..form })),
        None => state.say(NoticeKind::Failed, message),
    }
}
