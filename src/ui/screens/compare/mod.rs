//! Dense against pruned: size, perplexity, and two texts from one prompt.

mod numbers;
mod texts;

use ratatui::layout::{Constraint, Layout, Rect};

use super::view::View;

pub(super) fn draw(view: &mut View<'_>, area: Rect) {
    let wanted = numbers::rows(view) + 2;
    let above = wanted.min((area.height / 2).max(5)).min(area.height);
    let [above, below] = Layout::vertical([Constraint::Length(above), Constraint::Fill(1)]).areas(area);
    numbers::draw(view, above);
    texts::draw(view, below);
}
