//! The Layer screen: one part of one layer with its scores, statistics, elimination path and attempts.

mod explain;
pub mod side_by_side;
pub mod view;

use std::sync::LazyLock;

use view::{ATTEMPTS, ERROR_CURVE};

use super::{Copied, Panel, Screen, Slice};
use crate::{
    explorer::{
        Action, Effect, Layer as KnownLayer, Pointed, State, Zoom, edit,
        movement::{Move, PAGE},
        view::{Canvas, Rect},
    },
    prune::Part,
};

pub struct Layer;

#[derive(Clone, Debug, PartialEq)]
pub struct ViewState {
    /// The shown part.
    pub part: Part,
    /// Index of the attempt under the cursor in the list of attempts.
    pub attempt: usize,
    /// The number of removed units at which the error curve is read.
    pub reading: Option<usize>,
    /// The unit that was opened from the map, with its part.
    pub unit: Option<(Part, usize)>,
    /// The layer for which the user chose the part.
    asked: Option<usize>,
}

impl ViewState {
    /// Shows a part of a layer by choice of the user.
    pub fn ask(&mut self, layer: usize, part: Part) {
        (self.part, self.asked) = (part, Some(layer));
    }

    /// Switches to the other part by choice of the user.
    pub fn switch_part(&mut self, layer: usize) {
        let other = if self.part == Part::Attention { Part::Mlp } else { Part::Attention };
        self.ask(layer, other);
    }
}

/// Shows the other part of the layer if nothing was removed from the shown one, unless the user chose it.
pub fn prefer_pruned_part(state: &mut State) {
    let layer = state.layer;
    let Some(known) = state.layers.get(layer).filter(|known| known.work.is_none()) else { return };
    let removed = |part| known.view(part).map_or(0, |view| view.removed.len());
    let (shown, other) = match state.screens.layer.part {
        Part::Attention => (Part::Attention, Part::Mlp),
        Part::Mlp => (Part::Mlp, Part::Attention),
    };
    if state.screens.layer.asked != Some(layer) && removed(shown) == 0 && removed(other) > 0 {
        state.screens.layer.part = other;
    }
}

impl Default for ViewState {
    fn default() -> Self {
        Self { part: Part::Attention, attempt: 0, reading: None, unit: None, asked: None }
    }
}

impl Slice for Layer {
    fn title(&self) -> &'static str {
        "Layer"
    }

    fn help(&self) -> &'static str {
        "One layer"
    }

    fn tab(&self, state: &State) -> String {
        if state.layers.is_empty() { self.title().into() } else { format!("Layer {}", state.layer) }
    }

    fn panels(&self) -> &'static [&'static Panel] {
        static PANELS: LazyLock<Vec<&Panel>> = LazyLock::new(|| {
            let more = view::SIDE_BY_SIDE.iter().filter(|panel| !view::PANELS.contains(panel));
            view::PANELS.iter().chain(more).map(|panel| &panel.panel).collect()
        });
        &PANELS
    }

    fn panels_now(&self, state: &State) -> &'static [&'static Panel] {
        static ONE: LazyLock<Vec<&Panel>> =
            LazyLock::new(|| view::PANELS.iter().map(|panel| &panel.panel).collect());
        static SEVERAL: LazyLock<Vec<&Panel>> =
            LazyLock::new(|| view::SIDE_BY_SIDE.iter().map(|panel| &panel.panel).collect());
        let several = state.layers.get(state.layer).is_some_and(KnownLayer::is_side_by_side);
        if several { &SEVERAL } else { &ONE }
    }

    fn hints(&self, state: &State) -> &'static [(Action, &'static str)] {
        const HINTS: &[(Action, &str)] = &[
            (Action::Open, "activate"),
            (Action::Mark, "mark"),
            (Action::SwitchPart, "part"),
            (Action::Algorithm, "steps"),
            (Action::NextLayer, "layer"),
            (Action::Retry, "retry"),
            (Action::ErrorCurve, "curve"),
            (Action::NextPanel, "panel"),
        ];
        const ONE: &[(Action, &str)] = &[
            (Action::SwitchPart, "part"),
            (Action::Retry, "retry"),
            (Action::Algorithm, "steps"),
            (Action::NextLayer, "layer"),
            (Action::ErrorCurve, "curve"),
            (Action::NextPanel, "panel"),
        ];
        const SIDE_BY_SIDE: &[(Action, &str)] = &[
            (Action::Open, "activate"),
            (Action::MeasureMarked, "last layer"),
            (Action::SwitchPart, "part"),
            (Action::NextPanel, "panel"),
            (Action::Zoom, "zoom"),
            (Action::Mark, "mark"),
            (Action::Copy, "copy"),
            (Action::Back, "end"),
        ];
        let known = state.layers.get(state.layer);
        let listed = *state.focused() == ATTEMPTS.panel;
        if known.is_some_and(KnownLayer::is_side_by_side) {
            return if listed { SIDE_BY_SIDE } else { &SIDE_BY_SIDE[1..] };
        }
        let several = known.is_some_and(|layer| layer.attempts.len() > 1);
        match (listed, several) {
            (true, true) => HINTS,
            (true, false) => ONE,
            (false, _) => &HINTS[2..],
        }
    }

    fn enter(&self, state: &mut State) -> Vec<Effect> {
        state.settle_attempt();
        prefer_pruned_part(state);
        Vec::new()
    }

    fn go(&self, state: &mut State, movement: Move) -> Vec<Effect> {
        match movement {
            Move::Layer(by) => return state.step_layer(by),
            Move::Aside(by) if *state.focused() == ERROR_CURVE.panel => read_further(state, by),
            Move::Aside(by) => {
                state.follow = false;
                let part = if by < 0 { Part::Attention } else { Part::Mlp };
                state.screens.layer.ask(state.layer, part);
            }
            Move::Line(_) | Move::Page(_) | Move::End(_) if *state.focused() == ATTEMPTS.panel => {
                let count = state.layers.get(state.layer).map_or(0, |layer| layer.attempts.len());
                let attempt = &mut state.screens.layer.attempt;
                let to = attempt.saturating_add_signed(movement.lines(PAGE));
                *attempt = to.min(count.saturating_sub(1));
            }
            Move::Line(_) | Move::Page(_) | Move::End(_) => return state.step_layer(movement.lines(PAGE)),
        }
        Vec::new()
    }

    fn act(&self, state: &mut State, action: Action) -> Option<Vec<Effect>> {
        if action == Action::Open {
            return Some(open(state));
        }
        // Zoom ends first, then the comparison.
        if action == Action::Back && state.zoom == Zoom::Screen && side_by_side::unmark(state) {
            return Some(Vec::new());
        }
        if action == Action::ErrorCurve && state.unready().is_none() {
            state.focus(Screen::Layer, &ERROR_CURVE.panel);
        }
        (action == Action::SwitchPart).then(|| {
            state.screens.layer.switch_part(state.layer);
            state.follow = false;
            Vec::new()
        })
    }

    fn click(&self, state: &mut State, at: Pointed) -> Option<Vec<Effect>> {
        if let Pointed::RatioAxis(ratio) = at {
            state.focus(Screen::Layer, &ERROR_CURVE.panel);
            let curve = state.layers.get(state.layer)?.curve(state.screens.layer.part)?;
            let removed = (ratio * curve.units as f64).round() as usize;
            state.screens.layer.reading = Some(removed);
            return Some(Vec::new());
        }
        let Pointed::Row { panel, row } = at else { return None };
        state.focus(Screen::Layer, panel);
        let again = state.screens.layer.attempt == row;
        state.screens.layer.attempt = row;
        Some(if again { open(state) } else { Vec::new() })
    }

    fn copy(&self, state: &State) -> Copied {
        match view::Shown::of(state).filter(view::Shown::side_by_side) {
            Some(shown) => {
                Copied { what: "the units of the marked attempts as CSV", text: units_csv(&shown) }
            }
            None => Copied { what: "the attempts as CSV", text: csv(state) },
        }
    }

    fn draw(&self, canvas: &mut Canvas<'_>, area: Rect) {
        view::draw(canvas, area);
    }
}

/// Activates the attempt under the cursor, or focuses the list of attempts.
fn open(state: &mut State) -> Vec<Effect> {
    if *state.focused() != ATTEMPTS.panel {
        state.focus(Screen::Layer, &ATTEMPTS.panel);
        return Vec::new();
    }
    let layer = state.layer;
    let attempts = state.layers.get(layer).map(|layer| &layer.attempts);
    let attempt = attempts.and_then(|attempts| attempts.get(state.screens.layer.attempt));
    let Some(number) = attempt.map(|result| result.attempt.number) else {
        return state.refuse("this layer has no attempts yet; s prunes all layers");
    };
    match state.unready_to_prune() {
        Some(why) => state.refuse(why),
        None => edit::choose(state, layer, number),
    }
}

/// One row per attempt; empty if there are none.
fn csv(state: &State) -> String {
    let Some(layer) = state.layers.get(state.layer).filter(|layer| !layer.attempts.is_empty()) else {
        return String::new();
    };
    let mut text = String::from(
        "layer,attempt,active,attention_ratio,mlp_ratio,damping,attention_kept,mlp_kept,attention_error,mlp_error,output_error\n",
    );
    for result in &layer.attempts {
        let (attempt, record) = (&result.attempt, &result.record);
        let output = record.output_error.map_or(String::new(), |error| error.to_string());
        text += &format!(
            "{},{},{},{},{},{},{},{},{},{},{output}\n",
            state.layer,
            attempt.number,
            layer.chosen == Some(attempt.number),
            attempt.method.ratio.attention,
            attempt.method.ratio.mlp,
            attempt.method.solver.damping,
            record.attention.kept.len(),
            record.mlp.kept.len(),
            record.attention.relative_error,
            record.mlp.relative_error,
        );
    }
    text
}

/// One row per unit of the shown part: the score before pruning and the position in the order of removal, from 1, for each
/// marked attempt.
fn units_csv(shown: &view::Shown<'_>) -> String {
    let sides = shown.sides();
    let mut text = String::from("unit");
    for side in &sides {
        let number = side.result.attempt.number;
        text += &format!(",score_{number},removed_{number}");
    }
    text.push('\n');
    let units = sides.iter().map(|side| side.result.record(shown.part).units).max().unwrap_or(0);
    let places: Vec<_> = sides.iter().map(|side| side.places(shown.part)).collect();
    for unit in 0..units {
        text += &unit.to_string();
        for (side, places) in sides.iter().zip(&places) {
            let scores = side.result.seen(shown.part).map(|seen| seen.scores.as_slice());
            let score = scores.and_then(|scores| scores.get(unit)).map_or(String::new(), f32::to_string);
            let place = places.get(unit).copied().flatten().map_or(String::new(), |place| place.to_string());
            text += &format!(",{score},{place}");
        }
        text.push('\n');
    }
    text
}

/// Moves the reading of the error curve by one unit, or by one per cent of many units. It begins at the cut.
fn read_further(state: &mut State, by: isize) {
    let part = state.screens.layer.part;
    let Some(layer) = state.layers.get(state.layer) else { return };
    let Some(curve) = layer.curve(part) else { return };
    let last = curve.points.last().map_or(0, |point| point.removed);
    let step = (curve.units / 100).max(1) as isize;
    let from = state.screens.layer.reading.or_else(|| Some(layer.view(part)?.removed.len())).unwrap_or(0);
    let to = from.min(last).saturating_add_signed(by * step).min(last);
    state.screens.layer.reading = Some(to);
}
