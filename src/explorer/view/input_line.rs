//! An editable line of text, scrolled to its cursor.

use ratatui::{
    Frame,
    layout::{Position, Rect},
    style::Style,
    text::{Line, Span},
};

use crate::explorer::{
    Input,
    view::{Role, Theme, text},
};

/// Draws the line into one row. Returns the position of its cursor.
pub fn draw(frame: &mut Frame<'_>, area: Rect, input: &Input, style: Style) -> Position {
    let (shown, column) = text::around_cursor(input.text(), input.cursor(), usize::from(area.width));
    frame.buffer_mut().set_style(area, style);
    frame.render_widget(Line::styled(shown, style), area);
    Position::new(area.x + (column as u16).min(area.width.saturating_sub(1)), area.y)
}

/// Draws the line after a sign, with a hint while the line is empty.
pub fn prompt(
    frame: &mut Frame<'_>,
    area: Rect,
    (sign, empty): (&str, &str),
    input: &Input,
    theme: &Theme,
) -> Position {
    let sign = Span::styled(format!("{sign} "), theme.style(Role::Key));
    let before = (sign.width() as u16).min(area.width);
    frame.render_widget(sign, area);
    let rest = Rect { x: area.x + before, width: area.width - before, ..area };
    let cursor = draw(frame, rest, input, theme.style(Role::Text));
    if input.text().is_empty() {
        let words = text::fit(empty, usize::from(rest.width));
        frame.render_widget(Span::styled(words, theme.style(Role::Muted)), rest);
    }
    cursor
}
