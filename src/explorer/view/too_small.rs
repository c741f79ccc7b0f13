//! The message for terminals that are too small.

use ratatui::{Frame, layout::Rect, text::Line};

use super::{Role, SHORT, Theme, text};

/// Writes the required and the actual size in the middle of the window.
pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, theme: &Theme) {
    if area.is_empty() {
        return;
    }
    let (columns, rows) = SHORT;
    let message = format!("slimgpt needs {columns}×{rows}, has {}×{}", area.width, area.height);
    let mut lines = text::wrap(&message, usize::from(area.width));
    lines.truncate(usize::from(area.height));
    let top = area.y + (area.height - lines.len() as u16) / 2;
    for (row, line) in (top..).zip(lines) {
        let line = Line::styled(line, theme.style(Role::Warning)).centered();
        frame.render_widget(line, Rect { y: row, height: 1, ..area });
    }
}
