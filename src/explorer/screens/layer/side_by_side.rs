//! Attempts of a layer side by side: which are marked, and their errors behind the later layers.

use crate::{
    explorer::{AttemptResult, Effect, Layer, NoticeKind, Screen, State, perform::start_once_ready},
    protocol::job,
    prune::StreamErrors,
};

use super::ATTEMPTS;

/// Maximum number of marked attempts.
pub const MOST: usize = 3;
/// Windows that pass the later layers.
const WINDOWS: usize = 4;

/// The marked attempts of a layer, and the measurements of its attempts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SideBySide {
    /// Numbers of the marked attempts, ascending.
    pub marked: Vec<usize>,
    /// At most one per attempt.
    pub passed: Vec<Passed>,
}

/// The streams behind a layer and the later ones, with one attempt of the layer.
#[derive(Clone, Debug, PartialEq)]
pub struct Passed {
    pub attempt: usize,
    pub windows: usize,
    /// Indexed by layer; known from the layer of the attempt on.
    pub errors: Vec<Option<StreamErrors>>,
    /// Numbers of the active attempts of all layers at the time. That of the attempt's own layer does not matter.
    of: Vec<Option<usize>>,
}

impl Passed {
    /// The errors behind the last layer; None until the pass has reached it.
    pub fn last(&self) -> Option<&StreamErrors> {
        self.errors.last()?.as_ref()
    }

    /// True if the other layers still have the same active attempts.
    pub fn is_current(&self, state: &State, layer: usize) -> bool {
        let active = state.layers.iter().map(|layer| layer.chosen);
        self.of.iter().copied().zip(active).enumerate().all(|(at, (then, now))| at == layer || then == now)
    }
}

impl SideBySide {
    pub fn passed(&self, attempt: usize) -> Option<&Passed> {
        self.passed.iter().find(|passed| passed.attempt == attempt)
    }
}

impl Layer {
    /// The marked attempts in ascending order, at most [`MOST`].
    pub fn marked(&self) -> impl Iterator<Item = &AttemptResult> {
        self.side_by_side.marked.iter().filter_map(|&number| self.attempt(number)).take(MOST)
    }

    /// True if at least two attempts are marked.
    pub fn is_side_by_side(&self) -> bool {
        self.marked().count() > 1
    }
}

/// Marks the attempt under the cursor, or removes its mark. If the list of attempts does not have the focus, it gets the
/// focus first.
pub fn mark(state: &mut State) -> Vec<Effect> {
    let layer = state.layer;
    let Some(known) = state.layers.get_mut(layer) else { return state.refuse("the model is not open yet") };
    if known.attempts.len() < 2 {
        let few = if known.attempts.is_empty() { "no attempt yet" } else { "one attempt" };
        return state.refuse(format!(
            "layer {layer} has {few}: r makes others, and two or three can be shown side by side"
        ));
    }
    if *state.focused() != ATTEMPTS.panel {
        state.focus(Screen::Layer, &ATTEMPTS.panel);
        state.say(NoticeKind::Done, "Choose an attempt with the arrow keys; the same key marks it");
        return Vec::new();
    }
    let known = &mut state.layers[layer];
    let Some(number) = known.attempts.get(state.screens.layer.attempt).map(|result| result.attempt.number)
    else {
        return Vec::new();
    };
    let marked = &mut known.side_by_side.marked;
    match marked.iter().position(|&other| other == number) {
        Some(at) => drop(marked.remove(at)),
        None if marked.len() >= MOST => {
            return state.refuse(format!("{MOST} attempts are marked; remove the mark of one of them first"));
        }
        None => {
            marked.push(number);
            marked.sort_unstable();
        }
    }
    let text = match known.marked().count() {
        0 => "No attempt is marked".into(),
        1 => "1 attempt is marked; mark another one to see them side by side".into(),
        many => format!("{many} attempts side by side: f shows their panels, w measures them, Esc ends this"),
    };
    state.say(NoticeKind::Done, text);
    Vec::new()
}

/// Removes all marks of the selected layer. False if there were none.
pub fn unmark(state: &mut State) -> bool {
    let Some(known) = state.layers.get_mut(state.layer) else { return false };
    !std::mem::take(&mut known.side_by_side.marked).is_empty()
}

/// Passes a few windows to the last layer with each marked attempt.
pub fn measure(state: &mut State) -> Vec<Effect> {
    let layer = state.layer;
    let Some(known) = state.layers.get(layer) else { return state.refuse("the model is not open yet") };
    let attempts: Vec<usize> = known.marked().map(|result| result.attempt.number).collect();
    if attempts.len() < 2 {
        return state.refuse("mark two or three attempts of the layer first (m in the list of attempts)");
    }
    let effects =
        start_once_ready(state, job::CompareAttempts { layer, attempts: attempts.clone(), windows: WINDOWS });
    if !effects.is_empty() {
        state.layers[layer].side_by_side.passed.retain(|passed| !attempts.contains(&passed.attempt));
    }
    effects
}

/// Adds the errors behind a layer.
pub fn measured(
    state: &mut State,
    (layer, attempt): (usize, usize),
    windows: usize,
    (behind, errors): (usize, StreamErrors),
) {
    let of: Vec<Option<usize>> = state.layers.iter().map(|layer| layer.chosen).collect();
    let Some(known) = state.layers.get_mut(layer) else { return };
    let all = &mut known.side_by_side.passed;
    // The first comparison begins a pass.
    if behind == layer {
        all.retain(|passed| passed.attempt != attempt);
        all.push(Passed { attempt, windows, errors: vec![None; of.len()], of });
    }
    let passed = all.iter_mut().find(|passed| passed.attempt == attempt);
    if let Some(slot) = passed.and_then(|passed| passed.errors.get_mut(behind)) {
        *slot = Some(errors);
    }
}
