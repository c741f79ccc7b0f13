//! Starts, pauses and cancels jobs of the engine.

use crate::{
    protocol::{Command, Control, Methods, OnCancel, Pace, job},
    words::plural,
};

use super::{
    Action, Confirm, Confirmed, Dialog, Effect, Job, JobKind, JobStatus, NoticeKind, Origin, Screen, State,
    Status, dialogs::form::forms,
};

/// Bounds of the speed of a replay.
const SPEEDS: (f64, f64) = (1.0 / 16.0, 1024.0);

/// Prunes all layers. Asks first if some are done, because each of them gets another active attempt.
pub fn ask_to_start(state: &mut State) -> Vec<Effect> {
    let layers = state.layers.len();
    let done = (0..layers).filter(|&layer| state.status(layer) == Status::Done).count();
    if done == 0 || state.unready_to_prune().is_some() {
        return start_all(state);
    }
    let key =
        |action: Action| state.interface.keymap.label(action).unwrap_or_else(|| action.info().name.into());
    let (cancel, undo, rerun) = (key(Action::Cancel), key(Action::Undo), key(Action::Rerun));
    let others = match state.goes_on_from() {
        Some(_) => format!(" {rerun} prunes only the others."),
        None => String::new(),
    };
    state.open(Dialog::Confirm(Confirm {
        question: format!("{} done; prune again from layer 0?", plural(done, "layer is", "layers are")),
        detail: format!(
            "The attempts so far are kept: {cancel} cancels the run and activates them again, {undo} does so after its end.{others}"
        ),
        then: Confirmed::Start,
    }))
}

/// Prunes all layers.
pub fn start_all(state: &mut State) -> Vec<Effect> {
    start(state, Some(0), Methods::OfRun)
}

/// Prunes from layer `from` to the last. None means that every layer is up to date.
pub fn start(state: &mut State, from: Option<usize>, methods: Methods) -> Vec<Effect> {
    if let Some(why) = state.unready_to_prune() {
        return state.refuse(why);
    }
    let Some(from) = from else {
        return state.refuse("every layer is done and up to date; s prunes all again");
    };
    if state.settings.calibration.texts.is_empty() {
        if let Ok(form) = forms::settings(state) {
            state.open(Dialog::Form(form));
        }
        return state
            .refuse("name a calibration text first: plain text, JSON or Parquet, also as .gz or .zst");
    }
    state.run_from(from, methods)
}

/// Prunes the layers that are stale, failed or not yet pruned.
pub fn rerun(state: &mut State) -> Vec<Effect> {
    let from = state.goes_on_from();
    start(state, from, Methods::AsTuned)
}

pub fn pause_or_resume(state: &mut State) -> Vec<Effect> {
    if state.is_replay() {
        state.jobs.replay_paused = !state.jobs.replay_paused;
        return state.control(if state.jobs.replay_paused { Control::Pause } else { Control::Resume });
    }
    match state.job().map(|job| job.status.clone()) {
        Some(JobStatus::Paused) => state.control(Control::Resume),
        Some(JobStatus::Working) => state.control(Control::Pause),
        Some(JobStatus::Waiting | JobStatus::Cancelling | JobStatus::Ended(_)) | None => {
            state.refuse("no job is running; s starts one")
        }
    }
}

pub fn step(state: &mut State) -> Vec<Effect> {
    if state.is_replay() {
        state.jobs.replay_paused = true;
        return state.control(Control::Step);
    }
    if state.job().is_some_and(Job::is_pruning) {
        state.control(Control::Step)
    } else {
        state.refuse("nothing is being pruned; t turns step mode on, s starts")
    }
}

pub fn step_mode(state: &mut State) -> Vec<Effect> {
    if state.is_replay() {
        return step(state);
    }
    state.jobs.pace = match state.jobs.pace {
        Pace::Free => Pace::Stepwise,
        Pace::Stepwise => Pace::Free,
    };
    let pruning = state.job().is_some_and(Job::is_pruning);
    let text = match state.jobs.pace {
        Pace::Stepwise => "Step mode: pruning pauses after each removal; n goes on. t ends it.",
        Pace::Free => "Step mode is off",
    };
    if state.jobs.pace == Pace::Stepwise && pruning {
        state.show(Screen::Steps);
    }
    state.say(NoticeKind::Done, text);
    if pruning { state.control(Control::SetPace(state.jobs.pace)) } else { Vec::new() }
}

pub fn ask_to_cancel(state: &mut State) -> Vec<Effect> {
    if state.is_replay() {
        state.jobs.replay_paused = false;
        return state.control(Control::Cancel);
    }
    let Some(job) = state.job() else { return state.refuse("no job is running") };
    if job.kind != JobKind::Run {
        return cancel(state);
    }
    let rerun =
        state.interface.keymap.label(Action::Rerun).unwrap_or_else(|| Action::Rerun.info().name.into());
    let result = match job.before.as_ref().map(|before| before.on_cancel) {
        Some(OnCancel::PutBack) => {
            "The attempts that were active before it are active again, and those of finished layers are kept."
                .into()
        }
        Some(OnCancel::KeepFinished) | None => {
            format!("The current layer is lost, finished layers are kept, and {rerun} resumes there.")
        }
    };
    state.open(Dialog::Confirm(Confirm {
        question: "Cancel the run?".into(),
        detail: format!("It ends within one step. {result}"),
        then: Confirmed::Cancel,
    }))
}

/// Cancels the running job. A retry takes along the retries that wait behind it.
pub fn cancel(state: &mut State) -> Vec<Effect> {
    let Some(job) = state.jobs.queue.front_mut() else { return Vec::new() };
    job.status = JobStatus::Cancelling;
    let retries = job.kind == JobKind::Retry;
    let waiting = state.jobs.queue.iter().skip(1).filter(|job| retries && job.kind == JobKind::Retry);
    // The waiting ones first, so that none begins in between.
    let mut effects: Vec<Effect> =
        waiting.map(|job| Effect::Command(Command::control(job.run, Control::Cancel))).collect();
    effects.extend(state.control(Control::Cancel));
    effects
}

/// Leaves out the perplexity of the dense model, which is measured between the layers or after them.
pub fn skip_dense(state: &mut State) -> Vec<Effect> {
    let job = state.job().filter(|job| job.kind.measures_perplexity() && !state.is_replay());
    match job.map(|job| job.evaluates) {
        None => return state.refuse("no job measures the perplexity of the dense model"),
        Some(false) => {
            return state.refuse("this run measures no perplexity: its settings name no evaluation text");
        }
        Some(true) => {}
    }
    state.say(NoticeKind::Done, "The perplexity of the dense model is left out");
    state.control(Control::SkipDense)
}

/// Lets both models generate text from the prompt.
pub fn write(state: &mut State) -> Vec<Effect> {
    if let Some(why) = state.unready() {
        return state.refuse(why);
    }
    if state.jobs.queue.iter().any(|job| job.kind == JobKind::Generate) {
        return state.refuse("both models are generating already; x ends it");
    }
    state.compare.begin();
    state.screens.compare.scrolled = 0;
    state.begin(job::Generate { prompt: state.compare.prompt.clone() })
}

/// Multiplies the speed of a replay.
pub fn speed(state: &mut State, factor: f64) -> Vec<Effect> {
    let Origin::Replay { speed, .. } = &mut state.origin else {
        return state.refuse("only a recording has a speed (slimgpt replay FILE)");
    };
    *speed = (*speed * factor).clamp(SPEEDS.0, SPEEDS.1);
    vec![Effect::Command(Command::ReplaySpeed(*speed))]
}
