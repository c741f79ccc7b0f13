//! Draws the Layers screen: table, ratio curve, progress of the run, and size of the model.

mod chosen;
mod run;
mod table;

use ratatui::layout::{Constraint, Layout, Rect};

use crate::explorer::{
    screens::{
        errors,
        schedule::{
            RATIO,
            view::ratio_curve::{self, Picture},
        },
    },
    view::Canvas,
};

/// Minimum columns for a curve next to the table.
const WIDE: u16 = 132;

pub fn draw(view: &mut Canvas<'_>, area: Rect) {
    if area.width >= WIDE && area.height >= 16 { wide(view, area) } else { narrow(view, area) }
}

/// Minimum rows for a chart of the errors below a short table.
const ERRORS: u16 = 12;

/// Draws the table alone, with the progress of the run below it.
pub fn table(view: &mut Canvas<'_>, area: Rect) {
    let lines = run::lines(view, area.width);
    let below = u16::from(area.height >= 6).min(lines.len() as u16);
    let [table, strip] = Layout::vertical([Constraint::Fill(1), Constraint::Length(below)]).areas(area);
    table::draw(view, table);
    for (row, line) in lines.into_iter().take(below.into()).enumerate() {
        view.line(strip, row as u16, line);
    }
}

fn wide(view: &mut Canvas<'_>, area: Rect) {
    let [left, right] = Layout::horizontal([Constraint::Percentage(55), Constraint::Fill(1)]).areas(area);
    let needed = view.state.listed_layers().len() as u16 + 3;
    let spare = left.height.saturating_sub(needed);
    let below = if spare >= ERRORS { spare } else { 0 };
    let [table, errors] = Layout::vertical([Constraint::Fill(1), Constraint::Length(below)]).areas(left);
    table::draw(view, table);
    if !errors.is_empty() {
        errors::view::overview(view, errors);
    }
    let chosen = if area.height >= 30 { chosen::ROWS } else { 0 };
    let run = run::rows(view, right.width);
    let [curve, chosen, run] =
        Layout::vertical([Constraint::Fill(1), Constraint::Length(chosen), Constraint::Length(run)])
            .areas(right);
    ratio_curve::draw(view, curve, Picture::Line);
    if !chosen.is_empty() {
        chosen::draw(view, chosen);
    }
    run::draw(view, run);
}

fn narrow(view: &mut Canvas<'_>, area: Rect) {
    let lines = run::lines(view, area.width);
    let below = (lines.len() as u16).min(area.height / 3);
    let rest = area.height - below;
    let needed = view.state.listed_layers().len() as u16 + 3;
    // The curve gets the rows that the table does not need, and at least `least`.
    let least = (rest * 2 / 5).max(7);
    let curve = match rest {
        0..=12 => 0,
        _ if view.is_focused(&RATIO) => rest / 2 + 2,
        _ => rest.saturating_sub(needed).clamp(least, (rest / 2).max(least)),
    };
    let [table, curve, strip] =
        Layout::vertical([Constraint::Fill(1), Constraint::Length(curve), Constraint::Length(below)])
            .areas(area);
    table::draw(view, table);
    if !curve.is_empty() {
        ratio_curve::draw(view, curve, Picture::Line);
    }
    for (row, line) in lines.into_iter().enumerate() {
        view.line(strip, row as u16, line);
    }
}
