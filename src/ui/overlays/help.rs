//! All keys, those of the screen that is shown first; typing narrows them down.

use ratatui::{
    Frame,
    layout::{Position, Rect},
    text::{Line, Span},
};

use crate::{
    app::{HelpLine, Input, Pointed, State, help},
    ui::{Hits, Role, Theme, text},
};

use super::{input_line, list::rows, window};

const COLUMNS: u16 = 110;
/// Columns for keys, and for an action's name where there is room for it.
const KEYS: usize = 14;
const NAME: usize = 16;

pub(super) fn draw(
    frame: &mut Frame<'_>,
    body: Rect,
    (filter, scroll): (&Input, usize),
    state: &State,
    theme: &Theme,
    hits: &mut Hits,
) -> Position {
    let lines = help(state, filter.text());
    let area = window::centred(body, COLUMNS.min(body.width.saturating_sub(4)), body.height);
    let visible = usize::from(area.height.saturating_sub(window::BORDERS.1 + 2));
    let first = scroll.min(lines.len().saturating_sub(visible));
    let foot = match lines.len() {
        count if count <= visible => String::new(),
        count => format!("{}–{} of {count}", first + 1, first + visible),
    };
    let inner = window::open(frame, area, ("Keys", &foot), theme, hits);
    let mut places = rows(inner);
    let top = places.next().unwrap_or(inner);
    let cursor = input_line::prompt(frame, top, ("/", "type to narrow down"), filter, theme);
    if lines.is_empty()
        && let Some(row) = places.nth(1)
    {
        frame.render_widget(Span::styled("No key does that.", theme.style(Role::Muted)), row);
        return cursor;
    }
    for (row, (index, line)) in places.skip(1).zip(lines.iter().enumerate().skip(first)) {
        frame.render_widget(drawn(line, usize::from(row.width), theme), row);
        hits.add(row, Pointed::OverlayLine(index));
    }
    cursor
}

fn drawn(line: &HelpLine, columns: usize, theme: &Theme) -> Line<'static> {
    match line {
        HelpLine::Blank => Line::default(),
        HelpLine::Heading(words) => Line::styled(words.clone(), theme.style(Role::Title)),
        HelpLine::Entry { keys, name, help } => {
            let named = if columns > KEYS + NAME + 60 { NAME } else { 0 };
            let room = columns.saturating_sub(KEYS + 2 + named);
            Line::from(vec![
                Span::styled(text::pad(keys, KEYS), theme.style(Role::Key)),
                Span::raw("  "),
                Span::raw(text::pad(help, room)),
                Span::styled(text::pad_left(name, named), theme.style(Role::Muted)),
            ])
        }
    }
}
