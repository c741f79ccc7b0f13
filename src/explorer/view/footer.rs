//! The footer: hints of keys, or a notice in as many rows as it needs.

use ratatui::{
    Frame,
    layout::Rect,
    text::{Line, Span},
};

use super::{Hits, Role, Theme, text};
use crate::explorer::{Action, Hint, Notice, NoticeKind, Pointed, State, hints};

/// Columns between two hints.
const GAP: usize = 2;
/// Maximum number of rows of a notice.
const ROWS: usize = 4;
/// Columns of a notice before and after its words.
const MARGINS: (u16, u16) = (3, 1);

/// Rows of the footer in a window of `columns` columns.
pub(super) fn rows(state: &State, columns: u16) -> u16 {
    state.notice.as_ref().map_or(1, |notice| told(notice, columns).len() as u16)
}

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, state: &State, theme: &Theme, hits: &mut Hits) {
    match &state.notice {
        Some(notice) => say(frame, area, notice, theme),
        None => keys(frame, area, &told_once(hints(state)), theme, hits),
    }
}

/// The lines of a notice.
fn told(notice: &Notice, columns: u16) -> Vec<String> {
    let room = usize::from(columns.saturating_sub(MARGINS.0 + MARGINS.1));
    text::wrap_at_most(&notice.text, room, ROWS)
}

fn say(frame: &mut Frame<'_>, area: Rect, notice: &Notice, theme: &Theme) {
    let (mark, words) = match notice.kind {
        NoticeKind::Done => (Role::Success, Role::Text),
        NoticeKind::Refused => (Role::Warning, Role::Text),
        NoticeKind::Failed => (Role::Error, Role::Error),
    };
    let lines = told(notice, area.width).into_iter().enumerate();
    for ((at, line), y) in lines.zip(area.top()..area.bottom()) {
        let sign = if at == 0 { theme.glyphs.notice(notice.kind) } else { " " };
        let line = Line::from(vec![
            Span::styled(format!(" {sign} "), theme.style(mark)),
            Span::styled(line, theme.style(words)),
        ]);
        frame.render_widget(line, Rect { y, height: 1, ..area });
    }
}

/// Drops repeated hints of the same action.
fn told_once(hints: Vec<Hint>) -> Vec<Hint> {
    let mut once: Vec<Hint> = Vec::new();
    for hint in hints {
        if once.iter().all(|told| told.action != hint.action) {
            once.push(hint);
        }
    }
    once
}

/// Draws as many hints as fit, from the left. The hint of the help is always shown, at the right end if not
/// all fit.
fn keys(frame: &mut Frame<'_>, area: Rect, hints: &[Hint], theme: &Theme, hits: &mut Hits) {
    let room = usize::from(area.width).saturating_sub(2);
    let all: usize = hints.iter().map(|hint| width(hint) + GAP).sum();
    let (last, rest): (Vec<&Hint>, Vec<&Hint>) =
        hints.iter().partition(|hint| hint.action == Action::Help && all > room + GAP);
    let kept: usize = last.iter().map(|hint| width(hint)).sum();
    let mut at = 0;
    for hint in rest {
        let needed = width(hint) + if kept > 0 { GAP + kept } else { 0 };
        if at + needed > room {
            break;
        }
        put(frame, area, at, hint, theme, hits);
        at += width(hint) + GAP;
    }
    if let Some(hint) = last.first()
        && kept <= room
    {
        put(frame, area, room - kept, hint, theme, hits);
    }
}

fn width(hint: &Hint) -> usize {
    text::width(&hint.keys) + 1 + text::width(&hint.label)
}

/// Draws a hint `at` columns after the margin.
fn put(frame: &mut Frame<'_>, area: Rect, at: usize, hint: &Hint, theme: &Theme, hits: &mut Hits) {
    let place = Rect { x: area.x.saturating_add(1 + at as u16), width: width(hint) as u16, ..area }
        .intersection(area);
    let line = Line::from(vec![
        Span::styled(format!("{} ", hint.keys), theme.style(Role::Key)),
        Span::styled(hint.label.clone(), theme.style(Role::Muted)),
    ]);
    frame.render_widget(line, place);
    hits.add(place, Pointed::Action(hint.action));
}
