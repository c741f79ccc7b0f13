//! Draws the command log, with the whole command under the cursor below the list.

use ratatui::{Frame, layout::Rect, text::Line};

use crate::explorer::{
    Pointed, State,
    view::{
        Hits, Role, Theme,
        list::{first_in_sight, rows},
        text, window,
    },
};

const COLUMNS: u16 = 116;
/// Maximum rows of the whole command.
const WHOLE: usize = 6;

pub fn draw(frame: &mut Frame<'_>, body: Rect, at: usize, state: &State, theme: &Theme, hits: &mut Hits) {
    let session = state.session_argument();
    let lines = state.commands.lines(session.as_deref());
    let columns = COLUMNS.min(body.width);
    let inside = usize::from(columns.saturating_sub(window::BORDERS.0));
    let empty = vec!["Nothing was done yet that a command could repeat.".to_string()];
    let (lines, role) = if lines.is_empty() { (empty, Role::Muted) } else { (lines, Role::Text) };
    let at = at.min(lines.len() - 1);
    let whole = text::wrap_at_most(&lines[at], inside, WHOLE);
    let needed = lines.len() + 1 + WHOLE;
    let area = window::centred(body, columns, (needed as u16).saturating_add(window::BORDERS.1));
    let foot = format!("{} of {}", at + 1, lines.len());
    let inner = window::open(frame, area, ("Commands", &foot), theme, hits);
    let listed = usize::from(inner.height).saturating_sub(WHOLE + 1).max(1);
    let first = first_in_sight(at, lines.len(), listed);
    for (row, (index, line)) in rows(inner).take(listed).zip(lines.iter().enumerate().skip(first)) {
        let role = if line.starts_with('#') { Role::Muted } else { role };
        frame.render_widget(Line::styled(text::fit(line, inside), theme.style(role)), row);
        if index == at {
            frame.buffer_mut().set_style(row, theme.style(Role::Selected));
        }
        hits.add(row, Pointed::DialogLine(index));
    }
    for (row, line) in rows(inner).skip(listed + 1).zip(whole) {
        frame.render_widget(Line::styled(line, theme.style(Role::Active)), row);
    }
}
