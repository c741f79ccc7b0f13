//! Draws the reason of a refusal.

use ratatui::{Frame, layout::Rect, text::Line};

use crate::explorer::{
    Refusal,
    view::{Hits, Role, Theme, list::rows, text, window},
};

const COLUMNS: u16 = 60;

pub fn draw(frame: &mut Frame<'_>, body: Rect, refusal: &Refusal, theme: &Theme, hits: &mut Hits) {
    let columns = COLUMNS.min(body.width);
    let inside = usize::from(columns.saturating_sub(window::BORDERS.0));
    let why = format!("{} {}", theme.glyphs.removed(), refusal.why);
    let lines = text::wrap(&why, inside);
    let area = window::centred(body, columns, lines.len() as u16 + window::BORDERS.1);
    let inner = window::open(frame, area, ("Not now", ""), theme, hits);
    for (row, line) in rows(inner).zip(lines) {
        frame.render_widget(Line::styled(line, theme.style(Role::Error)), row);
    }
}
