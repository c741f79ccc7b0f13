//! What is shown where the terminal is too small for the explorer.

use ratatui::{Frame, layout::Rect, text::Line};

use super::{LEAST, Role, Theme, text};

/// The size that is needed and the size there is, in the middle, in as many lines as it takes.
pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, theme: &Theme) {
    if area.is_empty() {
        return;
    }
    let (columns, rows) = LEAST;
    let message = format!("slimgpt needs {columns}×{rows}, has {}×{}", area.width, area.height);
    let mut lines = text::wrap(&message, usize::from(area.width));
    lines.truncate(usize::from(area.height));
    let top = area.y + (area.height - lines.len() as u16) / 2;
    for (row, line) in (top..).zip(lines) {
        let line = Line::styled(line, theme.style(Role::Warning)).centered();
        frame.render_widget(line, Rect { y: row, height: 1, ..area });
    }
}
