//! The Map screen: layers × attention units and layers × groups of channels, coloured by score, cost or order of removal.

mod cells;
mod explain;
mod view;

use std::fmt::Write;

use super::{Copied, Panel, Screen, Slice};
use crate::{
    explorer::{
        Action, Effect, Figure, Pointed, State,
        movement::Move,
        view::{Canvas, Rect},
    },
    prune::Part,
};
#[cfg(test)]
pub use cells::Known;
pub use cells::{Cell, Grid, Quantity};

pub struct Map;

#[derive(Clone, Debug, PartialEq)]
pub struct ViewState {
    pub quantity: Quantity,
    /// The part under the cursor.
    pub part: Part,
    /// The first unit of the cell under the cursor.
    pub unit: usize,
}

impl Default for ViewState {
    fn default() -> Self {
        Self { quantity: Quantity::default(), part: Part::Attention, unit: 0 }
    }
}

fn no_chart(_: &State) -> Result<Figure, String> {
    Err("The map cannot be saved; copy it as CSV with y".into())
}

pub static HEADS: Panel = Panel {
    title: "Attention map",
    explain: |state| explain::map(state.screens.map.quantity),
    figure: no_chart,
    draw: |view, area| view::alone(view, area, Part::Attention),
};
pub static CHANNELS: Panel = Panel {
    title: "Channel map",
    explain: |state| explain::map(state.screens.map.quantity),
    figure: no_chart,
    draw: |view, area| view::alone(view, area, Part::Mlp),
};

impl Slice for Map {
    fn title(&self) -> &'static str {
        "Map"
    }

    fn help(&self) -> &'static str {
        "All layers and units at once"
    }

    fn panels(&self) -> &'static [&'static Panel] {
        const PANELS: &[&Panel] = &[&HEADS, &CHANNELS];
        PANELS
    }

    fn hints(&self, _state: &State) -> &'static [(Action, &'static str)] {
        &[
            (Action::Open, "open"),
            (Action::Quantity, "score, cost, order"),
            (Action::SwitchPart, "part"),
            (Action::Algorithm, "steps"),
            (Action::Copy, "copy"),
        ]
    }

    fn enter(&self, state: &mut State) -> Vec<Effect> {
        state.compared_sessions().map(|compared| Effect::ReadRemoved(compared.path.clone())).collect()
    }

    fn go(&self, state: &mut State, movement: Move) -> Vec<Effect> {
        match movement {
            Move::Aside(by) => aside(state, by),
            Move::Line(by) | Move::Layer(by) => return state.step_layer(by),
            Move::Page(_) | Move::End(_) => {
                return state.step_layer(movement.lines(crate::explorer::movement::PAGE));
            }
        }
        Vec::new()
    }

    fn act(&self, state: &mut State, action: Action) -> Option<Vec<Effect>> {
        if action == Action::Quantity {
            let compares = state.compares_sessions();
            state.screens.map.quantity = state.screens.map.quantity.next(compares);
            return Some(Vec::new());
        }
        let map = &mut state.screens.map;
        if action == Action::SwitchPart {
            let other = if map.part == Part::Attention { Part::Mlp } else { Part::Attention };
            place(state, other, 0);
            return Some(Vec::new());
        }
        (action == Action::Open).then(|| open(state))
    }

    fn click(&self, state: &mut State, at: Pointed) -> Option<Vec<Effect>> {
        let Pointed::Unit { part, layer, unit } = at else { return None };
        let again = (state.layer, state.screens.map.part, state.screens.map.unit) == (layer, part, unit);
        state.select(layer);
        place(state, part, unit);
        Some(if again { open(state) } else { Vec::new() })
    }

    fn copy(&self, state: &State) -> Copied {
        Copied { what: "the map as CSV", text: csv(state) }
    }

    fn draw(&self, canvas: &mut Canvas<'_>, area: Rect) {
        view::draw(canvas, area);
    }
}

fn place(state: &mut State, part: Part, unit: usize) {
    (state.screens.map.part, state.screens.map.unit) = (part, unit);
    let panel = match part {
        Part::Attention => &HEADS,
        Part::Mlp => &CHANNELS,
    };
    state.focus(Screen::Map, panel);
}

/// Moves by cells; past the last attention unit comes the first group of channels.
fn aside(state: &mut State, by: isize) {
    let (part, unit) = (state.screens.map.part, state.screens.map.unit);
    let grid = Grid::of(state, part);
    let cell = grid.cell_of(unit).saturating_add_signed(by);
    let before_first = by < 0 && grid.cell_of(unit) == 0;
    match part {
        Part::Attention if cell >= grid.cells => place(state, Part::Mlp, 0),
        Part::Mlp if before_first => {
            let heads = Grid::of(state, Part::Attention);
            place(state, Part::Attention, heads.units_of(heads.cells.saturating_sub(1)).start);
        }
        Part::Attention | Part::Mlp => {
            let cell = cell.min(grid.cells.saturating_sub(1));
            place(state, part, grid.units_of(cell).start);
        }
    }
}

/// Opens the layer at the unit under the cursor.
fn open(state: &mut State) -> Vec<Effect> {
    let (part, unit) = (state.screens.map.part, state.screens.map.unit);
    let layer = state.layer;
    state.select(layer);
    state.screens.layer.ask(layer, part);
    state.screens.layer.unit = Some((part, unit));
    state.show(Screen::Layer)
}

/// One row per unit of every layer with an active attempt.
fn csv(state: &State) -> String {
    let mut text = String::new();
    for index in 0..state.layers.len() {
        for part in [Part::Attention, Part::Mlp] {
            let Some(known) = cells::Known::of(state, index, part) else { continue };
            if text.is_empty() {
                text.push_str("layer,part,unit,score,place,cost\n");
            }
            let mut removals = vec![None; known.units];
            for (place, (unit, cost)) in known.removals().enumerate() {
                if let Some(removal) = removals.get_mut(unit) {
                    *removal = Some((place + 1, cost));
                }
            }
            for (unit, removal) in removals.into_iter().enumerate() {
                let score = known.score(unit).map_or(String::new(), |score| score.to_string());
                let (place, cost) = removal.map_or((String::new(), String::new()), |(place, cost)| {
                    (place.to_string(), cost.to_string())
                });
                // Writing to a string cannot fail.
                let _ = writeln!(text, "{index},{part},{unit},{score},{place},{cost}");
            }
        }
    }
    text
}
