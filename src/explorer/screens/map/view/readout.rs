//! The cell under the cursor in words.

use ratatui::layout::Rect;

use super::super::{Grid, Quantity, cells::Known};
use crate::{
    explorer::{
        State,
        view::{Canvas, Role, status, widgets::wrap},
    },
    words::{count, error, ordinal, percent},
};

pub fn draw(view: &mut Canvas<'_>, area: Rect) {
    let inner = view.plain_frame(area, &title(view.state), "");
    let text = words(view.state);
    for (row, line) in wrap(&text, inner.width.max(1)).into_iter().enumerate() {
        let line = vec![view.span(text[line].to_string(), Role::Text)];
        view.line(inner, row as u16, line);
    }
}

fn title(state: &State) -> String {
    let map = &state.screens.map;
    let grid = Grid::of(state, map.part);
    let units = grid.units_of(grid.cell_of(map.unit));
    let (one, many) = status::unit_names(state, state.layer, map.part);
    let cell = match units.len() {
        0 | 1 => format!("{one} {}", map.unit),
        _ => format!("{many} {} to {}", count(units.start as u64), count(units.end as u64 - 1)),
    };
    format!("Layer {}, {cell}", state.layer)
}

fn words(state: &State) -> String {
    let map = &state.screens.map;
    let grid = Grid::of(state, map.part);
    let at = grid.cell_of(map.unit);
    let Some(known) = Known::of(state, state.layer, map.part) else {
        return super::unsolved(state, state.layer);
    };
    let cell = |quantity| known.row(quantity, &grid)[at];
    let score = cell(Quantity::Score);
    let mut told = vec![match score.value {
        Some(value) if score.units == 1 => format!("score {}", error(value)),
        Some(value) => format!("mean score {}", error(value)),
        None => "score unknown".into(),
    }];
    if score.units == 1 {
        let place = known.removals().position(|(unit, _)| unit == map.unit);
        told.push(match place {
            Some(place) => format!("removed {} of {}", ordinal(place + 1), count(known.removed() as u64)),
            None => "kept".into(),
        });
    } else {
        let share = percent(score.removed as f64 / score.units.max(1) as f64);
        told.push(format!("{} of {} removed ({share})", score.removed, score.units));
    }
    if let Some(cost) = cell(Quantity::Cost).value {
        let mean = if score.units == 1 { "" } else { "mean " };
        told.push(format!("{mean}cost {} of E‖y‖²", state.interface.notation.relative(cost)));
    }
    let sessions = known.sessions();
    if sessions > 1 {
        told.push(if score.units == 1 {
            format!("removed in {} of {sessions} sessions", known.removed_in(map.unit))
        } else {
            let share = cell(Quantity::Sessions).value.unwrap_or(0.0);
            format!("{} of the units of {sessions} sessions removed", percent(share))
        });
    }
    told.join(", ") + "."
}
