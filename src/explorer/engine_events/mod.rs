//! Applies the events of the engine to the state.

mod jobs;
mod layers;
mod model;

use crate::{
    protocol::{CalibrationRecord, Event, Stamped},
    words::{self, Sentence},
};

use super::screens::{errors::what_if, layer::side_by_side};
use super::{
    Effect, Entry, JobStatus, NoticeKind, Outcome, PartStatistics, State, advice, command_log, restore,
    search,
};

pub fn handle(state: &mut State, stamped: Stamped) -> Vec<Effect> {
    let Stamped { run, at, event } = stamped;
    if event == Event::JobCancelled && state.jobs.queue.iter().skip(1).any(|job| job.run == run) {
        // The job was cancelled while it was queued.
        command_log::follow(state, &Stamped { run, at, event });
        state.jobs.queue.retain(|job| job.run != run);
        return Vec::new();
    }
    if !jobs::belongs(state, run, &event) {
        return Vec::new();
    }
    jobs::heard_from(state, run, at);
    let stamped = Stamped { run, at, event };
    command_log::follow(state, &stamped);
    state.tracker.observe(&stamped);
    let event = stamped.event;
    let text = log(state, at, &event);
    match event {
        Event::SessionRestored { session } => restore::restore(state, at, *session),
        event => {
            let first = matches!(event, Event::ModelOpened { .. }) && state.model.is_none();
            apply(state, text, event);
            if first && state.sessions.offers { vec![Effect::ListSessions] } else { Vec::new() }
        }
    }
}

/// Logs the sentence of an event and returns it.
fn log(state: &mut State, at: f64, event: &Event) -> String {
    // A session is announced again when it is reopened.
    let known_session =
        matches!(event, Event::SessionOpened { path } if state.sessions.open.as_ref() == Some(path));
    let notation = state.interface.notation;
    let sentence = |notation| words::event(event, notation).filter(|_| !known_session);
    let Some(Sentence { level, place: _, layer, text }) = sentence(notation) else {
        return String::new();
    };
    let other = sentence(notation.other()).map(|sentence| sentence.text);
    state.log.push_noted(Entry { at, level, layer, text: text.clone() }, other);
    text
}

/// Applies every event. `text` is its sentence.
fn apply(state: &mut State, text: String, event: Event) {
    match event {
        Event::Progress { stage, done, total } => jobs::progress(state, (stage, done, total)),
        Event::JobStarted { .. } => {}
        Event::Paused => jobs::set_status(state, JobStatus::Paused),
        Event::Resumed => jobs::set_status(state, JobStatus::Working),
        Event::RunDone { record } => jobs::run_done(state, *record, text),
        Event::JobDone => jobs::end(state, Outcome::Done),
        Event::JobCancelled => jobs::cancelled(state),
        Event::JobFailed { message, advice } => {
            let advice = advice.as_ref().and_then(advice::advice);
            jobs::failed(state, advice.map_or(message.clone(), |advice| format!("{message}; {advice}")));
        }
        Event::Warning { message } => jobs::warned(state, message),

        Event::ModelOpened { model, shape } => model::opened(state, model, shape),
        // `handle` applies it, because it has effects.
        Event::SessionRestored { .. } => {}
        Event::SessionOpened { path } => state.sessions.open = Some(path),
        Event::RunStarted { from, settings, plan, model: _ } => {
            model::run_started(state, from, *settings, &plan);
        }
        Event::CalibrationReady {
            files,
            samples,
            seq_len,
            text_tokens: _,
            seed,
            bos,
            written,
            weights,
            drawn,
        } => {
            let tokens = (samples * seq_len) as u64;
            state.calibration = Some(CalibrationRecord {
                files,
                samples,
                seq_len,
                seed,
                tokens,
                bos,
                written,
                weights,
                drawn,
            });
        }

        Event::EvaluationReady { .. } => {}
        Event::LayerStarted { layer, attempt, method } => layers::started(state, layer, attempt, method),
        Event::HessianStatistics { layer, part, stats, picture, scores, energy } => {
            layers::inverted(state, (layer, part), PartStatistics::new(stats, picture, scores, energy));
        }
        Event::DampingRaised { layer, part, .. } | Event::PrecisionRaised { layer, part, .. } => {
            layers::begin_part_again(state, layer, part);
            layers::report(state, layer, event);
        }
        Event::UnitsRemoved { layer, part, step: _, units, error } => {
            layers::units_removed(state, (layer, part), units, error);
        }
        Event::StepPictured { layer, part, step, picture } => {
            layers::pictured(state, (layer, part), step, picture);
        }
        Event::PartDone { layer, part, record } => layers::part_done(state, (layer, part), record),
        Event::PartFailed { layer, part, cause } => layers::part_failed(state, (layer, part), &cause),
        Event::LayerDone { record, attempt } => layers::done(state, record, attempt),
        Event::AttemptActivated { layer, attempt } => layers::activated(state, layer, attempt),
        Event::ErrorCurve { layer, part, units, points } => {
            layers::error_curve(state, (layer, part), units, points);
        }
        Event::OutputErrorMeasured { layer, attempt: Some(attempt), dense_part: None, errors } => {
            layers::compared(state, layer, attempt, errors);
        }
        // A layer without an attempt has no result to which its comparison could belong.
        Event::OutputErrorMeasured { attempt: None, dense_part: None, .. } => {}
        Event::OutputErrorMeasured { layer, attempt: _, dense_part: Some(dense), errors } => {
            what_if::measured(state, dense, layer, errors);
        }

        Event::AttemptCompared { layer, attempt, windows, behind, errors } => {
            side_by_side::measured(state, (layer, attempt), windows, (behind, errors));
        }

        Event::SensitivityMeasured { curve } => state.search.measured(curve),
        Event::RatiosTried { tried, best } => state.search.tried(tried, best),
        Event::RatiosFound { record } => search::found(state, *record),

        Event::PerplexityMeasured { record } => state.compare.add(record),
        Event::GeneratedText { side, text } => state.compare.write_on(side, &text),
        Event::GenerationFinished { side, tokens, seconds } => {
            let writing = state.compare.newest.side_mut(side);
            (writing.tokens, writing.seconds) = (tokens, Some(seconds));
        }
        Event::TokensMeasured { side, tokens } => state.compare.newest.side_mut(side).measured = tokens,
        Event::ExportWritten { .. } => {
            state.unsaved = false;
            state.say(NoticeKind::Done, text);
        }
    }
}
