//! Draws the Layer screen: one part of one layer in six panels.

mod attempts;
mod batches;
mod channels;
mod correlation;
mod error_curve;
mod heading;
mod heads;
mod hessian;
mod scores;
mod shown;

use ratatui::{
    layout::{Constraint, Layout, Rect},
    text::Span,
};
use shown::Shown;

use super::{ATTEMPTS, BATCHES, CORRELATION, ERROR_CURVE, HESSIAN, SCORES};
use crate::explorer::{Panel, Screen, view::Canvas};

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
        let inner = view.panel(&SCORES, area, "Layer", "");
        view.absent(inner, "The layers appear once the model is open.");
        return;
    };
    let head = heading::rows(&shown, area.width).min(area.height / 3);
    let [title, body] = Layout::vertical([Constraint::Length(head), Constraint::Fill(1)]).areas(area);
    heading::draw(view, title, &shown);
    if area.width < GRID.0 || area.height < GRID.1 {
        one_large(view, body, &shown);
        return;
    }
    let places = if area.width >= THREE { three_columns(body, &shown) } else { two_columns(body, &shown) };
    for (&name, place) in Screen::Layer.panels().iter().zip(places) {
        panel(view, name, place, &shown);
    }
}

/// Areas of the panels, in reading order.
fn three_columns(area: Rect, shown: &Shown<'_>) -> [Rect; 6] {
    let table = attempts::rows_wanted(shown).clamp(5, area.height / 4);
    let [above, below, table] =
        Layout::vertical([Constraint::Fill(1), Constraint::Fill(1), Constraint::Length(table)]).areas(area);
    let map = (above.height.saturating_sub(4) * 2).clamp(34, 66).min(area.width / 3) + 4;
    let [scores, hessian, correlation] =
        Layout::horizontal([Constraint::Fill(3), Constraint::Fill(2), Constraint::Length(map)]).areas(above);
    let [batches, curve] = Layout::horizontal([Constraint::Fill(1), Constraint::Fill(1)]).areas(below);
    [scores, hessian, correlation, batches, curve, table]
}

/// Areas of the panels, in reading order.
fn two_columns(area: Rect, shown: &Shown<'_>) -> [Rect; 6] {
    let table = attempts::rows_wanted(shown).clamp(5, area.height / 4);
    let [above, middle, below] =
        Layout::vertical([Constraint::Fill(1), Constraint::Fill(1), Constraint::Length(table)]).areas(area);
    let halves = [Constraint::Fill(1), Constraint::Fill(1)];
    let [scores, hessian] = Layout::horizontal(halves).areas(above);
    let map = (middle.height.saturating_sub(4) * 2).clamp(34, 66) + 4;
    let [correlation, batches, curve] = Layout::horizontal([
        Constraint::Length(map.min(area.width / 3)),
        Constraint::Fill(1),
        Constraint::Fill(1),
    ])
    .areas(middle);
    [scores, hessian, correlation, batches, curve, below]
}

/// Draws the focused panel large and the others with two lines each, and with a picture if it fits.
fn one_large(view: &mut Canvas<'_>, area: Rect, shown: &Shown<'_>) {
    let focused = view.state.focused();
    let side = (area.width * 3 / 8).clamp(28, 48);
    if area.width < side + 30 {
        panel(view, focused, area, shown);
        return;
    }
    let [large, small] = Layout::horizontal([Constraint::Fill(1), Constraint::Length(side)]).areas(area);
    panel(view, focused, large, shown);
    let others: Vec<&'static Panel> =
        Screen::Layer.panels().iter().copied().filter(|&other| other != focused).collect();
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
fn heights(panels: &[&'static Panel], rows: u16) -> Vec<u16> {
    let count = (panels.len() as u16).max(1);
    let each = (rows / count).min(BRIEF);
    let mut heights = vec![each; panels.len()];
    let mut left = rows - each * count;
    let pictures =
        |panel: &&'static Panel| each < BRIEF || drawing(panel).is_some_and(|drawing| drawing.grows);
    while left > 0 && panels.iter().any(pictures) {
        for (height, _) in heights.iter_mut().zip(panels).filter(|(_, panel)| pictures(panel)) {
            let more = left.min(1);
            *height += more;
            left -= more;
        }
    }
    heights
}

fn panel(canvas: &mut Canvas<'_>, panel: &'static Panel, area: Rect, shown: &Shown<'_>) {
    if let Some(drawing) = drawing(panel) {
        (drawing.draw)(canvas, area, shown);
    }
}

fn brief(canvas: &mut Canvas<'_>, panel: &'static Panel, area: Rect, shown: &Shown<'_>) {
    let Some(drawing) = drawing(panel) else { return };
    let inner = canvas.panel(panel, area, panel.title, "");
    // The area that remains for words beside the picture.
    let words = drawing.small.and_then(|small| small(canvas, inner, shown));
    for (row, line) in (drawing.brief)(canvas, inner, shown).into_iter().enumerate() {
        canvas.line(words.unwrap_or(inner), row as u16, line);
    }
}

/// Draws a picture in a small panel; returns the area left for its lines.
type DrawSmall = fn(&mut Canvas<'_>, Rect, &Shown<'_>) -> Option<Rect>;

/// The functions that draw a panel, large and small.
struct Drawing {
    panel: &'static Panel,
    draw: fn(&mut Canvas<'_>, Rect, &Shown<'_>),
    /// Draws two lines; scores add bars below them.
    brief: fn(&mut Canvas<'_>, Rect, &Shown<'_>) -> Vec<Vec<Span<'static>>>,
    small: Option<DrawSmall>,
    /// Whether the small panel can use spare rows.
    grows: bool,
}

const DRAWINGS: [Drawing; 6] = [
    Drawing { panel: &SCORES, draw: scores::draw, brief: scores::brief, small: None, grows: true },
    Drawing {
        panel: &HESSIAN,
        draw: hessian::draw,
        brief: |canvas, _, shown| hessian::brief(canvas, shown),
        small: Some(hessian::small),
        grows: true,
    },
    Drawing {
        panel: &CORRELATION,
        draw: correlation::draw,
        brief: |canvas, _, shown| correlation::brief(canvas, shown),
        small: Some(correlation::small),
        grows: true,
    },
    Drawing {
        panel: &BATCHES,
        draw: batches::draw,
        brief: |canvas, _, shown| batches::brief(canvas, shown),
        small: None,
        grows: false,
    },
    Drawing {
        panel: &ERROR_CURVE,
        draw: error_curve::draw,
        brief: |canvas, _, shown| error_curve::brief(canvas, shown),
        small: Some(error_curve::small),
        grows: true,
    },
    Drawing {
        panel: &ATTEMPTS,
        draw: attempts::draw,
        brief: |canvas, _, shown| attempts::brief(canvas, shown),
        small: None,
        grows: false,
    },
];

fn drawing(panel: &Panel) -> Option<&'static Drawing> {
    const ALL: &[Drawing] = &DRAWINGS;
    ALL.iter().find(|drawing| drawing.panel == panel)
}

/// Splits a small panel into words and a picture below, if both fit.
fn words_and_picture(area: Rect) -> Option<(Rect, Rect)> {
    let words = area.height.checked_sub(PICTURE).filter(|&rows| rows > 0)?.min(BRIEF - 2);
    let [words, picture] = Layout::vertical([Constraint::Length(words), Constraint::Fill(1)]).areas(area);
    Some((words, picture))
}
