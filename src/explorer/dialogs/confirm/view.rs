//! Draws a question with its consequences and the answers yes and no.

use ratatui::{
    Frame,
    layout::Rect,
    text::{Line, Span},
};

use crate::explorer::{
    Action, Confirm, Pointed, State,
    view::{Hits, Role, Theme, list::rows, text, window},
};

const COLUMNS: u16 = 60;

pub fn draw(
    frame: &mut Frame<'_>,
    body: Rect,
    (ask, state): (&Confirm, &State),
    theme: &Theme,
    hits: &mut Hits,
) {
    let columns = COLUMNS.min(body.width);
    let inside = usize::from(columns.saturating_sub(window::BORDERS.0));
    let mut lines: Vec<Line<'_>> = text::wrap(&ask.question, inside)
        .into_iter()
        .map(|l| Line::styled(l, theme.style(Role::Title)))
        .collect();
    if !ask.detail.is_empty() {
        lines.push(Line::default());
        lines.extend(text::wrap(&ask.detail, inside).into_iter().map(Line::raw));
    }
    // However long the detail is, a blank row and the answers stay visible.
    let most = usize::from(body.height.saturating_sub(window::BORDERS.1 + 2));
    lines.truncate(most);
    let area = window::centred(body, columns, lines.len() as u16 + 2 + window::BORDERS.1);
    let inner = window::open(frame, area, ("Sure?", ""), theme, hits);
    for (row, line) in rows(inner).zip(lines) {
        frame.render_widget(line, row);
    }
    answers(frame, inner, state, theme, hits);
}

fn answers(frame: &mut Frame<'_>, inner: Rect, state: &State, theme: &Theme, hits: &mut Hits) {
    let mut x = inner.x;
    for (words, action) in [("yes", Action::Yes), ("no", Action::No)] {
        let key = state.interface.keymap.label(action).unwrap_or_default();
        let line = Line::from(vec![
            Span::styled(key, theme.style(Role::Key)),
            Span::raw(" "),
            Span::styled(words, theme.style(Role::Text)),
        ]);
        let width = line.width() as u16;
        let place = Rect { x, y: inner.bottom().saturating_sub(1), width, height: 1 }.intersection(inner);
        frame.render_widget(line, place);
        hits.add(place, Pointed::Action(action));
        x = x.saturating_add(width + 4);
    }
}
