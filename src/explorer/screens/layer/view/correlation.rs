//! The map of input correlations, and the most correlated pair.

use ratatui::{layout::Rect, text::Span};

use super::{LayerPanel, Shown, Width, explain};
use crate::explorer::{
    Panel, PartStatistics,
    view::{
        Canvas, Division, Role, status,
        widgets::{HeatMap, heat_scale, put},
    },
};

pub static CORRELATION: LayerPanel = LayerPanel {
    panel: Panel {
        title: "Correlation",
        explain: |_| explain::correlation(),
        figure: |_| Err("The correlation map cannot be saved; focus another panel (f)".into()),
        draw: super::alone,
    },
    draw,
    brief: |view, _, shown| brief(view, shown),
    small: Some(small),
    grows: true,
    width: Width::Map,
};

/// Mean and largest off-diagonal value, and the cell of the largest.
struct Summary {
    mean: f64,
    most: f64,
    pair: (usize, usize),
    /// Largest value of all cells, including the diagonal.
    top: f64,
}

fn summary(seen: &PartStatistics) -> Option<Summary> {
    let (cells, map) = (seen.picture.cells, &seen.picture.correlation);
    if cells == 0 || map.len() < cells * cells {
        return None;
    }
    let mut summary = Summary { mean: 0.0, most: 0.0, pair: (0, 0), top: 0.0 };
    for (at, &value) in map.iter().take(cells * cells).enumerate() {
        let value = f64::from(value);
        summary.top = summary.top.max(value);
        let (i, j) = (at / cells, at % cells);
        if i != j && value.is_finite() {
            summary.mean += value / (cells * cells - cells) as f64;
            if value > summary.most {
                (summary.most, summary.pair) = (value, (i.min(j), i.max(j)));
            }
        }
    }
    Some(summary)
}

pub fn draw(view: &mut Canvas<'_>, area: Rect, shown: &Shown<'_>) {
    let inner = view.panel(&CORRELATION.panel, area, "Correlation", "mean |c|");
    let Some((seen, summary)) = shown.seen().and_then(|seen| Some((seen, summary(seen)?))) else {
        let text = shown.why_nothing(view);
        view.absent(inner, &text);
        return;
    };
    let picture = &seen.picture;
    let map = HeatMap { cells: picture.cells, values: &picture.correlation, most: summary.top };
    let marks =
        u16::from(shown.view.is_some_and(|part| part.units == picture.cells && !part.removed.is_empty()));
    let room = Rect { y: inner.y + marks, height: inner.height.saturating_sub(2 + marks), ..inner };
    let drawn = map.draw(view.buffer, room, view.theme);
    read(view, drawn, shown, seen);
    if marks > 0 && usize::from(drawn.width) >= picture.cells {
        let step = drawn.width / picture.cells as u16;
        for (unit, place) in shown.places().into_iter().enumerate() {
            if place.is_some() {
                let x = drawn.x + unit as u16 * step + (step - 1) / 2;
                put(
                    view.buffer,
                    inner,
                    x,
                    inner.y,
                    view.theme.glyphs.removed(),
                    view.theme.style(Role::Removed),
                );
            }
        }
    }
    let below = Rect { y: (drawn.bottom()).min(inner.bottom()), ..inner };
    let below = Rect { height: inner.bottom() - below.y, ..below };
    heat_scale(view.buffer, below, &format!("{:.2}", summary.top), view.theme);
    let lines = words(
        view,
        shown,
        seen,
        &summary,
        &format!("{} ", status::unit_names(view.state, shown.index, shown.part).1),
    );
    for (row, line) in lines.into_iter().enumerate() {
        view.line(below, row as u16 + 1, line);
    }
}

/// The correlation of the cell under the mouse. A row of text has two rows of the map; the upper one is read.
fn read(view: &mut Canvas<'_>, drawn: Rect, shown: &Shown<'_>, seen: &PartStatistics) {
    let cells = seen.picture.cells;
    let size = usize::from(drawn.width).max(1);
    let grid = (drawn, Division::Bars(drawn.width.into()), Division::Bars(drawn.height.into()));
    view.read(grid, |view, x, y| {
        let (i, j) = (2 * y * cells / size, x * cells / size);
        let value = seen.picture.correlation.get(i * cells + j)?;
        Some(format!("|c| {value:.3} {}", pair(view, shown, cells, (i, j), "")))
    });
}

/// The names of two cells: their units, or ranges of units with `name` before them.
fn pair(view: &Canvas<'_>, shown: &Shown<'_>, cells: usize, (a, b): (usize, usize), name: &str) -> String {
    let units = shown.view.map_or(0, |part| part.units);
    if units == cells {
        return format!("{} {a} and {b}", status::unit_names(view.state, shown.index, shown.part).1);
    }
    let range =
        |cell: usize| format!("{}–{}", cell * units / cells, ((cell + 1) * units / cells).saturating_sub(1));
    format!("{name}{} and {}", range(a), range(b))
}

/// The summary in words. `name` precedes the ranges of units that share a cell.
fn words<'t>(
    view: &Canvas<'_>,
    shown: &Shown<'_>,
    seen: &PartStatistics,
    summary: &Summary,
    name: &str,
) -> Vec<Vec<Span<'t>>> {
    let cells = seen.picture.cells;
    let pair = pair(view, shown, cells, summary.pair, name);
    let mean = vec![
        view.span("mean ", Role::Muted),
        view.span(format!("{:.3}", summary.mean), Role::Text),
        view.span("  largest ", Role::Muted),
        view.span(format!("{:.3}", summary.most), Role::Text),
    ];
    if cells < 2 {
        return vec![vec![view.span("one cell, no pairs", Role::Muted)]];
    }
    vec![mean, vec![view.span(pair, Role::Muted)]]
}

/// Draws the map at the left of the small panel. Returns the area left for words.
pub fn small(view: &mut Canvas<'_>, area: Rect, shown: &Shown<'_>) -> Option<Rect> {
    const LEAST: u16 = 5;
    const GAP: u16 = 2;
    let seen = shown.seen().filter(|_| area.height >= LEAST)?;
    let summary = summary(seen)?;
    let map = HeatMap { cells: seen.picture.cells, values: &seen.picture.correlation, most: summary.top };
    let room = Rect { width: area.width / 2, ..area };
    let drawn = map.draw(view.buffer, room, view.theme);
    read(view, drawn, shown, seen);
    let across = drawn.width + GAP;
    Some(Rect { x: area.x + across, width: area.width.saturating_sub(across), ..area })
}

pub fn brief<'t>(view: &Canvas<'_>, shown: &Shown<'_>) -> Vec<Vec<Span<'t>>> {
    match shown.seen().and_then(|seen| Some((seen, summary(seen)?))) {
        Some((seen, summary)) => words(view, shown, seen, &summary, ""),
        None => vec![vec![view.span("not measured yet", Role::Muted)]],
    }
}
