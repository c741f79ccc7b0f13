//! A vertical strip of values as colours, two rows per line of text.

use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use super::{
    heat_map::{Paint, paint, shade_style},
    put,
};
use crate::explorer::view::Theme;

/// Fills the area with the values, from 0 to 1, the first one at the top. They share the rows evenly.
pub fn strip(buffer: &mut Buffer, area: Rect, values: &[f64], theme: &Theme) {
    if values.is_empty() {
        return;
    }
    let pixels = usize::from(area.height) * 2;
    let value = |pixel: usize| values[(pixel * values.len() / pixels.max(1)).min(values.len() - 1)];
    for (line, y) in (area.top()..area.bottom()).enumerate() {
        let (upper, lower) = (value(2 * line), value(2 * line + 1));
        let (symbol, style) = match paint(theme) {
            Paint::Halves => ("▀", Style::new().fg(theme.heat(upper)).bg(theme.heat(lower))),
            Paint::Shades => {
                let mean = (upper + lower) / 2.0;
                (theme.glyphs.shade(mean), shade_style(theme, mean))
            }
        };
        for x in area.left()..area.right() {
            put(buffer, area, x, y, symbol, style);
        }
    }
}
