//! What the engine tells, taken into the state.

use crate::{
    config,
    protocol::{CalibrationRecord, Event, PlannedLayer, Stamped},
    prune::Part,
    words::{self, Sentence},
};

use super::{
    AttemptResult, Curve, Dialog, Effect, Entry, Form, Job, JobKind, JobStatus, Layer, Model, NoticeKind,
    Outcome, PreviousRun, Schedule, Seen, State, Work, event_routing, restore, search,
};

/// Ghosts kept behind the newest run.
const GHOSTS: usize = 6;

pub fn handle(state: &mut State, stamped: Stamped) -> Vec<Effect> {
    let Stamped { run, at, event } = stamped;
    if event == Event::JobCancelled && state.jobs.iter().skip(1).any(|job| job.run == run) {
        // It waited, and never began.
        state.jobs.retain(|job| job.run != run);
        return Vec::new();
    }
    if !event_routing::belongs(state, run, &event) {
        return Vec::new();
    }
    if let Some(job) = state.jobs.front_mut().filter(|job| job.run == run) {
        job.at = at;
        if job.status == JobStatus::Waiting {
            job.status = JobStatus::Working;
        }
    }
    match event {
        Event::SessionRestored { session } => restore::restore(state, at, *session),
        event => {
            take(state, at, event);
            Vec::new()
        }
    }
}

fn take(state: &mut State, at: f64, event: Event) {
    // A session is announced again whenever a job begins.
    let known_session =
        matches!(&event, Event::SessionOpened { path } if state.session.as_ref() == Some(path));
    let sentence = words::event(&event).filter(|_| !known_session);
    let text = sentence.as_ref().map_or(String::new(), |sentence| sentence.text.clone());
    if let Some(Sentence { level, layer, text }) = sentence {
        state.log.push(Entry { at, level, layer, text });
    }
    match event {
        Event::Progress { stage, done, total } => match state.jobs.front_mut() {
            Some(job) => job.stage = Some((stage, done, total)),
            None => state.opening = Some((stage, done, total)),
        },
        Event::ModelOpened { model, shape } => opened(state, Model { record: model, shape }),
        // It asks something of the world, and was heard before.
        Event::SessionRestored { .. } => {}
        Event::SessionOpened { path } => state.session = Some(path),
        Event::JobStarted { .. } => {}
        Event::RunStarted { from, settings, plan, .. } => {
            // A run may search for its ratios before it begins.
            if let Some(job) = state.jobs.front_mut() {
                (job.kind, job.from) = (JobKind::Run, from);
            }
            run_started(state, *settings, &plan);
        }
        Event::CalibrationReady { files, samples, seq_len, text_tokens: _, seed } => {
            let tokens = (samples * seq_len) as u64;
            state.calibration = Some(CalibrationRecord { files, samples, seq_len, seed, tokens });
        }
        Event::LayerStarted { layer, attempt, method } => {
            let goal =
                state.layers.get(layer).map(|known| super::goal(&known.shape, method.ratio, &state.settings));
            if state.follow && layer < state.layers.len() {
                state.layer = layer;
                state.screens.layer.part = Part::Attention;
            }
            if let (Some(known), Some(goal)) = (state.layers.get_mut(layer), goal) {
                known.failed = None;
                known.work =
                    Some(Work::new(attempt, method, &known.shape, goal, state.settings.attention_unit));
            }
        }
        Event::HessianStatistics { layer, part, stats, picture, scores, energy } => {
            if state.follow && state.layer == layer {
                state.screens.layer.part = part;
            }
            if let Some(work) = work(state, layer) {
                work.part = part;
                work.solving = true;
                work.part_mut(part).begin_again();
                work.part_mut(part).seen = Some(Seen::new(stats, picture, scores, energy));
            }
        }
        // The part starts again from its first removal.
        Event::DampingRaised { layer, part, .. } | Event::PrecisionRaised { layer, part, .. } => {
            if let Some(work) = work(state, layer) {
                work.part_mut(part).begin_again();
            }
        }
        Event::UnitsRemoved { layer, part, step: _, units, error } => {
            if let Some(work) = work(state, layer) {
                let known = work.part_mut(part);
                known.step_errors.push(error);
                known.group_sizes.push(units.len());
                known.removed.extend(units);
            }
        }
        Event::PartDone { layer, part, record } => {
            if let Some(work) = work(state, layer) {
                work.part_mut(part).record = Some(record);
                work.solving = false;
                work.part = Part::Mlp;
            }
        }
        Event::PartFailed { layer, part, cause } => {
            if let Some(known) = state.layers.get_mut(layer) {
                known.work = None;
                known.failed = Some(format!("{part}: {cause}"));
            }
        }
        Event::LayerDone { record, attempt } => {
            layer_done(state, AttemptResult { attempt, record, attention: None, mlp: None });
        }
        // Our own choices are known before the engine tells them; a run puts fitting attempts active by itself.
        Event::AttemptActivated { layer, attempt }
            if state.is_replay() || state.job().is_some_and(Job::is_pruning) =>
        {
            chosen(state, layer, attempt);
        }
        Event::AttemptActivated { .. } => {}
        Event::ErrorCurve { layer, part, units, points } => {
            let method = state.method(layer);
            // What said that it was asked for.
            state.notice = None;
            if let Some(known) = state.layers.get_mut(layer) {
                known.curves.retain(|curve| curve.part != part);
                known.curves.push(Curve { part, units, points, method });
            }
        }
        Event::SensitivityMeasured { curve } => state.search.measured(curve),
        Event::RatiosTried { tried, best } => state.search.tried(tried, best),
        Event::RatiosFound { record } => search::found(state, *record),
        Event::PerplexityMeasured { record } => state.compare.add(record),
        Event::Warning { message } => {
            if let Some(asked) = &mut state.reopening {
                asked.warned = true;
            }
            state.say(NoticeKind::Refused, message);
        }
        Event::GeneratedText { side, text } => state.compare.write_on(side, &text),
        Event::GenerationFinished { side, tokens, seconds } => {
            let writing = state.compare.side_mut(side);
            (writing.tokens, writing.seconds) = (tokens, Some(seconds));
        }
        Event::Paused => set_status(state, JobStatus::Paused),
        Event::Resumed => set_status(state, JobStatus::Working),
        Event::ExportWritten { .. } => {
            state.unsaved = false;
            state.say(NoticeKind::Done, text);
        }
        Event::RunDone { record } => {
            state.record = Some(*record);
            state.broken_off = false;
            end(state, Outcome::Done);
            state.say(NoticeKind::Done, text);
        }
        Event::JobDone => end(state, Outcome::Done),
        Event::JobCancelled => {
            end(state, Outcome::Cancelled);
            state.say(NoticeKind::Done, "Cancelled; finished layers stay.");
        }
        Event::JobFailed { message } => failed(state, message),
    }
}

fn work(state: &mut State, layer: usize) -> Option<&mut Work> {
    state.layers.get_mut(layer)?.work.as_mut()
}

fn opened(state: &mut State, model: Model) {
    if state.model.is_some() {
        restore::forget(state);
    }
    let layers = model.shape.layers.len();
    let (schedule, wrong) = Schedule::of_settings(layers, &state.settings);
    state.schedule = schedule;
    state.schedule.weigh(&model.shape.layers, state.settings.attention_unit);
    state.layers = model.shape.layers.iter().map(|&shape| Layer::new(shape)).collect();
    state.layer = 0;
    state.settle_choices();
    state.opening = None;
    state.model = Some(model);
    if let Some(why) = wrong {
        state.say(NoticeKind::Failed, why);
    }
}

fn run_started(state: &mut State, settings: config::Settings, plan: &[PlannedLayer]) {
    let output_errors = state.output_errors();
    if output_errors.iter().any(Option::is_some) {
        if state.previous_runs.len() == GHOSTS {
            state.previous_runs.remove(0);
        }
        state.previous_runs.push(PreviousRun { run: state.runs, output_errors });
    }
    state.runs += 1;
    state.broken_off = true;
    if state.is_replay() {
        state.settings = settings;
        let (mut schedule, _) = Schedule::of_settings(state.layers.len(), &state.settings);
        for (layer, planned) in plan.iter().enumerate() {
            if let Some(ratio) = schedule.ratios.get_mut(layer) {
                *ratio = planned.ratio;
            }
        }
        state.schedule = schedule;
        state.follow = true;
    }
}

fn layer_done(state: &mut State, mut result: AttemptResult) {
    let run = state.job().is_some_and(|job| job.kind == JobKind::Run);
    if let Some(job) = state.jobs.front_mut() {
        job.layers_done += 1;
    }
    let index = result.record.index;
    let Some(layer) = state.layers.get_mut(index) else { return };
    let earlier = layer.active().map(|result| (result.attention.clone(), result.mlp.clone()));
    if let Some(work) = layer.work.take() {
        (result.attention, result.mlp) = (work.attention.seen, work.mlp.seen);
    }
    if let Some((attention, mlp)) = earlier {
        // A part that was taken over shows what it showed.
        let parts = &result.attempt.method.parts;
        if !parts.contains(&Part::Attention) {
            result.attention = attention;
        }
        if !parts.contains(&Part::Mlp) {
            result.mlp = mlp;
        }
    }
    layer.failed = None;
    let number = result.attempt.number;
    layer.attempts.retain(|known| known.attempt.number != number);
    layer.attempts.push(result);
    if run {
        layer.chosen = Some(number);
    }
    let count = layer.attempts.len();
    if index == state.layer {
        state.screens.layer.attempt = count - 1;
    }
    state.settle_choices();
    state.unsaved |= run && !state.is_replay();
    if !run {
        state.say(
            NoticeKind::Done,
            format!("Layer {index}: attempt {number} lies beside the others; Enter in the list of attempts puts it active."),
        );
    }
}

/// An attempt is active in a recording, or none; the planned ratio is that of the attempt, as it was when it was chosen.
fn chosen(state: &mut State, layer: usize, attempt: Option<usize>) {
    let Some(known) = state.layers.get_mut(layer) else { return };
    known.chosen = attempt;
    let ratio = known.active().map(|result| result.attempt.method.ratio);
    if let Some(ratio) = ratio {
        state.schedule.put(layer, ratio);
    }
    state.settle_choices();
}

fn set_status(state: &mut State, status: JobStatus) {
    if let Some(job) = state.jobs.front_mut() {
        job.status = status;
    }
}

/// The job at work is over; the next one takes its place.
fn end(state: &mut State, outcome: Outcome) {
    for layer in &mut state.layers {
        layer.work = None;
    }
    if let Some(mut job) = state.jobs.pop_front() {
        job.status = JobStatus::Ended(outcome);
        state.last_job = Some(job);
    }
    set_status(state, JobStatus::Working);
}

/// A layer that was in work when the job failed is marked with the cause.
fn failed(state: &mut State, message: String) {
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
