//! Bars: vertical ones in eighths of a cell, horizontal ones as lines, and progress bars.

use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use super::{put, symbols};
use crate::explorer::view::{Glyphs, Role, Theme};

/// Eighths of a cell in a bar; at least one for a fraction above 0.
fn eighths(share: f64, length: u16) -> usize {
    if share.is_nan() || share <= 0.0 {
        return 0;
    }
    let all = f64::from(length) * 8.0;
    (all * share).round().clamp(1.0, all.max(1.0)) as usize
}

/// Draws a vertical bar as wide as the area, from its bottom.
pub fn pillar(buffer: &mut Buffer, area: Rect, share: f64, style: Style, glyphs: Glyphs) {
    let tall = eighths(share, area.height);
    for (up, y) in (area.top()..area.bottom()).rev().enumerate().take_while(|(up, _)| up * 8 < tall) {
        for x in area.left()..area.right() {
            put(buffer, area, x, y, glyphs.column((tall - up * 8).min(8)), style);
        }
    }
}

/// Draws a vertical bar whose topmost cell has its own colour.
pub fn crest(buffer: &mut Buffer, area: Rect, share: f64, top: Style, body: Style, glyphs: Glyphs) {
    pillar(buffer, area, share, body, glyphs);
    let tall = eighths(share, area.height);
    let rows = tall.div_ceil(8) as u16;
    if rows == 0 || rows > area.height {
        return;
    }
    let cap = Rect { y: area.bottom() - rows, height: 1, ..area };
    buffer.set_style(cap, top);
    // The remainder of the top is in the cell below, behind the body.
    if !tall.is_multiple_of(8)
        && rows > 1
        && glyphs == Glyphs::Unicode
        && let Some(colour) = top.fg
    {
        for x in area.left()..area.right() {
            put(buffer, area, x, cap.y + 1, glyphs.column(tall % 8), body.bg(colour));
        }
    }
}

/// Draws a horizontal bar from the left edge, at least half a cell for a fraction above 0. It is one line
/// thick, which separates the rows.
pub fn measurement(buffer: &mut Buffer, area: Rect, share: f64, style: Style, glyphs: Glyphs) {
    if share.is_nan() || share <= 0.0 || area.width == 0 {
        return;
    }
    let [full, half] = symbols(glyphs).line;
    let halves = ((f64::from(area.width) * 2.0 * share.min(1.0)).round() as u16).max(1);
    for across in 0..halves / 2 {
        put(buffer, area, area.x + across, area.y, full, style);
    }
    if !halves.is_multiple_of(2) {
        put(buffer, area, area.x + halves / 2, area.y, half, style);
    }
}

/// Draws a progress bar: a thick line on a thin one.
pub fn track(buffer: &mut Buffer, area: Rect, share: f64, theme: &Theme) {
    let thin = symbols(theme.glyphs).horizontal;
    for x in area.left()..area.right() {
        put(buffer, area, x, area.y, thin, theme.style(Role::Faint));
    }
    measurement(buffer, area, share, theme.style(Role::Progress), theme.glyphs);
}

#[cfg(test)]
mod tests {
    use ratatui::style::Color;

    use super::*;

    fn drawn(share: f64, glyphs: Glyphs) -> Buffer {
        let area = Rect::new(0, 0, 3, 1);
        let mut buffer = Buffer::empty(area);
        measurement(&mut buffer, area, share, Style::new(), glyphs);
        buffer
    }

    #[test]
    fn a_horizontal_bar_is_exact_to_half_a_cell_and_shows_any_positive_value() {
        assert_eq!(drawn(0.5, Glyphs::Unicode), Buffer::with_lines(["━╸ "]));
        assert_eq!(drawn(1e-9, Glyphs::Unicode), Buffer::with_lines(["╸  "]));
        assert_eq!(drawn(0.0, Glyphs::Unicode), Buffer::with_lines(["   "]));
        assert_eq!(drawn(7.0, Glyphs::Unicode), Buffer::with_lines(["━━━"]));
        assert_eq!(drawn(f64::NAN, Glyphs::Unicode), Buffer::with_lines(["   "]));
        assert_eq!(drawn(0.7, Glyphs::Ascii), Buffer::with_lines(["== "]));
    }

    #[test]
    fn the_top_of_a_crest_is_always_one_cell_thick() {
        let area = Rect::new(0, 0, 1, 3);
        let mut buffer = Buffer::empty(area);
        let (top, body) = (Style::new().fg(Color::Red), Style::new().fg(Color::Blue));
        crest(&mut buffer, area, 0.75, top, body, Glyphs::Unicode);
        let cell = |y| (buffer[(0, y)].symbol(), buffer[(0, y)].fg, buffer[(0, y)].bg);
        assert_eq!(cell(0), ("▂", Color::Red, Color::Reset));
        assert_eq!(cell(1), ("▂", Color::Blue, Color::Red));
        assert_eq!(cell(2), ("█", Color::Blue, Color::Reset));
    }

    #[test]
    fn a_vertical_bar_begins_at_the_bottom_and_is_exact_to_an_eighth() {
        let area = Rect::new(0, 0, 2, 2);
        let mut buffer = Buffer::empty(area);
        pillar(&mut buffer, area, 0.75, Style::new(), Glyphs::Unicode);
        assert_eq!(buffer, Buffer::with_lines(["▄▄", "██"]));
    }
}
