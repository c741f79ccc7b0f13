//! The window of a dialog: a cleared area with a border and a title.

use ratatui::{
    Frame,
    layout::{Margin, Position, Rect},
    text::Line,
    widgets::{Block, Clear},
};

use crate::explorer::{
    Pointed,
    view::{Hits, Role, Theme, text},
};

/// Columns and rows of the border and margins of a window.
pub const BORDERS: (u16, u16) = (4, 2);

/// The area of a window with this many columns and rows, borders included. It is centred in the body and
/// never larger.
pub fn centred(body: Rect, columns: u16, rows: u16) -> Rect {
    let (width, height) = (columns.min(body.width), rows.min(body.height));
    Rect { x: body.x + (body.width - width) / 2, y: body.y + (body.height - height) / 2, width, height }
}

/// Clears and frames an area. Returns the area inside. `foot` is written into the lower border, at the right.
pub fn open(
    frame: &mut Frame<'_>,
    area: Rect,
    (title, foot): (&str, &str),
    theme: &Theme,
    hits: &mut Hits,
) -> Rect {
    clear(frame, area, theme);
    hits.add(area, Pointed::Nothing);
    let room = usize::from(area.width.saturating_sub(4));
    let label = |words: &str, role: Role| {
        let words = text::fit(words, room);
        if words.is_empty() { Line::default() } else { Line::styled(format!(" {words} "), theme.style(role)) }
    };
    let block = Block::bordered()
        .border_set(theme.borders())
        .border_style(theme.style(Role::BorderFocused))
        .title(label(title, Role::Title))
        .title_bottom(label(foot, Role::Muted).right_aligned());
    frame.render_widget(block, area);
    area.inner(Margin::new(BORDERS.0 / 2, BORDERS.1 / 2))
}

/// Clears an area to the background of the theme.
pub fn clear(frame: &mut Frame<'_>, area: Rect, theme: &Theme) {
    frame.render_widget(Clear, area);
    let buffer = frame.buffer_mut();
    buffer.set_style(area, theme.style(Role::Text));
    // Otherwise a wide character that extends under the left border would hide the border.
    for y in area.top()..area.bottom() {
        if let Some(x) = area.x.checked_sub(1)
            && let Some(cell) = buffer.cell_mut(Position::new(x, y))
            && text::width(cell.symbol()) > 1
        {
            cell.set_symbol(" ");
        }
    }
}
