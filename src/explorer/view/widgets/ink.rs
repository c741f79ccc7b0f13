//! Writes single cells and short texts, clipped to an area.

use std::borrow::Cow;

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Modifier, Style},
};

use crate::explorer::view::text;

/// Writes one cell, if it is inside the area.
pub fn put(buffer: &mut Buffer, area: Rect, x: u16, y: u16, symbol: &str, style: Style) {
    if area.contains((x, y).into())
        && let Some(cell) = buffer.cell_mut((x, y))
    {
        // Otherwise attributes of the previous content would accumulate.
        cell.modifier = Modifier::empty();
        cell.set_symbol(symbol).set_style(style);
    }
}

/// Writes text starting at a cell, clipped to the area. A figure that does not fit is left out as a whole, and `…`
/// stands for it if there is room. Returns the column after the text.
pub fn write(buffer: &mut Buffer, area: Rect, x: u16, y: u16, text: &str, style: Style) -> u16 {
    let area = area.intersection(*buffer.area());
    if !area.contains((x, y).into()) {
        return x;
    }
    let room = area.right() - x;
    let text = clipped(text, room);
    let place = Rect { x, y, width: width(&text).min(room), height: 1 };
    buffer.set_style(place, Style::new().remove_modifier(Modifier::all()));
    buffer.set_stringn(x, y, text, usize::from(room), style).0
}

/// The part of a text that fits into `columns` columns.
fn clipped(text: &str, columns: u16) -> Cow<'_, str> {
    #[cfg(test)]
    crate::explorer::view::figures::uncut::record(text);
    let columns = usize::from(columns);
    if text::width(text) <= columns {
        return Cow::Borrowed(text);
    }
    let (start, whole) = (text::start(text, columns), text::whole_start(text, columns));
    if whole.len() == start.len() {
        return Cow::Borrowed(start);
    }
    // There is room for at least the first digit of the figure.
    Cow::Owned(format!("{whole}…"))
}

/// Number of columns of a text.
pub fn width(text: &str) -> u16 {
    u16::try_from(text::width(text)).unwrap_or(u16::MAX)
}

/// The text cut to `columns` columns.
pub fn fit(text: &str, columns: u16) -> Cow<'_, str> {
    #[cfg(test)]
    crate::explorer::view::figures::uncut::record(text);
    if width(text) <= columns { Cow::Borrowed(text) } else { Cow::Owned(text::fit(text, columns.into())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_written_outside_the_area() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 6, 2));
        let area = Rect::new(1, 0, 3, 1);
        write(&mut buffer, area, 2, 0, "long", Style::new());
        write(&mut buffer, area, 0, 1, "below", Style::new());
        write(&mut buffer, Rect::new(4, 1, 90, 90), 4, 1, "wide", Style::new());
        put(&mut buffer, area, 9, 9, "x", Style::new());
        assert_eq!(buffer, Buffer::with_lines(["  lo  ", "    wi"]));
    }
}
