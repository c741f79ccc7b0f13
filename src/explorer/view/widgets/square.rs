//! A square map whose cells may be missing, two rows per line of text.

use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use super::{
    heat_map::{Paint, paint, shade_style},
    put,
};
use crate::explorer::view::{Role, Theme};

/// A map of cells × cells.
pub struct Square<'a> {
    pub cells: usize,
    /// The value of row i and column j from 0 to 1; None for a missing cell.
    pub value: &'a dyn Fn(usize, usize) -> Option<f64>,
    /// The symbol of a missing cell.
    pub gap: &'static str,
}

impl Square<'_> {
    /// The number of pixels at each side of the map in this area: a multiple of the cells if they fit.
    fn size(&self, area: Rect) -> usize {
        let room = usize::from(area.width).min(usize::from(area.height) * 2);
        if self.cells == 0 {
            0
        } else if room >= self.cells {
            room / self.cells * self.cells
        } else {
            room
        }
    }

    /// The area that the map will take.
    pub fn place(&self, area: Rect) -> Rect {
        let size = self.size(area);
        Rect { width: size as u16, height: size.div_ceil(2) as u16, ..area }
    }

    /// The cell of a pixel.
    pub fn cell_at(&self, pixel: usize, drawn: Rect) -> usize {
        pixel * self.cells / usize::from(drawn.width).max(1)
    }

    pub fn draw(&self, buffer: &mut Buffer, area: Rect, theme: &Theme) -> Rect {
        let drawn = self.place(area);
        let size = usize::from(drawn.width);
        let cell = |pixel: usize| self.cell_at(pixel, drawn);
        for (line, y) in (drawn.top()..drawn.bottom()).enumerate() {
            for (across, x) in (drawn.left()..drawn.right()).enumerate() {
                let upper = (self.value)(cell(line * 2), cell(across));
                let inside = line * 2 + 1 < size;
                let lower = if inside { (self.value)(cell(line * 2 + 1), cell(across)) } else { upper };
                let (symbol, style) = match (paint(theme), upper, lower) {
                    (_, None, None) => (self.gap, theme.style(Role::Faint)),
                    (Paint::Halves, Some(upper), Some(lower)) => {
                        let style = Style::new().fg(theme.heat(upper));
                        ("▀", if inside { style.bg(theme.heat(lower)) } else { style })
                    }
                    (Paint::Halves, Some(upper), None) => ("▀", Style::new().fg(theme.heat(upper))),
                    (Paint::Halves, None, Some(lower)) => ("▄", Style::new().fg(theme.heat(lower))),
                    (Paint::Shades, upper, lower) => {
                        let known = upper.or(lower).unwrap_or(0.0);
                        let mean = (upper.unwrap_or(known) + lower.unwrap_or(known)) / 2.0;
                        (theme.glyphs.shade(mean), shade_style(theme, mean))
                    }
                };
                put(buffer, area, x, y, symbol, style);
            }
        }
        drawn
    }
}
