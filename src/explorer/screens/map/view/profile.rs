//! The selected layer as bars in the columns of the map, if the layers leave rows empty.

use ratatui::layout::Rect;

use super::{AROUND_ROWS, Grid, Known, Shades, cell_area, note, rows_of_a_layer, unsolved};
use crate::{
    explorer::{
        Pointed,
        view::{
            Canvas, Role, status,
            widgets::{pillar, write},
        },
    },
    prune::Part,
};

/// Minimum rows of the bars with their border and the marks of removed units.
const LEAST: u16 = 7;
/// Height of the lowest value, as a fraction of the panel.
const LOWEST: f64 = 0.04;

/// Rows that the maps leave empty; 0 if they are too few.
pub fn rows(height: u16, layers: usize) -> u16 {
    let inside = height.saturating_sub(AROUND_ROWS);
    let empty = inside.saturating_sub(rows_of_a_layer(inside, layers) * layers as u16);
    if empty >= LEAST { empty } else { 0 }
}

/// Draws the values of a part of the selected layer. The row below the bars marks removed units.
pub fn draw(view: &mut Canvas<'_>, area: Rect, part: Part) {
    let state = view.state;
    let (quantity, grid, layer) = (state.screens.map.quantity, Grid::of(state, part), state.layer);
    let known = Known::of(state, layer, part);
    let cells = known.as_ref().map(|known| known.row(quantity, &grid)).unwrap_or_default();
    let values = || cells.iter().filter_map(|cell| cell.value);
    let range = values().fold(None, |range: Option<(f64, f64)>, value| {
        let (low, high) = range.unwrap_or((value, value));
        Some((low.min(value), high.max(value)))
    });
    let shades = Shades::of(quantity, range);
    let names = status::unit_names(state, layer, part).1;
    let title = format!("Layer {layer}: {names}");
    let inner = view.plain_frame(area, &title, &note(range, quantity, state.interface.notation));
    if cells.is_empty() {
        let text = unsolved(state, layer);
        view.absent(inner, &text);
        return;
    }
    let (bars, marks) = (
        Rect { height: inner.height.saturating_sub(1), ..inner },
        Rect { y: inner.bottom().saturating_sub(1), height: 1, ..inner },
    );
    for (at, cell) in cells.iter().enumerate() {
        let place = cell_area(bars, &grid, at).intersection(bars);
        let unit = grid.units_of(at).start;
        let under = (state.screens.map.part, state.screens.map.unit) == (part, unit);
        let role = match (under, cell.removed == cell.units && cell.units > 0) {
            (true, _) => Role::Active,
            (false, true) => Role::Removed,
            (false, false) => status::part_role(part),
        };
        if let Some(value) = cell.value {
            let share = shades.place(value).max(LOWEST);
            pillar(view.buffer, gap(place, grid.wide), share, view.theme.style(role), view.theme.glyphs);
        }
        let mark = cell_area(marks, &grid, at).intersection(marks);
        if cell.removed == cell.units && cell.removed > 0 {
            let sign = view.theme.glyphs.removed();
            write(view.buffer, mark, mark.x, mark.y, sign, view.theme.style(Role::Removed));
        } else if cell.removed > 0 {
            let share = cell.removed as f64 / cell.units.max(1) as f64;
            pillar(view.buffer, mark, share, view.theme.style(Role::Removed), view.theme.glyphs);
        }
        view.hits.add(place, Pointed::Unit { part, layer, unit });
    }
}

/// Wide bars have a gap between them.
fn gap(place: Rect, wide: usize) -> Rect {
    if wide < 3 { place } else { Rect { width: place.width.saturating_sub(1), ..place } }
}
