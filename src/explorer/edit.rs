//! Edits of the schedule and changes of the active attempt, each of which can be undone.

use crate::{
    protocol::{Command, Ratio, units_to_remove},
    prune::{AttentionUnit, LayerRatio, Part},
};

use super::screens::schedule::budget;
use super::{Action, Both, Change, Choice, Effect, NoticeKind, Schedule, State, Status};

/// Whether an edit is undone alone, or together with adjacent edits of the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edit {
    Alone,
    GoesOn,
}

/// Changes the schedule.
pub fn change(
    state: &mut State,
    what: &str,
    kind: Edit,
    edit: impl FnOnce(&mut Schedule) -> Result<(), String>,
) -> Vec<Effect> {
    if state.schedule.ratios.is_empty() {
        return state.refuse("the model is not open yet");
    }
    if state.is_replay() {
        return state.refuse("this is a recording; its ratios cannot be edited");
    }
    if state.is_reopening() {
        return state.refuse("a session is being opened; wait until it is open");
    }
    let before = state.schedule.clone();
    if let Err(why) = edit(&mut state.schedule) {
        state.schedule = before;
        return state.refuse(why);
    }
    if state.schedule == before {
        return Vec::new();
    }
    let after = state.schedule.clone();
    let (schedule, open) = (Some(Both { before, after }), kind == Edit::GoesOn);
    state.history.push(Change { what: what.into(), schedule, choices: Vec::new(), open });
    state.touch();
    state.replan()
}

/// Changes the ratio of the selected layer by `by`.
pub fn nudge(state: &mut State, by: f64) -> Vec<Effect> {
    let layer = state.layer;
    let Some(&ratio) = state.schedule.ratios.get(layer) else {
        return state.refuse("the model is not open yet");
    };
    state.follow = false;
    let edited = state.screens.schedule.edited;
    let moved = match edited {
        None => ratio.map(|ratio| ratio + by),
        Some(Part::Mlp) => ratio.with(Part::Mlp, ratio.mlp + by),
        Some(Part::Attention) => match state.by_units(layer, ratio, by) {
            Some(attention) => ratio.with(Part::Attention, attention),
            None => {
                return state.refuse(format!("layer {layer} has one attention unit, which is always kept"));
            }
        },
    };
    budget::edited(state, layer, (&ratio_of(layer, edited), Edit::GoesOn), |schedule| {
        for part in edited.map_or(vec![Part::Attention, Part::Mlp], |part| vec![part]) {
            schedule.set(layer, Some(part), moved.of(part));
        }
    })
}

impl State {
    /// The ratio of the attention of a layer after a change by whole units: at least one unit, in the direction of `by`. None
    /// if the layer has a single unit.
    fn by_units(&self, layer: usize, ratio: LayerRatio, by: f64) -> Option<f64> {
        let shape = self.layers.get(layer)?.shape;
        let units = match shape.unit(self.settings.objective.attention_unit, ratio) {
            AttentionUnit::KvGroup => shape.kv_heads,
            AttentionUnit::QueryHead => shape.group(),
        };
        let last = units.checked_sub(1).filter(|last| *last > 0)?;
        let removed = Ratio::new(ratio.attention).map_or(0, |ratio| units_to_remove(units, ratio));
        let step = ((by.abs() * units as f64).round() as usize).max(1);
        let moved = if by < 0.0 { removed.saturating_sub(step) } else { (removed + step).min(last) };
        Some(moved as f64 / units as f64)
    }
}

/// Sets a layer's ratio to exactly this value.
pub fn type_ratio(state: &mut State, layer: usize, ratio: LayerRatio) -> Vec<Effect> {
    budget::edited(state, layer, (&ratio_of(layer, None), Edit::Alone), |schedule| {
        schedule.put(layer, ratio);
    })
}

/// Name of an edit of one layer.
fn ratio_of(layer: usize, part: Option<Part>) -> String {
    match part {
        None => format!("the ratio of layer {layer}"),
        Some(Part::Attention) => format!("the heads of layer {layer}"),
        Some(Part::Mlp) => format!("the channels of layer {layer}"),
    }
}

/// Makes an attempt active and copies its ratio into the schedule.
pub fn choose(state: &mut State, layer: usize, number: usize) -> Vec<Effect> {
    let Some(known) = state.layers.get(layer) else { return Vec::new() };
    let Some(result) = known.attempt(number) else { return Vec::new() };
    let ratio = result.attempt.method.ratio;
    let choice = Choice { layer, before: known.chosen, after: Some(number) };
    if choice.before == choice.after {
        return state.refuse(format!("attempt {number} of layer {layer} is already active"));
    }
    let parameters = state.parameters_planned();
    let before = state.schedule.clone();
    let mut after = before.clone();
    after.put(layer, ratio);
    // If the number of parameters is locked, the others take the difference.
    let over = budget::keep(state, &mut after, layer).err();
    if over.is_some() {
        after.clone_from(&before);
        after.put(layer, ratio);
    }
    state.layers[layer].chosen = Some(number);
    let moved = (0..after.ratios.len())
        .filter(|&other| other != layer && after.ratios[other] != before.ratios[other])
        .count();
    state.schedule = after;
    let schedule = Both { before, after: state.schedule.clone() };
    let what = format!("the active attempt of layer {layer}");
    state.history.push(Change { what, schedule: Some(schedule), choices: vec![choice], open: false });
    state.touch();
    chosen_anew(state);
    let stale = (layer + 1..state.layers.len()).filter(|&below| state.status(below) == Status::Stale).count();
    let below = match stale {
        0 => String::new(),
        1 => "; 1 later layer is stale, R runs it again".into(),
        many => format!("; {many} later layers are stale, R runs them again"),
    };
    let balanced = match (over, moved) {
        (Some(why), _) => format!("; the budget is not kept: {why}"),
        (None, 0) => String::new(),
        (None, 1) => "; the plan of 1 other layer keeps the budget".into(),
        (None, many) => format!("; the plans of {many} other layers keep the budget"),
    };
    let other = parameters.abs_diff(state.parameters_planned());
    let locks = state.interface.keymap.label(Action::Budget);
    let free = match locks.filter(|_| other > 0 && state.screens.schedule.budget.is_none()) {
        Some(key) => format!("; {key} on the Schedule screen balances the others"),
        None => String::new(),
    };
    state.say(NoticeKind::Done, format!("Layer {layer}: attempt {number} is active{balanced}{below}{free}"));
    vec![Effect::Command(Command::activate(layer, Some(number)))]
}

/// Adds a run that has ended to the changes that can be undone: the layers whose active attempt it has changed.
/// `before` has the active attempts when it began, indexed by layer.
pub fn remember_run(state: &mut State, before: &[Option<usize>]) {
    let layers = state.layers.iter().zip(before).enumerate();
    let choices: Vec<Choice> = layers
        .filter(|(_, (known, before))| known.chosen != **before)
        .map(|(layer, (known, &before))| Choice { layer, before, after: known.chosen })
        .collect();
    if choices.is_empty() || state.is_replay() {
        return;
    }
    state.history.push(Change { what: "the run".into(), schedule: None, choices, open: false });
    state.touch();
}

/// Records that the active attempts no longer match the last export.
fn chosen_anew(state: &mut State) {
    state.settle_choices();
    state.unsaved = true;
}

pub fn undo(state: &mut State) -> Vec<Effect> {
    turn(state, History::Undo)
}

pub fn redo(state: &mut State) -> Vec<Effect> {
    turn(state, History::Redo)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum History {
    Undo,
    Redo,
}

fn turn(state: &mut State, which: History) -> Vec<Effect> {
    let next = match which {
        History::Undo => state.history.next_undo(),
        History::Redo => state.history.next_redo(),
    };
    let Some(change) = next.cloned() else {
        return state.refuse(if which == History::Undo { "nothing to undo" } else { "nothing to redo" });
    };
    if !change.choices.is_empty()
        && let Some(why) = state.unready_to_prune()
    {
        return state.refuse(why);
    }
    match which {
        History::Undo => state.history.undo(),
        History::Redo => state.history.redo(),
    };
    state.touch();
    let pick = |both: Both<Schedule>| if which == History::Undo { both.before } else { both.after };
    let mut effects = Vec::new();
    if let Some(schedule) = change.schedule {
        state.schedule = pick(schedule);
        effects = state.replan();
    }
    let mut activated = Vec::new();
    for Choice { layer, before, after } in change.choices {
        let number = if which == History::Undo { before } else { after };
        if let Some(known) = state.layers.get_mut(layer) {
            known.chosen = number;
            activated.push((layer, number));
        }
    }
    if !activated.is_empty() {
        effects.push(Effect::Command(Command::Activate(activated)));
        chosen_anew(state);
    }
    let verb = if which == History::Undo { "Undone" } else { "Redone" };
    state.say(NoticeKind::Done, format!("{verb}: {}", change.what));
    effects
}
