//! Draws the sessions on disk: their table, and beside or below it the details of the one under the cursor.

mod detail;
mod status;
mod table;

use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    text::{Line, Span},
};

use super::Sessions;
use crate::explorer::{
    State,
    view::{Hits, Role, Theme, list::rows, text, window},
};

/// Minimum columns of the body for details beside the table, and maximum columns of the window.
const BESIDE: u16 = 110;
const WIDEST: u16 = 190;
/// Minimum and maximum rows inside the window if the details are beside the table.
const ROWS: (usize, usize) = (21, 36);
/// Minimum rows of the table if the details are below it: the header and some sessions.
const LEAST: u16 = 8;

pub fn draw(
    frame: &mut Frame<'_>,
    body: Rect,
    dialog: &Sessions,
    state: &State,
    theme: &Theme,
    hits: &mut Hits,
) {
    let sessions = dialog.listed(state);
    let at = dialog.at.min(sessions.len().saturating_sub(1));
    let beside = body.width >= BESIDE;
    let area = if beside {
        let rows = (sessions.len() + 1).clamp(ROWS.0, ROWS.1) as u16;
        window::centred(body, (body.width - 4).min(WIDEST), rows + window::BORDERS.1)
    } else {
        body
    };
    let foot = if sessions.is_empty() { String::new() } else { format!("{} of {}", at + 1, sessions.len()) };
    let title = match dialog.filter.trim() {
        "" => "Sessions".to_string(),
        filter => format!("Sessions with \"{filter}\""),
    };
    let inner = window::open(frame, area, (&title, &foot), theme, hits);
    let Some(session) = sessions.get(at) else { return nothing(frame, inner, state, theme) };
    let now = state.sessions.list.as_ref().map_or(0, |list| list.now);
    let (list, details) = if beside {
        let width = (inner.width * 9 / 25).min(62);
        let [list, _, details] =
            Layout::horizontal([Constraint::Fill(1), Constraint::Length(3), Constraint::Length(width)])
                .areas(inner);
        let between = Rect { x: details.x - 2, width: 1, ..inner };
        for row in rows(between) {
            frame.render_widget(Span::styled(theme.borders().vertical_left, theme.style(Role::Border)), row);
        }
        (list, details)
    } else {
        let below = inner.height.saturating_sub(LEAST + 1).min(detail::ROWS);
        let [list, rule, details] =
            Layout::vertical([Constraint::Fill(1), Constraint::Length(1), Constraint::Length(below)])
                .areas(inner);
        let line = theme.borders().horizontal_top.repeat(rule.width.into());
        frame.render_widget(Span::styled(line, theme.style(Role::Border)), rule);
        (list, details)
    };
    table::draw(frame, list, (&sessions, at, now), state, theme, hits);
    let lines = detail::lines(state, session, now, theme, details);
    for (row, line) in rows(details).zip(lines) {
        frame.render_widget(line, row);
    }
}

/// The message shown instead of the table.
fn nothing(frame: &mut Frame<'_>, area: Rect, state: &State, theme: &Theme) {
    let (words, role) = match state.sessions.list.as_ref().map(|list| &list.sessions) {
        None => ("Looking for sessions…", Role::Muted),
        Some(Ok(found)) if !found.is_empty() => ("No session matches the filter.", Role::Muted),
        Some(Ok(_)) => ("No session yet; every run creates one.", Role::Muted),
        Some(Err(why)) => (why.as_str(), Role::Error),
    };
    let wrapped = text::wrap(words, usize::from(area.width.min(60)));
    let above = area.height.saturating_sub(wrapped.len() as u16) / 2;
    for (row, line) in rows(area).skip(above.into()).zip(wrapped) {
        frame.render_widget(Line::styled(line, theme.style(role)).centered(), row);
    }
}
