//! A locked number of parameters: the others take what one layer gives up, at equal marginal cost, from the present plan.

use super::{
    balance::{Direction, Item, fill},
    predict::{self, Basis},
};
use crate::{
    explorer::{
        Effect, Locked, NoticeKind, State,
        edit::{self, Edit},
        goal,
        schedule::Schedule,
    },
    prune::{LayerRatio, Part},
    words::{parameters, plural},
};

/// Layers that a notice names.
const NAMED: usize = 5;

/// A locked number of parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct Budget {
    /// Parameters after pruning.
    pub parameters: u64,
    /// The newest edit under the budget.
    edit: Option<Balanced>,
}

/// Edits of one layer in a row. Each starts from the plan before the first one, so a layer that returns to its ratio leaves
/// this plan.
#[derive(Clone, Debug, PartialEq)]
struct Balanced {
    layer: usize,
    part: Option<Part>,
    before: Schedule,
    after: Schedule,
}

impl Budget {
    /// The plan from which the other layers are balanced.
    fn base(&self, state: &State, layer: usize, part: Option<Part>) -> Schedule {
        let goes_on = self
            .edit
            .as_ref()
            .filter(|edit| (edit.layer, edit.part) == (layer, part) && edit.after == state.schedule);
        goes_on.map_or_else(|| state.schedule.clone(), |edit| edit.before.clone())
    }
}

/// Locks the planned number of parameters, or unlocks it. If the newest change activated an attempt, the number before it is
/// locked, and the other layers take the difference.
pub fn toggle(state: &mut State) -> Vec<Effect> {
    if state.screens.schedule.budget.take().is_some() {
        state.say(NoticeKind::Done, "The number of parameters is free again");
        return Vec::new();
    }
    if predict::prediction(state).is_none() {
        return state.refuse("no error is known yet: prune first, then the others can be balanced");
    }
    let planned = state.parameters_planned();
    if let Some((layer, before)) = newest_activation(state)
        && parameters_of(state, &before).is_some_and(|parameters| parameters != planned)
    {
        return lock_as_before(state, layer, &before);
    }
    state.screens.schedule.budget = Some(Budget { parameters: planned, edit: None });
    let text = format!(
        "{} parameters are kept from now on: if a layer is raised, others are lowered at equal marginal cost",
        parameters(planned)
    );
    state.say(NoticeKind::Done, text);
    Vec::new()
}

/// The layer whose attempt the newest change activated, and the plan before it. None if the plan was changed in another way
/// since.
fn newest_activation(state: &State) -> Option<(usize, Schedule)> {
    let change = state.history.next_undo()?;
    let schedule = change.schedule.as_ref().filter(|both| both.after == state.schedule)?;
    match change.choices[..] {
        [choice] => Some((choice.layer, schedule.before.clone())),
        _ => None,
    }
}

/// Parameters after pruning with a plan. None if no model is open.
fn parameters_of(state: &State, schedule: &Schedule) -> Option<u64> {
    let balance = Balance::new(state, schedule, None)?;
    Some(balance.whole.saturating_sub(balance.removed(schedule)))
}

/// Locks the number of parameters of an earlier plan, and changes all other layers so that the present one has it.
fn lock_as_before(state: &mut State, layer: usize, before: &Schedule) -> Vec<Effect> {
    let Some(parameters_before) = parameters_of(state, before) else { return Vec::new() };
    let balance = Balance::new(state, before, Some(layer));
    let now = state.schedule.clone();
    let effects = edit::change(state, "balance", Edit::Alone, |schedule| {
        balance.map_or(Ok(()), |balance| balance.keep(schedule, before, parameters_before))
    });
    if state.schedule != now {
        state.screens.schedule.budget = Some(Budget { parameters: parameters_before, edit: None });
        let moved = moved(state, layer, before);
        let text = format!(
            "{} parameters are kept, as before the attempt of layer {layer} was activated: {moved}",
            parameters(parameters_before)
        );
        state.say(NoticeKind::Done, text);
    }
    effects
}

/// Edits one layer. If the number of parameters is locked, the others take what it gains or loses.
pub fn edited(
    state: &mut State,
    layer: usize,
    (what, kind): (&str, Edit),
    set: impl FnOnce(&mut Schedule),
) -> Vec<Effect> {
    let part = state.screens.schedule.edited;
    let Some(budget) = state.screens.schedule.budget.clone() else {
        return edit::change(state, what, kind, |schedule| {
            set(schedule);
            Ok(())
        });
    };
    let base = budget.base(state, layer, part);
    let balance = Balance::new(state, &base, Some(layer));
    let before = state.schedule.clone();
    let effects = edit::change(state, what, kind, |schedule| {
        set(schedule);
        balance.map_or(Ok(()), |balance| balance.keep(schedule, &base, budget.parameters))
    });
    if state.schedule != before {
        let after = state.schedule.clone();
        tell(state, layer, &base);
        let edit = Some(Balanced { layer, part, before: base, after });
        state.screens.schedule.budget = Some(Budget { edit, ..budget });
    }
    effects
}

/// Balances a plan in which a layer was changed in another way than by an edit. The state has the plan before.
pub fn keep(state: &State, schedule: &mut Schedule, layer: usize) -> Result<(), String> {
    let Some(budget) = &state.screens.schedule.budget else { return Ok(()) };
    let base = &state.schedule;
    Balance::new(state, base, Some(layer))
        .map_or(Ok(()), |balance| balance.keep(schedule, base, budget.parameters))
}

/// Moves all unlocked layers to equal marginal costs with the same number of parameters.
pub fn balance(state: &mut State) -> Vec<Effect> {
    if predict::prediction(state).is_none() {
        return state.refuse("no error is known yet: prune first, then the layers can be balanced");
    }
    let planned = state.parameters_planned();
    let wanted = state.screens.schedule.budget.as_ref().map_or(planned, |budget| budget.parameters);
    let before = state.schedule.clone();
    let balance = Balance::new(state, &before, None);
    let effects = edit::change(state, "balance", Edit::Alone, |schedule| {
        balance.map_or(Ok(()), |balance| balance.fill_all(schedule, wanted))
    });
    if state.schedule != before {
        state.say(
            NoticeKind::Done,
            "The last removed parameter costs the same in all unlocked layers, as far as predicted; u undoes this",
        );
    }
    effects
}

/// Names the layers that changed with the edited one.
fn tell(state: &mut State, edited: usize, base: &Schedule) {
    let text = format!("Budget kept: {}", moved(state, edited, base));
    state.say(NoticeKind::Done, text);
}

/// The layers that changed with the edited one: `2 layers are raised (0, 3)`.
fn moved(state: &State, edited: usize, base: &Schedule) -> String {
    let moved: Vec<usize> = (0..base.ratios.len())
        .filter(|&layer| layer != edited && state.schedule.ratios[layer] != base.ratios[layer])
        .collect();
    let mean = |ratios: &[LayerRatio]| moved.iter().map(|&layer| ratios[layer].lowest()).sum::<f64>();
    let verb = if mean(&state.schedule.ratios) < mean(&base.ratios) { "lowered" } else { "raised" };
    let named: Vec<String> = moved.iter().take(NAMED).map(usize::to_string).collect();
    let more = if moved.len() > NAMED { ", …" } else { "" };
    match moved.len() {
        0 if state.schedule.ratios == base.ratios => "the plan is as before".into(),
        0 => "no other layer changes".into(),
        many => {
            let layers = plural(many, "layer is", "layers are");
            format!("{layers} {verb} ({}{more})", named.join(", "))
        }
    }
}

/// The layers that can be balanced, and the parameters of every plan.
struct Balance {
    items: Vec<Item>,
    /// Parameters of the whole model.
    whole: u64,
    /// Parameters that a ratio removes from each layer.
    of: Box<dyn Fn(usize, LayerRatio) -> u64>,
}

impl Balance {
    /// Everything but the changed layer and locked layers can be balanced. None if no model is open.
    fn new(state: &State, base: &Schedule, changed: Option<usize>) -> Option<Self> {
        let model = state.model.as_ref()?;
        let apart = base.is_apart() || state.screens.schedule.edited.is_some();
        let choices: &[Option<Part>] =
            if apart { &[Some(Part::Attention), Some(Part::Mlp)] } else { &[None] };
        let layers = state.settings.ratios.layers.resolve(state.layers.len()).unwrap_or(0..0);
        let free = layers.clone().filter(|&layer| Some(layer) != changed && base.locked(layer) == Locked::No);
        let basis = Basis::of(state);
        let item = |layer, part| Item::new(state, (layer, part), base.ratios[layer], basis);
        let items = free.flat_map(|layer| choices.iter().filter_map(move |&part| item(layer, part)));
        let items = items.collect();
        let (settings, shapes) = (state.settings.clone(), model.shape.layers.clone());
        let of = Box::new(move |layer: usize, ratio| {
            if layers.contains(&layer) { goal(&shapes[layer], ratio, &settings).parameters } else { 0 }
        });
        Some(Self { items, whole: model.shape.parameters, of })
    }

    fn removed(&self, schedule: &Schedule) -> u64 {
        schedule.ratios.iter().enumerate().map(|(layer, &ratio)| (self.of)(layer, ratio)).sum()
    }

    /// Changes the other layers of the base plan by what the edited layer gains or loses.
    fn keep(&self, schedule: &mut Schedule, base: &Schedule, budget: u64) -> Result<(), String> {
        for item in &self.items {
            schedule.put(item.layer, base.ratios[item.layer]);
        }
        let (wanted, now) = (self.whole.saturating_sub(budget), self.removed(schedule));
        let direction = match wanted.cmp(&now) {
            std::cmp::Ordering::Equal => return Ok(()),
            std::cmp::Ordering::Greater => Direction::Raise,
            std::cmp::Ordering::Less => Direction::Lower,
        };
        // An edit that removes no other number of units changes nothing else.
        if self.removed(base) == now {
            return Ok(());
        }
        self.fill(schedule, direction, wanted)
    }

    /// Fills all unlocked layers from ratio 0.
    fn fill_all(&self, schedule: &mut Schedule, budget: u64) -> Result<(), String> {
        for item in &self.items {
            item.put(schedule, 0.0);
        }
        self.fill(schedule, Direction::FromZero, self.whole.saturating_sub(budget))
    }

    fn fill(&self, schedule: &mut Schedule, direction: Direction, wanted: u64) -> Result<(), String> {
        let now = self.removed(schedule);
        if self.items.is_empty() {
            return Err("no other layer can be balanced: they are locked, or their errors are unknown".into());
        }
        let missing = wanted as f64 - now as f64;
        if fill(&self.items, direction, missing, &self.of, schedule) {
            return Ok(());
        }
        let by = parameters(missing.abs() as u64);
        Err(match direction {
            Direction::Raise | Direction::FromZero => format!(
                "the other layers cannot lose another {by} parameters: they are locked or at their highest predictable ratio"
            ),
            Direction::Lower => format!(
                "the other layers cannot get {by} parameters back: they are locked or lose nothing already"
            ),
        })
    }
}
