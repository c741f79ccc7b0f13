//! The second row: the screens with their number keys, and the numbers of failed and stale layers.

use ratatui::{
    Frame,
    layout::Rect,
    style::Modifier,
    text::{Line, Span},
};

use super::{Hits, Role, Theme, text};
use crate::explorer::{Pointed, Screen, State, Status};

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, state: &State, theme: &Theme, hits: &mut Hits) {
    let mut x = area.x;
    for screen in Screen::ALL {
        let title = screen.slice().tab(state);
        let number = screen.number().to_string();
        let width = (text::width(&title) + number.len() + 3) as u16;
        let tab = Rect { x, width, ..area }.intersection(area);
        let spans = if screen == state.screen {
            let style = theme.style(Role::Active).add_modifier(Modifier::REVERSED);
            vec![Span::styled(format!(" {number} {title} "), style)]
        } else {
            vec![
                Span::styled(format!(" {number} "), theme.style(Role::Key)),
                Span::styled(format!("{title} "), theme.style(Role::Muted)),
            ]
        };
        frame.render_widget(Line::from(spans), tab);
        hits.add(tab, Pointed::Screen(screen));
        x = x.saturating_add(width).min(area.right());
    }
    let rest = (area.right() - x).saturating_sub(1);
    attention(frame, Rect { x, width: rest, ..area }, state, theme);
}

/// Numbers of failed and stale layers, at the right.
fn attention(frame: &mut Frame<'_>, area: Rect, state: &State, theme: &Theme) {
    let count =
        |status: Status| (0..state.layers.len()).filter(|&index| state.status(index) == status).count();
    let mut spans = Vec::new();
    for (status, role) in [(Status::Failed, Role::Failed), (Status::Stale, Role::Stale)] {
        let layers = count(status);
        if layers > 0 {
            let words = format!("{} {layers} {}", theme.glyphs.status(status), status.name());
            spans.extend([Span::styled(words, theme.style(role)), Span::raw("  ")]);
        }
    }
    spans.pop();
    let line = Line::from(spans).right_aligned();
    if line.width() <= usize::from(area.width) {
        frame.render_widget(line, area);
    }
}
