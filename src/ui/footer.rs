//! The last row: the keys that count here; or, in as many rows as it needs, what came of the last one.

use ratatui::{
    Frame,
    layout::Rect,
    text::{Line, Span},
    widgets::Clear,
};

use crate::app::{Action, Hint, Notice, NoticeKind, Pointed, State, hints};

use super::{Hits, Role, Theme, text};

/// Columns between two hints.
const GAP: usize = 2;
/// Rows of the longest notice.
const ROWS: usize = 4;
/// Columns of a notice before its words, and behind them.
const MARGINS: (u16, u16) = (3, 1);

/// `body` is what lies above: a long notice covers its last rows.
pub(super) fn draw(
    frame: &mut Frame<'_>,
    body: Rect,
    area: Rect,
    state: &State,
    theme: &Theme,
    hits: &mut Hits,
) {
    match &state.notice {
        Some(notice) => say(frame, (body, area), notice, theme, hits),
        None => keys(frame, area, &told_once(hints(state)), theme, hits),
    }
}

fn say(frame: &mut Frame<'_>, (body, area): (Rect, Rect), notice: &Notice, theme: &Theme, hits: &mut Hits) {
    let (mark, words) = match notice.kind {
        NoticeKind::Done => (Role::Success, Role::Text),
        NoticeKind::Refused => (Role::Warning, Role::Text),
        NoticeKind::Failed => (Role::Error, Role::Error),
    };
    let room = usize::from(area.width.saturating_sub(MARGINS.0 + MARGINS.1));
    let lines = text::wrap_at_most(&notice.text, room, ROWS);
    let above = (lines.len() as u16).saturating_sub(1).min(body.height);
    let area = Rect { y: area.y - above, height: area.height + above, ..area };
    frame.render_widget(Clear, area);
    frame.buffer_mut().set_style(area, theme.style(Role::Text));
    hits.add(area, Pointed::Nothing);
    for ((at, line), y) in lines.into_iter().enumerate().zip(area.top()..area.bottom()) {
        let sign = if at == 0 { theme.glyphs.notice(notice.kind) } else { " " };
        let line = Line::from(vec![
            Span::styled(format!(" {sign} "), theme.style(mark)),
            Span::styled(line, theme.style(words)),
        ]);
        frame.render_widget(line, Rect { y, height: 1, ..area });
    }
}

/// An action that counts for two reasons is shown for the first.
fn told_once(hints: Vec<Hint>) -> Vec<Hint> {
    let mut once: Vec<Hint> = Vec::new();
    for hint in hints {
        if once.iter().all(|told| told.action != hint.action) {
            once.push(hint);
        }
    }
    once
}

/// As many hints as fit, from the left. The way to all keys stays in any case, at the right end where not all fit.
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

/// A hint so many columns behind the margin.
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
