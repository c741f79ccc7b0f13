//! Draws the Layer screen: one part of one layer in panels.
//!
//! To add a panel, write its file with a [`LayerPanel`], and its line of [`PANELS`].

mod attempts;
mod batches;
mod channels;
mod correlation;
mod error_curve;
mod heading;
mod heads;
mod hessian;
mod panel;
mod scores;
mod shown;
pub mod side_by_side;

use std::iter::zip;

pub use attempts::ATTEMPTS;
pub use batches::BATCHES;
pub use correlation::CORRELATION;
pub use error_curve::ERROR_CURVE;
pub use hessian::HESSIAN;
use panel::{LayerPanel, Width, of_layer};
use ratatui::layout::{Constraint, Layout, Rect};
pub use scores::SCORES;
pub use shown::{Shown, Side};

use super::explain;
use crate::explorer::view::Canvas;

/// The panels, in reading order.
pub static PANELS: &[&LayerPanel] = &[&SCORES, &HESSIAN, &CORRELATION, &BATCHES, &ERROR_CURVE, &ATTEMPTS];

/// The panels while attempts are shown side by side, in reading order.
pub static SIDE_BY_SIDE: &[&LayerPanel] = &[
    &side_by_side::SCORES,
    &side_by_side::DIFFERENCES,
    &side_by_side::REMOVED,
    &side_by_side::CURVES,
    &side_by_side::LAST_LAYER,
    &ATTEMPTS,
];

/// The panels that are shown.
fn panels(shown: &Shown<'_>) -> &'static [&'static LayerPanel] {
    if shown.side_by_side() { SIDE_BY_SIDE } else { PANELS }
}

/// Minimum columns and rows for a grid of all panels.
const GRID: (u16, u16) = (110, 34);
/// Minimum columns for a grid with three columns.
const THREE: u16 = 156;
/// Rows of a small panel.
const BRIEF: u16 = 4;
/// Minimum rows of a picture in a small panel.
const PICTURE: u16 = 4;

pub fn draw(view: &mut Canvas<'_>, area: Rect) {
    let state = view.state;
    let Some(shown) = Shown::of(state) else {
        let inner = view.panel(&SCORES.panel, area, "Layer", "");
        view.awaits(inner, "The layers appear once the model is open.");
        return;
    };
    let head = heading::rows(&shown, area.width).min(area.height / 3);
    let [title, body] = Layout::vertical([Constraint::Length(head), Constraint::Fill(1)]).areas(area);
    heading::draw(view, title, &shown);
    if area.width < GRID.0 || area.height < GRID.1 {
        one_large(view, body, &shown);
        return;
    }
    for (panel, place) in grid(body, &shown) {
        (panel.draw)(view, place, &shown);
    }
}

/// Draws the focused panel alone.
fn alone(view: &mut Canvas<'_>, area: Rect) {
    let Some(shown) = Shown::of(view.state) else { return draw(view, area) };
    let head = heading::rows(&shown, area.width).min(area.height / 3);
    let [title, body] = Layout::vertical([Constraint::Length(head), Constraint::Fill(1)]).areas(area);
    heading::draw(view, title, &shown);
    (focused(view, &shown).draw)(view, body, &shown);
}

/// Areas of the panels: two rows of them, and below these the panels that have a row of their own.
fn grid(area: Rect, shown: &Shown<'_>) -> Vec<(&'static LayerPanel, Rect)> {
    let (mut beside, mut below) = (Vec::new(), Vec::new());
    for &panel in panels(shown) {
        match panel.width {
            Width::Row { rows } => below.push((panel, rows(shown).clamp(5, area.height / 4))),
            Width::Share(_) | Width::Map => beside.push(panel),
        }
    }
    let heights = below.iter().map(|&(_, rows)| Constraint::Length(rows));
    let rows = Layout::vertical([Constraint::Fill(1); 2].into_iter().chain(heights)).split(area);
    let three = area.width >= THREE;
    let (upper, lower) = beside.split_at(if three { beside.len().div_ceil(2) } else { beside.len() / 2 });
    let mut places = Vec::new();
    for (panels, &row) in zip([upper, lower], rows.iter()) {
        let map = (row.height.saturating_sub(4) * 2).clamp(34, 66) + 4;
        let widths = panels.iter().map(|panel| match panel.width {
            Width::Map => Constraint::Length(map.min(area.width / 3)),
            Width::Share(share) if three => Constraint::Fill(share),
            Width::Share(_) | Width::Row { .. } => Constraint::Fill(1),
        });
        places.extend(zip(panels.iter().copied(), Layout::horizontal(widths).split(row).iter().copied()));
    }
    places.extend(zip(below.into_iter().map(|(panel, _)| panel), rows.iter().copied().skip(2)));
    places
}

/// Draws the focused panel large and the others with two lines each, and with a picture if it fits.
fn one_large(view: &mut Canvas<'_>, area: Rect, shown: &Shown<'_>) {
    let focused = focused(view, shown);
    let side = (area.width * 3 / 8).clamp(28, 48);
    if area.width < side + 30 {
        (focused.draw)(view, area, shown);
        return;
    }
    let [large, small] = Layout::horizontal([Constraint::Fill(1), Constraint::Length(side)]).areas(area);
    (focused.draw)(view, large, shown);
    let others = panels(shown).iter().copied().filter(|other| other.panel != focused.panel);
    let others: Vec<&LayerPanel> = others.collect();
    let mut y = small.y;
    for (height, &other) in heights(&others, small.height).into_iter().zip(&others) {
        let place = Rect { y, height, ..small }.intersection(small);
        y += height;
        if place.height >= 3 {
            brief(view, other, place, shown);
        }
    }
}

/// Heights of the small panels: two lines each, and spare rows for panels that can use them. If there is too
/// little room, the lower panels lose their lines first.
fn heights(panels: &[&LayerPanel], rows: u16) -> Vec<u16> {
    let count = (panels.len() as u16).max(1);
    let each = (rows / count).min(BRIEF);
    let mut heights = vec![each; panels.len()];
    let mut left = rows - each * count;
    let pictures = |panel: &&LayerPanel| each < BRIEF || panel.grows;
    while left > 0 && panels.iter().any(pictures) {
        for (height, _) in heights.iter_mut().zip(panels).filter(|(_, panel)| pictures(panel)) {
            let more = left.min(1);
            *height += more;
            left -= more;
        }
    }
    heights
}

fn focused(view: &Canvas<'_>, shown: &Shown<'_>) -> &'static LayerPanel {
    let (focused, panels) = (view.state.focused(), panels(shown));
    panels.iter().find(|panel| panel.panel == *focused).unwrap_or(&panels[0])
}

fn brief(canvas: &mut Canvas<'_>, panel: &'static LayerPanel, area: Rect, shown: &Shown<'_>) {
    let inner = canvas.panel(&panel.panel, area, panel.panel.title, "");
    // The area that remains for words beside the picture.
    let words = panel.small.and_then(|small| small(canvas, inner, shown));
    for (row, line) in (panel.brief)(canvas, inner, shown).into_iter().enumerate() {
        canvas.line(words.unwrap_or(inner), row as u16, line);
    }
}

/// Splits a small panel into words and a picture below, if both fit.
fn words_and_picture(area: Rect) -> Option<(Rect, Rect)> {
    let words = area.height.checked_sub(PICTURE).filter(|&rows| rows > 0)?.min(BRIEF - 2);
    let [words, picture] = Layout::vertical([Constraint::Length(words), Constraint::Fill(1)]).areas(area);
    Some((words, picture))
}
