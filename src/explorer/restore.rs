//! Restores the state from a session that was reopened.

use crate::{
    config::{Evaluation, Settings},
    protocol::{Restored, RestoredAttempt, RestoredLayer, RestoredPerplexity, Statistics},
    prune::LayerRatio,
    words,
};

use super::{
    Action, AttemptResult, Change, Effect, Entry, History, Layer, Level, NoticeKind, PartStatistics,
    Schedule, Search, State, Status, Then,
    draft::{self, FrontendDraft},
    runs,
};

/// Handles `Restored`, which follows `Opened`.
pub fn restore(state: &mut State, at: f64, session: Restored) -> Vec<Effect> {
    let Restored {
        path,
        settings,
        ratios,
        layers,
        calibration,
        search,
        perplexities,
        seconds,
        unfinished,
        frontend,
    } = session;
    let name = words::session_name(&path);
    let mut told = Vec::new();
    let count: usize = layers.iter().map(|layer| layer.attempts.len()).sum();
    for (known, restored) in state.layers.iter_mut().zip(layers) {
        take_attempts(known, restored);
    }
    let frontend = draft::read(frontend).unwrap_or_else(|why| {
        told.push(format!(
            "Session {name}: its draft cannot be read in full ({why}); there is nothing to undo"
        ));
        None
    });
    if let Some(why) = take_plan(state, *settings, &ratios, frontend.as_ref()) {
        told.push(format!("Session {name}: {why}"));
    }
    if let Some(frontend) = &frontend {
        let layers = &state.layers;
        state.history = frontend.history.clone().up_to_what_fits(|change| fits(change, layers));
    }
    state.calibration = calibration;
    state.search = search.map(|record| Search::of_record(*record)).unwrap_or_default();
    state.settle_choices();
    let text = state.settings.evaluation.text.clone().or(state.compare.evaluation.text.take());
    state.compare.evaluation = Evaluation { text, ..state.settings.evaluation.clone() };
    for RestoredPerplexity { of, record } in perplexities {
        let on = of.unwrap_or_else(|| state.compare.active.clone());
        state.compare.add_on(record, on);
    }
    state.screens.layer.attempt = usize::MAX;
    state.settle_attempt();
    state.unsaved = false;

    let attempts = if count == 1 { "1 attempt".into() } else { format!("{count} attempts") };
    let left =
        unfinished.filter(|&left| left > 0).map_or(String::new(), |left| format!(", {left} left to prune"));
    let opened = format!("Session {name} opened: {} layers, {attempts}{left}", state.layers.len());
    let say = |level| move |text| Entry { at, level, layer: None, text };
    let entries = told.into_iter().map(say(Level::Warning)).chain([opened].into_iter().map(say(Level::Info)));
    for entry in entries {
        state.log.push(entry);
    }
    state.log.continue_at(seconds);
    state.jobs.broken_off = unfinished.is_some();
    state.sessions.open = Some(path.clone());
    state.settle_draft();
    let then = state
        .sessions
        .reopening
        .take()
        .filter(|asked| asked.is_of(&path))
        .map_or(Then::Look, |asked| asked.then);
    if state.is_replay() {
        return Vec::new();
    }
    match (then, state.goes_on_from()) {
        (Then::GoOn, Some(_)) => {
            state.notice = None;
            runs::rerun(state)
        }
        (Then::GoOn, None) => {
            state.say(NoticeKind::Done, format!("Session {name} is open; every layer is pruned"));
            Vec::new()
        }
        (Then::Look, first) => {
            let text = what_is_left(state, &name, first, unfinished);
            state.say(NoticeKind::Done, text);
            Vec::new()
        }
    }
}

/// One sentence: the session is open, and the effect of `R`.
fn what_is_left(state: &State, name: &str, first: Option<usize>, unfinished: Option<usize>) -> String {
    let begun = unfinished.is_some() || state.layers.iter().any(|layer| !layer.attempts.is_empty());
    let Some(first) = first.filter(|_| begun) else { return format!("Session {name} is open") };
    let rerun =
        state.interface.keymap.label(Action::Rerun).unwrap_or_else(|| Action::Rerun.info().name.into());
    let count = (first..state.layers.len()).filter(|&layer| state.status(layer) != Status::Done).count();
    let what = match (state.status(first), count) {
        (_, 0) => "its run has not finished".into(),
        (Status::Stale, _) => format!("the layers from {first} on are stale"),
        (_, 1) => format!("layer {first} is left to prune"),
        (_, count) => format!("{count} layers are left to prune, from layer {first}"),
    };
    format!("Session {name} is open; {what}, {rerun} resumes")
}

fn take_attempts(known: &mut Layer, restored: RestoredLayer) {
    let RestoredLayer { active, attempts } = restored;
    known.attempts = attempts.into_iter().map(attempt).collect();
    // An attempt that could not be read is no longer active.
    known.chosen = active.filter(|&number| known.attempt(number).is_some());
}

fn attempt(restored: RestoredAttempt) -> AttemptResult {
    let RestoredAttempt { attempt, record, stream_errors, attention, mlp } = restored;
    let seen =
        |Statistics { stats, picture, scores, energy }| PartStatistics::new(stats, picture, scores, energy);
    AttemptResult {
        attempt,
        record,
        stream_errors,
        attention: attention.map(seen),
        mlp: mlp.map(seen),
        seconds: None,
    }
}

/// Applies settings and schedule. Returns a description of anything that does not fit. The session's ratios
/// take precedence over those of the explorer's draft.
fn take_plan(
    state: &mut State,
    settings: Settings,
    ratios: &[LayerRatio],
    frontend: Option<&FrontendDraft>,
) -> Option<String> {
    let layers = state.layers.len();
    state.settings = settings;
    let kept = frontend.map(|frontend| &frontend.schedule).filter(|schedule| schedule.fits(layers));
    let (schedule, mut wrong) = match kept {
        Some(schedule) => (schedule.clone(), None),
        None => Schedule::of_settings(layers, &state.settings),
    };
    let shapes: Vec<_> = state.layers.iter().map(|layer| layer.shape).collect();
    state.schedule = schedule;
    state.schedule.weigh(&shapes, state.settings.objective.attention_unit);
    if !ratios.is_empty() {
        let mut planned = state.schedule.clone();
        planned.put_all(ratios);
        wrong = match planned.fits(layers) && ratios.len() == layers {
            true => {
                state.schedule = planned;
                None
            }
            false => Some(format!(
                "its plan of {} ratios does not fit a model of {layers} layers; the ratios of its settings are used",
                ratios.len()
            )),
        };
    }
    wrong
}

/// True for a change that can be undone in this session.
fn fits(change: &Change, layers: &[Layer]) -> bool {
    let Change { what: _, schedule, choices, open: _ } = change;
    let there =
        |layer: &Layer, number: Option<usize>| number.is_none_or(|number| layer.attempt(number).is_some());
    let schedules =
        schedule.as_ref().is_none_or(|both| both.before.fits(layers.len()) && both.after.fits(layers.len()));
    let choices = choices.iter().all(|choice| {
        layers
            .get(choice.layer)
            .is_some_and(|layer| there(layer, choice.before) && there(layer, choice.after))
    });
    schedules && choices
}

/// Clears everything that belongs to the previous model.
pub fn forget(state: &mut State) {
    state.sessions.open = None;
    state.history = History::default();
    state.jobs.queue.clear();
    (state.jobs.last, state.record, state.calibration) = (None, None, None);
    state.previous_runs.clear();
    (state.what_if, state.screens.schedule.budget) = (None, None);
    (state.jobs.runs, state.layer) = (0, 0);
    state.forget_screens();
    state.jobs.broken_off = false;
    (state.unsaved, state.follow) = (false, true);
    (state.export_form, state.notice) = (None, None);
    state.dialogs.clear();
    let prompt = state.compare.prompt.clone();
    let text = state.compare.evaluation.text.take();
    let evaluation = Evaluation { text, ..state.settings.evaluation.clone() };
    state.compare = super::Comparison::new(evaluation);
    state.compare.prompt = prompt;
}
