//! Draws the Compare screen: size, perplexity and texts of both models, and the open session next to others.

mod curves;
mod numbers;
mod pareto;
mod sessions;
mod texts;

use ratatui::layout::{Constraint, Layout, Rect};

use super::{CURVES, PARETO, PERPLEXITY, SESSIONS, TEXTS};
use crate::explorer::{
    Compared,
    view::{Canvas, Role},
};

/// Minimum columns and rows for all four panels.
const ALL: (u16, u16) = (150, 42);
/// Rows of the texts in that layout.
const TEXT_ROWS: u16 = 14;
/// Rows that the table of sessions and the curves need together.
const TWO: u16 = 15;

pub fn draw(view: &mut Canvas<'_>, area: Rect) {
    let wide = area.width >= ALL.0 && area.height >= ALL.1;
    let alone = !wide || view.state.compares_sessions();
    if *view.state.focused() == PARETO && alone {
        return pareto::draw(view, area);
    }
    if !view.state.compares_sessions() {
        return dense_and_pruned(view, area);
    }
    let compared = view.state.compared();
    let rows = sessions::rows(&compared);
    if area.width >= ALL.0 && area.height >= ALL.1 {
        let parts = [Constraint::Length(rows), Constraint::Fill(1), Constraint::Length(TEXT_ROWS)];
        let [table, middle, below] = Layout::vertical(parts).areas(area);
        sessions::draw(view, table, &compared);
        curves::draw(view, middle, &compared);
        let [left, right] = Layout::horizontal([Constraint::Fill(1); 2]).areas(below);
        numbers::draw(view, left);
        return texts::draw(view, right);
    }
    let focused = view.state.focused();
    if [&TEXTS, &PERPLEXITY].contains(&focused) {
        return dense_and_pruned(view, area);
    }
    if area.height < TWO {
        return if *focused == SESSIONS {
            sessions::draw(view, area, &compared);
        } else if *focused == CURVES {
            curves::draw(view, area, &compared);
        };
    }
    let [table, below] = Layout::vertical([Constraint::Length(rows), Constraint::Fill(1)]).areas(area);
    sessions::draw(view, table, &compared);
    curves::draw(view, below, &compared);
}

/// Draws the table of sessions alone.
pub fn table(view: &mut Canvas<'_>, area: Rect) {
    let compared = view.state.compared();
    sessions::draw(view, area, &compared);
}

/// Draws the curves of the sessions alone.
pub fn curves(view: &mut Canvas<'_>, area: Rect) {
    let compared = view.state.compared();
    curves::draw(view, area, &compared);
}

pub use numbers::draw as numbers;
pub use pareto::draw as pareto;
pub use texts::draw as texts;

fn dense_and_pruned(view: &mut Canvas<'_>, area: Rect) {
    let wanted = numbers::rows(view) + 2;
    let above = wanted.min((area.height / 2).max(5)).min(area.height);
    let [above, below] = Layout::vertical([Constraint::Length(above), Constraint::Fill(1)]).areas(area);
    numbers::draw(view, above);
    if area.width >= ALL.0 && area.height >= ALL.1 && !view.state.compares_sessions() {
        let [left, right] = Layout::horizontal([Constraint::Fill(1); 2]).areas(below);
        texts::draw(view, left);
        return pareto::draw(view, right);
    }
    texts::draw(view, below);
}

/// The row under the cursor, limited to the existing rows.
fn row_in(compared: &[Compared], view: &Canvas<'_>) -> usize {
    view.state.screens.compare.row.min(compared.len().saturating_sub(1))
}

/// The role that a session has in every panel.
fn role(session: &Compared) -> Role {
    Role::SERIES[session.place % Role::SERIES.len()]
}
