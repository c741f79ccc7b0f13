//! A square heat map of non-negative numbers, two rows per line of text.

use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use super::{put, width, write};
use crate::explorer::view::{Depth, Glyphs, Role, Theme};

/// How a value is shown.
#[derive(Clone, Copy)]
pub(super) enum Paint {
    /// Half blocks: two colours per cell.
    Halves,
    /// One symbol per cell, the denser the higher the value. The few colours of a terminal cannot be told apart
    /// without them.
    Shades,
}

pub(super) fn paint(theme: &Theme) -> Paint {
    match theme.glyphs {
        Glyphs::Unicode if theme.depth() >= Depth::Ansi256 && theme.has_fine_heat() => Paint::Halves,
        Glyphs::Unicode | Glyphs::Ascii => Paint::Shades,
    }
}

/// Shades have the named colours of the scale; mixed colours would hide the lower ones.
pub(super) fn shade_style(theme: &Theme, value: f64) -> Style {
    if theme.has_fine_heat() { theme.style(Role::Text) } else { Style::new().fg(theme.heat(value)) }
}

/// A map of [cells, cells] values, row-major, from 0 to `most`.
pub struct HeatMap<'a> {
    pub cells: usize,
    pub values: &'a [f32],
    pub most: f64,
}

impl HeatMap<'_> {
    /// Draws the map at the largest multiple of its cells that fits. If not even one pixel per cell fits,
    /// only some cells are shown. Returns the drawn area.
    pub fn draw(&self, buffer: &mut Buffer, area: Rect, theme: &Theme) -> Rect {
        let room = usize::from(area.width).min(usize::from(area.height) * 2);
        if self.cells == 0 || self.values.len() < self.cells * self.cells || room == 0 {
            return Rect { width: 0, height: 0, ..area };
        }
        let size = if room >= self.cells { room / self.cells * self.cells } else { room };
        let drawn = Rect { width: size as u16, height: size.div_ceil(2) as u16, ..area };
        for (line, y) in (drawn.top()..drawn.bottom()).enumerate() {
            for (across, x) in (drawn.left()..drawn.right()).enumerate() {
                let upper = self.place(across, line * 2, size);
                let lower = (line * 2 + 1 < size).then(|| self.place(across, line * 2 + 1, size));
                let (symbol, style) = match paint(theme) {
                    Paint::Halves => {
                        let style = Style::new().fg(theme.heat(upper));
                        ("▀", lower.map_or(style, |lower| style.bg(theme.heat(lower))))
                    }
                    Paint::Shades => {
                        let mean = (upper + lower.unwrap_or(upper)) / 2.0;
                        (theme.glyphs.shade(mean), shade_style(theme, mean))
                    }
                };
                put(buffer, area, x, y, symbol, style);
            }
        }
        drawn
    }

    /// The value of a pixel divided by `most`.
    fn place(&self, x: usize, y: usize, size: usize) -> f64 {
        let value = f64::from(self.values[(y * self.cells / size) * self.cells + x * self.cells / size]);
        let share = value / self.most;
        if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 }
    }
}

/// Draws the legend on one line: `0 ▆▆▆▆▆▆ 0.84`.
pub fn heat_scale(buffer: &mut Buffer, area: Rect, most: &str, theme: &Theme) {
    let muted = theme.style(Role::Muted);
    let x = write(buffer, area, area.x, area.y, "0 ", muted);
    let steps = area.width.saturating_sub(4 + width(most)).min(24);
    for step in 0..steps {
        let value = f64::from(step) / f64::from(steps.saturating_sub(1).max(1));
        let (symbol, style) = match paint(theme) {
            Paint::Halves => ("▄", Style::new().fg(theme.heat(value))),
            Paint::Shades => (theme.glyphs.shade(value), shade_style(theme, value)),
        };
        put(buffer, area, x + step, area.y, symbol, style);
    }
    write(buffer, area, x + steps + 1, area.y, most, muted);
}
