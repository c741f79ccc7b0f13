//! Draws the map: one row per layer, attention at the left, channels at the right, and the cell under the cursor in words.

mod profile;
mod readout;

use ratatui::{
    layout::{Constraint, Layout, Rect},
    style::{Modifier, Style},
};

use super::{CHANNELS, Cell, Grid, HEADS, Quantity, cells::Known};
use crate::{
    explorer::{
        Job, Panel, Pointed, State, Status,
        view::{
            Canvas, Depth, Division, Glyphs, Role,
            list::first_in_sight,
            stage, status,
            widgets::{pillar, put, write},
        },
    },
    prune::Part,
    words::{Notation, count, error, percent},
};

/// Columns of the number of a layer, with a gap.
const LABEL: u16 = 4;
/// Rows of the words below the map.
const READOUT: u16 = 4;
/// Removed shares from which a single cell with a shade is underlined, and bold.
const SOME: f64 = 0.25;
const MANY: f64 = 0.5;
/// Rows of a map around its layers: the border and the numbers of the units.
const AROUND_ROWS: u16 = 3;

pub fn draw(view: &mut Canvas<'_>, area: Rect) {
    if view.state.layers.is_empty() {
        let inner = view.panel(&HEADS, area, "Map", "");
        view.awaits(inner, "The layers appear once the model is open.");
        return;
    }
    let readout = READOUT.min(area.height / 3);
    let profile = profile::rows(area.height - readout, view.state.layers.len());
    let [maps, profiles, below] =
        Layout::vertical([Constraint::Fill(1), Constraint::Length(profile), Constraint::Length(readout)])
            .areas(area);
    let heads = Grid::of(view.state, Part::Attention);
    let wide = (heads.cells * heads.wide) as u16 + LABEL + 2;
    // The title needs some room.
    let wide = wide.max(28).min(maps.width / 2);
    let parts = [Constraint::Length(wide), Constraint::Fill(1)];
    let [left, right] = Layout::horizontal(parts).areas(maps);
    part(view, left, Part::Attention);
    part(view, right, Part::Mlp);
    if profile > 0 {
        let [left, right] = Layout::horizontal(parts).areas(profiles);
        profile::draw(view, left, Part::Attention);
        profile::draw(view, right, Part::Mlp);
    }
    readout::draw(view, below);
}

/// Why a layer has no values, and what it waits for.
fn unsolved(state: &State, layer: usize) -> String {
    const SENTENCE: &str = "This layer has no active attempt yet.";
    let comes = state.status(layer) != Status::Failed && state.job().is_some_and(Job::is_pruning);
    if comes { stage::waits(state, SENTENCE) } else { SENTENCE.into() }
}

/// One part alone.
pub fn alone(view: &mut Canvas<'_>, area: Rect, which: Part) {
    if view.state.layers.is_empty() {
        return draw(view, area);
    }
    part(view, area, which);
}

fn part(view: &mut Canvas<'_>, area: Rect, part: Part) {
    let state = view.state;
    let panel: &'static Panel = match part {
        Part::Attention => &HEADS,
        Part::Mlp => &CHANNELS,
    };
    let quantity = state.screens.map.quantity;
    let grid = Grid::of(state, part);
    let layers = state.layers.len();
    let range = (0..layers)
        .filter_map(|layer| Known::of(state, layer, part)?.range(quantity))
        .reduce(|(low, high), (l, h)| (low.min(l), high.max(h)));
    let shades = Shades::of(quantity, range);
    let names = status::unit_names_of_all(state, part).1;
    let title = format!("{names} by {}", quantity.name());
    let inner = view.panel(panel, area, &title, &note(range, quantity, state.interface.notation));
    let head = Rect { height: 1, ..inner };
    heading(view, head, part, &grid);
    let below = Rect { y: inner.y + 1, height: inner.height.saturating_sub(1), ..inner };
    let tall = rows_of_a_layer(below.height, layers);
    let seen = usize::from(below.height / tall);
    let first = first_in_sight(state.layer, layers, seen);
    for (down, layer) in (first..layers).take(seen).enumerate() {
        let cells = Known::of(state, layer, part).map(|known| known.row(quantity, &grid));
        let row = Rect { y: below.y + down as u16 * tall, height: tall, ..below };
        let role = if layer == state.layer { Role::Active } else { Role::Muted };
        write(view.buffer, row, row.x, row.y, &format!("{layer:>3}"), view.theme.style(role));
        for cell in 0..grid.cells {
            let place = cell_area(row, &grid, cell).intersection(row);
            let found = cells.as_ref().map(|cells| cells[cell]);
            let under = (state.layer, state.screens.map.part, state.screens.map.unit)
                == (layer, part, grid.units_of(cell).start);
            draw_cell(view, place, found, shades, under);
            view.hits.add(place, Pointed::Unit { part, layer, unit: grid.units_of(cell).start });
        }
    }
    let rows = seen.min(layers - first);
    let cells = Rect { x: below.x + LABEL, width: (grid.cells * grid.wide) as u16, ..below };
    let cells = Rect { height: rows as u16 * tall, ..cells }.intersection(below);
    let drawn = usize::from(cells.width) / grid.wide.max(1);
    view.read((cells, Division::Bars(drawn), Division::Bars(rows)), |view, cell, down| {
        let layer = first + down;
        let known = Known::of(view.state, layer, part)?;
        let Cell { value, units, removed } = *known.row(quantity, &grid).get(cell)?;
        let value = value.map_or("unknown".into(), |value| match quantity {
            Quantity::Score | Quantity::Cost => error(value),
            Quantity::Order | Quantity::Sessions => percent(value),
        });
        let range = grid.units_of(cell);
        let names = status::unit_names(view.state, layer, part);
        let which = match units {
            0 | 1 => format!("{} {}", names.0, range.start),
            _ => format!("{} {}–{}", names.1, range.start, range.end - 1),
        };
        let gone = match (removed, units) {
            (0, _) => String::new(),
            (1, 1) => ", removed".into(),
            (removed, units) => format!(", {removed} of {units} removed"),
        };
        Some(format!("{value} layer {layer}, {which}{gone}"))
    });
}

/// Few layers are drawn taller.
fn rows_of_a_layer(rows: u16, layers: usize) -> u16 {
    (rows / (layers as u16).max(1)).clamp(1, 3)
}

fn cell_area(row: Rect, grid: &Grid, cell: usize) -> Rect {
    Rect { x: row.x + LABEL + (cell * grid.wide) as u16, width: grid.wide as u16, ..row }
}

/// The colour of a value, from 0 to 1.
#[derive(Clone, Copy)]
enum Shades {
    Linear,
    Log { low: f64, high: f64 },
}

impl Shades {
    /// The shades of values in a range.
    fn of(quantity: Quantity, range: Option<(f64, f64)>) -> Self {
        match (quantity, range) {
            (Quantity::Score | Quantity::Cost, Some((low, high))) => Self::Log { low, high },
            (Quantity::Score | Quantity::Cost | Quantity::Order | Quantity::Sessions, _) => Self::Linear,
        }
    }

    fn place(self, value: f64) -> f64 {
        let place = match self {
            Self::Linear => value,
            Self::Log { low, high } if high > low => (value / low).ln() / (high / low).ln(),
            Self::Log { .. } => 0.5,
        };
        if place.is_finite() { place.clamp(0.0, 1.0) } else { 0.0 }
    }
}

/// The numbers of the first units, as far as they fit.
fn heading(view: &mut Canvas<'_>, area: Rect, part: Part, grid: &Grid) {
    let style = view.theme.style(Role::Muted);
    let mut free = area.x + LABEL;
    for cell in 0..grid.cells {
        let place = cell_area(area, grid, cell);
        let number = match part {
            Part::Attention => grid.units_of(cell).start.to_string(),
            Part::Mlp if cell % 12 == 0 => count(grid.units_of(cell).start as u64),
            Part::Mlp => continue,
        };
        if place.x >= free && place.x + number.len() as u16 <= area.right() {
            let middle = if grid.wide == 3 && number.len() == 1 { 1 } else { 0 };
            let end = write(view.buffer, area, place.x + middle, area.y, &number, style);
            free = end + u16::from(grid.wide < 3 || number.len() > 2);
        }
    }
}

/// A cell: its colour is the value, its sign marks removed units. Without colours, shades show the value.
fn draw_cell(view: &mut Canvas<'_>, area: Rect, cell: Option<Cell>, shades: Shades, under: bool) {
    let theme = view.theme;
    let value = cell.and_then(|cell| cell.value).map(|value| shades.place(value));
    let colours = theme.glyphs == Glyphs::Unicode && theme.depth() >= Depth::Ansi256 && theme.has_fine_heat();
    let blank = match (value, colours) {
        (Some(_), true) => " ",
        (Some(value), false) => theme.glyphs.shade(value.max(0.21)),
        (None, _) if cell.is_some() => theme.glyphs.separator(),
        (None, _) => " ",
    };
    let mut style = match value {
        Some(value) if colours => Style::new().bg(theme.heat(value)).fg(theme.ink_on_heat(value)),
        Some(_) => theme.style(Role::Text),
        None => theme.style(Role::Faint),
    };
    if under {
        style = style.add_modifier(Modifier::REVERSED | Modifier::BOLD);
    }
    for (x, y) in (area.top()..area.bottom()).flat_map(|y| (area.left()..area.right()).map(move |x| (x, y))) {
        put(view.buffer, area, x, y, blank, style);
    }
    // The sign is in the middle; the bar of a share stands on the last row.
    let middle = area.y + (area.height - 1) / 2;
    let Some(Cell { removed, units, .. }) = cell.filter(|cell| cell.removed > 0) else {
        if under {
            put(view.buffer, area, area.x + area.width / 2, middle, theme.glyphs.cursor(), style);
        }
        return;
    };
    if removed == units {
        let sign = theme.glyphs.removed();
        put(view.buffer, area, area.x + area.width / 2, middle, sign, style);
        return;
    }
    let share = removed as f64 / units.max(1) as f64;
    let colour = theme.style(Role::Removed).fg;
    let style = colour.map_or(style, |colour| style.fg(colour));
    if colours || value.is_none() {
        pillar(view.buffer, area, share, style, theme.glyphs);
    } else {
        beside_shade(view, area, share, style);
    }
}

/// Shows the removed share of a cell whose shade is its value: a bar in the last column or row. A cell of one character
/// is underlined from [`SOME`] on and bold from [`MANY`] on.
fn beside_shade(view: &mut Canvas<'_>, area: Rect, share: f64, style: Style) {
    let glyphs = view.theme.glyphs;
    let bar = match (area.width, area.height) {
        (0, _) | (_, 0) => return,
        (1, 1) => {
            if share >= SOME {
                let many = if share >= MANY { Modifier::BOLD } else { Modifier::empty() };
                view.buffer.set_style(area, style.add_modifier(Modifier::UNDERLINED | many));
            }
            return;
        }
        (1, _) => Rect { y: area.bottom() - 1, height: 1, ..area },
        (_, _) => Rect { x: area.right() - 1, width: 1, ..area },
    };
    for (x, y) in (bar.top()..bar.bottom()).flat_map(|y| (bar.left()..bar.right()).map(move |x| (x, y))) {
        put(view.buffer, bar, x, y, " ", style);
    }
    pillar(view.buffer, bar, share, style, glyphs);
}

/// The usual range of the values.
fn note(range: Option<(f64, f64)>, quantity: Quantity, notation: Notation) -> String {
    match (quantity, range) {
        (_, None) => String::new(),
        (Quantity::Order, _) => "first to last".into(),
        (Quantity::Sessions, _) => "none to all".into(),
        (Quantity::Score, Some((low, high))) => format!("{} to {}", error(low), error(high)),
        (Quantity::Cost, Some((low, high))) => {
            format!("{} to {}", notation.relative(low), notation.relative(high))
        }
    }
}
