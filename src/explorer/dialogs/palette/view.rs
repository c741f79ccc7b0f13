//! Draws the palette: the typed text and the entries that match.

use ratatui::{
    Frame,
    layout::{Position, Rect},
    text::{Line, Span},
};

use super::{PaletteEntry, palette};
use crate::explorer::{
    Input, Pointed, State,
    view::{
        Hits, Role, Theme, input_line,
        list::{first_in_sight, rows},
        text, window,
    },
};

const COLUMNS: u16 = 92;
/// Rows of the window, which keeps its size while the entries change.
const ROWS: u16 = 22;
/// Columns for names, including the gap after them.
const NAME: usize = 20;

pub fn draw(
    frame: &mut Frame<'_>,
    body: Rect,
    (input, at): (&Input, usize),
    state: &State,
    theme: &Theme,
    hits: &mut Hits,
) -> Position {
    let entries = palette(state, input.text());
    let at = at.min(entries.len().saturating_sub(1));
    let area = window::centred(body, COLUMNS.min(body.width.saturating_sub(4)), ROWS);
    let foot = if entries.is_empty() { String::new() } else { format!("{} of {}", at + 1, entries.len()) };
    let inner = window::open(frame, area, ("Find", &foot), theme, hits);
    let mut places = rows(inner);
    let top = places.next().unwrap_or(inner);
    let cursor = input_line::prompt(frame, top, (":", "an action, a layer or a theme"), input, theme);
    let visible = usize::from(inner.height.saturating_sub(2));
    let first = first_in_sight(at, entries.len(), visible);
    if entries.is_empty()
        && let Some(row) = places.nth(1)
    {
        frame.render_widget(Span::styled("Nothing matches.", theme.style(Role::Muted)), row);
        return cursor;
    }
    for (row, (index, entry)) in places.skip(1).zip(entries.iter().enumerate().skip(first)) {
        frame.render_widget(drawn(entry, usize::from(row.width), theme, index == at), row);
        if index == at {
            frame.buffer_mut().set_style(row, theme.style(Role::Selected));
        }
        hits.add(row, Pointed::DialogLine(index));
    }
    cursor
}

fn drawn(entry: &PaletteEntry, columns: usize, theme: &Theme, chosen: bool) -> Line<'static> {
    let sign =
        if chosen { Span::styled(theme.glyphs.cursor(), theme.style(Role::Active)) } else { Span::raw(" ") };
    let keys = text::width(&entry.keys);
    let room = columns.saturating_sub(NAME + 4 + keys);
    Line::from(vec![
        sign,
        Span::raw(" "),
        Span::styled(text::pad(&text::fit(&entry.name, NAME - 1), NAME), theme.style(Role::Text)),
        Span::styled(text::pad(&entry.help, room), theme.style(Role::Muted)),
        Span::raw("  "),
        Span::styled(entry.keys.clone(), theme.style(Role::Key)),
    ])
}
