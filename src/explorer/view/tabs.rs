//! The second row: the screens with their number keys, and the numbers of failed and stale layers at the right.

use ratatui::{
    Frame,
    layout::Rect,
    style::Modifier,
    text::{Line, Span},
};

use super::{Hits, Role, Theme, text};
use crate::explorer::{Pointed, Screen, State, Status};

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, state: &State, theme: &Theme, hits: &mut Hits) {
    let counts = counts(state, theme);
    let wide =
        |screen: Screen| text::width(&screen.slice().tab(state)) + screen.number().to_string().len() + 3;
    let all: usize = Screen::ALL.into_iter().map(wide).sum();
    // Without room for the counts, only the current tab keeps its margins.
    let tight = all + counts.width() + usize::from(counts.width() > 0) > usize::from(area.width);
    // Without room for the names, the other tabs are numbers.
    let others = Screen::ALL.len() - 1;
    let brief = all - others > usize::from(area.width);
    let mut x = area.x;
    for screen in Screen::ALL {
        let title = screen.slice().tab(state);
        let number = screen.number().to_string();
        let current = screen == state.screen;
        let margin = if tight && !current { "" } else { " " };
        let title = if brief && !current { String::new() } else { title };
        let width = (wide(screen) - (1 - margin.len())) as u16;
        let width = if title.is_empty() { number.len() as u16 + 1 } else { width };
        let tab = Rect { x, width, ..area }.intersection(area);
        let spans = if current {
            let style = theme.style(Role::Active).add_modifier(Modifier::REVERSED);
            vec![Span::styled(format!(" {number} {title} "), style)]
        } else {
            let name = if title.is_empty() { title } else { format!("{title} ") };
            vec![
                Span::styled(format!("{margin}{number} "), theme.style(Role::Key)),
                Span::styled(name, theme.style(Role::Muted)),
            ]
        };
        frame.render_widget(Line::from(spans), tab);
        hits.add(tab, Pointed::Screen(screen));
        x = x.saturating_add(width).min(area.right());
    }
    let rest = Rect { x, width: (area.right() - x).saturating_sub(1), ..area };
    if counts.width() <= usize::from(rest.width) {
        frame.render_widget(counts.right_aligned(), rest);
    }
}

/// Numbers of failed and stale layers.
fn counts(state: &State, theme: &Theme) -> Line<'static> {
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
    Line::from(spans)
}
