//! Marked attempts of a layer side by side: scores, removed units, error curves, differences, and the last layer.

mod curves;
mod differences;
mod last_layer;
mod removed;
mod scores;
mod sets;

pub use curves::{CURVES, named as curves};
pub use differences::DIFFERENCES;
pub use last_layer::LAST_LAYER;
use ratatui::text::Span;
pub use removed::REMOVED;
pub use scores::SCORES;

use super::{LayerPanel, Shown, Side, Width, explain, of_layer};
use crate::explorer::view::{Canvas, Role, widgets::width};

/// The letter of an attempt with its number: `A attempt 0`.
fn name<'t>(view: &Canvas<'_>, side: &Side<'_>) -> Span<'t> {
    view.span(format!("{} attempt {}", side.letter, side.result.attempt.number), side.role)
}

/// The legend of the attempts: `A attempt 0 ●  B attempt 2`; the active one has its mark.
pub fn legend<'t>(view: &Canvas<'_>, shown: &Shown<'_>) -> Vec<Span<'t>> {
    let mut line = Vec::new();
    for side in shown.sides() {
        line.push(name(view, &side));
        let active = shown.layer.chosen == Some(side.result.attempt.number);
        let mark = if active { format!(" {}  ", view.theme.glyphs.active()) } else { "  ".into() };
        line.push(view.span(mark, Role::Done));
    }
    line
}

/// One figure per attempt: `A 1.52e-2  B 4.71e-3`.
fn figures<'t>(view: &Canvas<'_>, shown: &Shown<'_>, figure: impl Fn(&Side<'_>) -> String) -> Vec<Span<'t>> {
    figure_lines(view, shown, u16::MAX, figure).into_iter().flatten().collect()
}

/// The same in as many lines as needed.
fn figure_lines<'t>(
    view: &Canvas<'_>,
    shown: &Shown<'_>,
    columns: u16,
    figure: impl Fn(&Side<'_>) -> String,
) -> Vec<Vec<Span<'t>>> {
    let mut lines: Vec<Vec<Span<'t>>> = vec![Vec::new()];
    let mut used = 0;
    for side in shown.sides() {
        let text = figure(&side);
        let wide = usize::from(width(&text)) + 2;
        if used > 0 && used + wide > usize::from(columns) {
            lines.push(Vec::new());
            used = 0;
        }
        used += wide + 2;
        if let Some(line) = lines.last_mut() {
            line.push(view.span(format!("{} ", side.letter), side.role));
            line.push(view.span(format!("{text}  "), Role::Text));
        }
    }
    lines
}
