//! The table of sessions: one row per session with its name, last change, status and results.

use ratatui::{Frame, layout::Rect};

use super::status::{self, Words};
use crate::{
    explorer::{
        Pointed, State, session_letter,
        view::{
            Hits, Role, Theme,
            list::{first_in_sight, rows},
            text,
            widgets::{Column, Place, Side, lay_out},
        },
    },
    protocol::SessionSummary,
    words::{ago, bytes, measure, ratio, session_title},
};

#[derive(Clone, Copy)]
enum Key {
    Name,
    Model,
    Changed,
    SessionStatus,
    Ratio,
    Perplexity,
    Size,
}

/// Columns of the cursor and the sign before a name, and of the letter of a compared session.
const MARKS: u16 = 4;
const LETTER: u16 = 2;
/// Width of the name column: minimum and maximum.
const NAME: (u16, u16) = (24, 48);
/// Width of the other columns that every window shows, including the blanks between them.
const OTHERS: u16 = 13 + 17 + 6 + 3;

/// The sessions, the index of the one under the cursor, and the current time in Unix seconds.
type Listed<'a> = (&'a [&'a SessionSummary], usize, u64);

pub fn draw(
    frame: &mut Frame<'_>,
    area: Rect,
    (sessions, at, now): Listed<'_>,
    state: &State,
    theme: &Theme,
    hits: &mut Hits,
) {
    let visible = usize::from(area.height.saturating_sub(1));
    let first = first_in_sight(at, sessions.len(), visible);
    let shown = sessions.iter().enumerate().skip(first).take(visible);
    let places = lay_out(columns(sessions, area.width), area.width);
    let marks = if state.compares_sessions() { MARKS + LETTER } else { MARKS };
    let over_names = " ".repeat(usize::from(marks)) + "session";
    let mut lines = rows(area);
    if let Some(head) = lines.next() {
        for place in &places {
            let words = match place.key {
                Key::Name => over_names.as_str(),
                Key::Model | Key::Changed | Key::SessionStatus | Key::Ratio | Key::Perplexity | Key::Size => {
                    place.head
                }
            };
            place.write(frame.buffer_mut(), head, words, theme.style(Role::Title));
        }
    }
    for (row, (index, session)) in lines.zip(shown) {
        let words = status::words(state, session, theme);
        for place in &places {
            let (text, role) = cell(place, session, &words, (index == at, marks), now, theme);
            place.write(frame.buffer_mut(), row, &text, theme.style(role));
        }
        if let Some(compared) = state.compared_place(&session.path) {
            let style = theme.style(Role::SERIES[compared % Role::SERIES.len()]);
            frame.buffer_mut().set_string(row.x + LETTER, row.y, session_letter(compared).to_string(), style);
        }
        if index == at {
            frame.buffer_mut().set_style(row, theme.style(Role::Selected));
        }
        hits.add(row, Pointed::DialogLine(index));
    }
}

fn columns(sessions: &[&SessionSummary], room: u16) -> Vec<Column<Key>> {
    let column = |key, head, width, side, rank| Column { key, head, width, side, rank };
    let longest = sessions.iter().map(|session| text::width(session_title(session))).max().unwrap_or(0);
    let wanted = (longest.min(NAME.1.into()) as u16 + MARKS).clamp(NAME.0, NAME.1);
    let name = wanted.min(room.saturating_sub(OTHERS)).max(NAME.0);
    vec![
        column(Key::Name, "", name, Side::Left, 0),
        column(Key::Model, "model", 18, Side::Left, 6),
        column(Key::Changed, "changed", 13, Side::Left, 1),
        column(Key::SessionStatus, "state", 17, Side::Left, 0),
        column(Key::Ratio, "ratio", 6, Side::Right, 2),
        column(Key::Perplexity, "perplexity", 15, Side::Right, 4),
        column(Key::Size, "size", 10, Side::Right, 3),
    ]
}

fn cell(
    place: &Place<Key>,
    session: &SessionSummary,
    words: &Words,
    (cursor, marks): (bool, u16),
    now: u64,
    theme: &Theme,
) -> (String, Role) {
    let content = session.content.as_ref();
    let told = |text: Option<String>| text.unwrap_or_else(|| "–".into());
    match place.key {
        Key::Name => {
            let here = if cursor { theme.glyphs.cursor() } else { " " };
            // Long names lose their start, because the time at their end distinguishes sessions of one model.
            let name = text::fit_end(session_title(session), usize::from(place.width.saturating_sub(marks)));
            let gap = " ".repeat(usize::from(marks - MARKS));
            (format!("{here} {gap}{} {name}", words.sign), words.role)
        }
        Key::Model => (told(content.map(|content| text::fit(&content.model.name, 18))), Role::Muted),
        Key::Changed => (told(content.map(|content| ago(now, content.changed))), Role::Text),
        Key::SessionStatus => (words.text.clone(), words.role),
        Key::Ratio => {
            (told(content.and_then(|content| content.ratio).map(|mean| ratio(mean.mean()))), Role::Text)
        }
        Key::Perplexity => {
            let record = content.and_then(|content| content.perplexity.as_ref());
            let text = record.map(|record| {
                let after = record.after.map(|after| format!(" {} {}", theme.glyphs.arrow(), measure(after)));
                format!("{}{}", measure(record.before), after.unwrap_or_default())
            });
            (told(text), Role::Text)
        }
        Key::Size => (bytes(session.bytes), Role::Muted),
    }
}
