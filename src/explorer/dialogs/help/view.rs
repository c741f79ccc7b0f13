//! Draws the help: all keys, those of the current screen first.

use ratatui::{
    Frame,
    layout::{Position, Rect},
    text::{Line, Span},
};

use super::{HelpColumns, HelpLine, help};
use crate::explorer::{
    Input, Pointed, State,
    view::{Hits, Role, Theme, input_line, list::rows, text, window},
};

/// Columns between the keys and their description.
const GAP: usize = 2;

pub fn draw(
    frame: &mut Frame<'_>,
    body: Rect,
    (filter, scroll): (&Input, usize),
    state: &State,
    theme: &Theme,
    hits: &mut Hits,
) -> Position {
    let lines = help(state, filter.text());
    let columns = HelpColumns::of(body.width);
    let area = window::centred(body, columns.window, body.height);
    let visible = usize::from(area.height.saturating_sub(window::BORDERS.1 + 2));
    let first = scroll.min(lines.len().saturating_sub(visible));
    let foot = match lines.len() {
        count if count <= visible => String::new(),
        count => format!("{}–{} of {count}", first + 1, first + visible),
    };
    let inner = window::open(frame, area, ("Keys", &foot), theme, hits);
    let mut places = rows(inner);
    let top = places.next().unwrap_or(inner);
    let cursor = input_line::prompt(frame, top, ("/", "type to filter"), filter, theme);
    if lines.is_empty()
        && let Some(row) = places.nth(1)
    {
        frame.render_widget(Span::styled("No key matches.", theme.style(Role::Muted)), row);
        return cursor;
    }
    for (row, (index, line)) in places.skip(1).zip(lines.iter().enumerate().skip(first)) {
        frame.render_widget(drawn(line, columns, theme), row);
        hits.add(row, Pointed::DialogLine(index));
    }
    cursor
}

fn drawn(line: &HelpLine, columns: HelpColumns, theme: &Theme) -> Line<'static> {
    match line {
        HelpLine::Blank => Line::default(),
        HelpLine::Heading(words) => Line::styled(words.clone(), theme.style(Role::Title)),
        HelpLine::Entry { keys, name, help } => Line::from(vec![
            Span::styled(text::pad(keys, columns.keys - GAP), theme.style(Role::Key)),
            Span::raw(" ".repeat(GAP)),
            Span::raw(text::pad(help, columns.help)),
            Span::styled(text::pad_left(name, columns.name), theme.style(Role::Muted)),
        ]),
        HelpLine::Rest(help) => Line::from(vec![Span::raw(" ".repeat(columns.keys)), Span::raw(*help)]),
    }
}
