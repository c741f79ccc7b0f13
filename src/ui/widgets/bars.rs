//! Bars in eighths of a cell, upright and lying, and the track of a progress bar.

use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use super::{put, symbols};
use crate::ui::{Glyphs, Role, Theme};

/// Eighths of a cell that a bar takes. A share above 0 shows at least one.
fn eighths(share: f64, length: u16) -> usize {
    if share.is_nan() || share <= 0.0 {
        return 0;
    }
    let all = f64::from(length) * 8.0;
    (all * share).round().clamp(1.0, all.max(1.0)) as usize
}

/// An upright bar as wide as the area, standing on its bottom.
pub fn pillar(buffer: &mut Buffer, area: Rect, share: f64, style: Style, glyphs: Glyphs) {
    let tall = eighths(share, area.height);
    for (up, y) in (area.top()..area.bottom()).rev().enumerate().take_while(|(up, _)| up * 8 < tall) {
        for x in area.left()..area.right() {
            put(buffer, area, x, y, glyphs.column((tall - up * 8).min(8)), style);
        }
    }
}

/// A lying bar as high as the area, from its left edge.
pub fn meter(buffer: &mut Buffer, area: Rect, share: f64, style: Style, glyphs: Glyphs) {
    let long = eighths(share, area.width);
    for (across, x) in (area.left()..area.right()).enumerate().take_while(|(across, _)| across * 8 < long) {
        for y in area.top()..area.bottom() {
            put(buffer, area, x, y, glyphs.bar((long - across * 8).min(8)), style);
        }
    }
}

/// A progress bar: a thick line over a thin one.
pub fn track(buffer: &mut Buffer, area: Rect, share: f64, theme: &Theme) {
    let signs = symbols(theme.glyphs);
    let halves = if share.is_nan() { 0.0 } else { f64::from(area.width) * 2.0 * share.clamp(0.0, 1.0) };
    let halves = halves.round() as u16;
    let done = theme.style(Role::Progress);
    for x in 0..area.width {
        let (symbol, style) = if x < halves / 2 {
            (signs.progress[0], done)
        } else if x == halves / 2 && halves % 2 == 1 {
            (signs.progress[1], done)
        } else {
            (signs.horizontal, theme.style(Role::Faint))
        };
        put(buffer, area, area.x + x, area.y, symbol, style);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(share: f64, glyphs: Glyphs) -> Buffer {
        let area = Rect::new(0, 0, 3, 1);
        let mut buffer = Buffer::empty(area);
        meter(&mut buffer, area, share, Style::new(), glyphs);
        buffer
    }

    #[test]
    fn a_bar_is_exact_to_an_eighth_and_shows_whatever_is_there() {
        assert_eq!(drawn(0.5, Glyphs::Unicode), Buffer::with_lines(["█▌ "]));
        assert_eq!(drawn(1e-9, Glyphs::Unicode), Buffer::with_lines(["▏  "]));
        assert_eq!(drawn(0.0, Glyphs::Unicode), Buffer::with_lines(["   "]));
        assert_eq!(drawn(7.0, Glyphs::Unicode), Buffer::with_lines(["███"]));
        assert_eq!(drawn(f64::NAN, Glyphs::Unicode), Buffer::with_lines(["   "]));
        assert_eq!(drawn(0.5, Glyphs::Ascii), Buffer::with_lines(["#= "]));
    }

    #[test]
    fn an_upright_bar_stands_on_the_bottom() {
        let area = Rect::new(0, 0, 2, 2);
        let mut buffer = Buffer::empty(area);
        pillar(&mut buffer, area, 0.75, Style::new(), Glyphs::Unicode);
        assert_eq!(buffer, Buffer::with_lines(["▄▄", "██"]));
    }
}
