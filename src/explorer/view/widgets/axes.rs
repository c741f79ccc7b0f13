//! The axes of a chart: numbers at the left and below.

use ratatui::{buffer::Buffer, layout::Rect};

use super::{Scale, fit, put, symbols, width, write};
use crate::explorer::view::{Role, Theme};

/// An axis of layers from left to right, each with an equal share of the width.
#[derive(Clone, Copy, Debug)]
pub struct LayerAxis {
    pub layers: usize,
    /// The marked layer.
    pub selected: Option<usize>,
}

/// The middle of a layer on the axis, from 0 to 1.
pub fn layer_place(layer: usize, layers: usize) -> f64 {
    (layer as f64 + 0.5) / layers.max(1) as f64
}

/// Draws the numbers of the left axis. Returns the area for the curve; one row below it is free for the
/// numbers of the other axis.
pub fn axes(buffer: &mut Buffer, area: Rect, scale: &Scale, theme: &Theme) -> Rect {
    let area = area.intersection(*buffer.area());
    if area.width < 12 || area.height < 3 {
        return area;
    }
    let ticks = scale.ticks(usize::from(area.height / 3).clamp(1, 8));
    let labels = ticks.iter().map(|tick| width(&tick.label)).max().unwrap_or(0).min(area.width / 3);
    let inner =
        Rect { x: area.x + labels + 1, width: area.width - labels - 1, height: area.height - 1, ..area };
    let signs = symbols(theme.glyphs);
    let line = theme.style(Role::Faint);
    for y in inner.top()..inner.bottom() {
        put(buffer, area, inner.x - 1, y, signs.vertical, line);
    }
    for tick in &ticks {
        let y = row(inner, tick.place);
        let label = fit(&tick.label, labels);
        write(buffer, area, inner.x - 1 - width(&label), y, &label, theme.style(Role::Muted));
    }
    inner
}

/// Writes the numbers of a scale in the row below an area.
pub fn scale_below(buffer: &mut Buffer, area: Rect, scale: &Scale, theme: &Theme) {
    let below = Rect { y: area.bottom(), height: 1, ..area }.intersection(*buffer.area());
    let mut free = below.x;
    for tick in scale.ticks(usize::from(below.width / 9).max(1)) {
        let wide = width(&tick.label);
        let x = column(below, tick.place).saturating_sub(wide / 2);
        let x = x.clamp(below.x, below.right().saturating_sub(wide).max(below.x));
        if x >= free {
            free = write(buffer, below, x, below.y, &tick.label, theme.style(Role::Muted)) + 1;
        }
    }
}

/// The row for a height from 0 to 1.
pub fn row(area: Rect, place: f64) -> u16 {
    let up = (place * f64::from(area.height)).floor().clamp(0.0, f64::from(area.height.saturating_sub(1)));
    area.bottom().saturating_sub(1).saturating_sub(up as u16)
}

/// The column for a position from 0 to 1.
pub fn column(area: Rect, place: f64) -> u16 {
    let across = (place * f64::from(area.width)).floor().clamp(0.0, f64::from(area.width.saturating_sub(1)));
    area.x + across as u16
}

impl LayerAxis {
    /// The column of a layer's middle.
    pub fn column(&self, area: Rect, layer: usize) -> u16 {
        column(area, layer_place(layer, self.layers))
    }

    /// Writes layer numbers in the row below the area, always including the selected one.
    pub fn draw(&self, buffer: &mut Buffer, area: Rect, theme: &Theme) {
        let below = Rect { y: area.bottom(), height: 1, ..area }.intersection(*buffer.area());
        if self.layers == 0 || below.is_empty() {
            return;
        }
        let chosen = self.selected.filter(|&layer| layer < self.layers);
        let own = chosen.map(|layer| self.label(below, layer));
        if let (Some(layer), Some((x, end))) = (chosen, own) {
            let text = layer.to_string();
            write(buffer, below, x, below.y, &text, theme.style(Role::Active));
            debug_assert_eq!(end - x, width(&text));
        }
        let room = usize::from(below.width / (width(&self.layers.to_string()) + 3)).max(1);
        let step = [1, 2, 4, 5, 10, 20, 25, 50, 100, 200, 500]
            .into_iter()
            .find(|s| self.layers.div_ceil(*s) <= room);
        let mut free = below.x;
        for layer in (0..self.layers).step_by(step.unwrap_or(1000)) {
            let (x, end) = self.label(below, layer);
            let clear = own.is_none_or(|(from, to)| end < from || x > to);
            if clear && x >= free {
                free = write(buffer, below, x, below.y, &layer.to_string(), theme.style(Role::Muted)) + 1;
            }
        }
    }

    /// First column of a layer's number, and the column after the number.
    fn label(&self, below: Rect, layer: usize) -> (u16, u16) {
        let wide = width(&layer.to_string());
        let middle = self.column(below, layer);
        let x = (middle.saturating_sub((wide - 1) / 2))
            .clamp(below.x, below.right().saturating_sub(wide).max(below.x));
        (x, x + wide)
    }
}
