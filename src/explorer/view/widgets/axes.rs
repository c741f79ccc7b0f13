//! The axes of a chart: numbers at the left and below.

use ratatui::{buffer::Buffer, layout::Rect};

use super::{Scale, fit, put, scale::Tick, symbols, width, write};
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
    let labels = label_columns(area, scale);
    axes_with(buffer, area, scale, labels, theme)
}

/// The ticks of a left axis in this area.
fn ticks(area: Rect, scale: &Scale) -> Vec<Tick> {
    let most = match area.height {
        0..=4 => 1,
        rows => usize::from(rows / 3).clamp(3, 8),
    };
    scale.ticks(most)
}

/// Columns of the labels of a left axis. Charts above each other use the larger number, so that their layers are in the same
/// columns.
pub fn label_columns(area: Rect, scale: &Scale) -> u16 {
    ticks(area, scale).iter().map(|tick| width(&tick.label)).max().unwrap_or(0).min(area.width / 3)
}

/// [`axes`] with this many columns for the labels.
pub fn axes_with(buffer: &mut Buffer, area: Rect, scale: &Scale, labels: u16, theme: &Theme) -> Rect {
    let area = area.intersection(*buffer.area());
    if area.width < 12 || area.height < 3 {
        return area;
    }
    let labels = labels.min(area.width / 2);
    let inner =
        Rect { x: area.x + labels + 1, width: area.width - labels - 1, height: area.height - 1, ..area };
    let signs = symbols(theme.glyphs);
    let line = theme.style(Role::Faint);
    for y in inner.top()..inner.bottom() {
        put(buffer, area, inner.x - 1, y, signs.vertical, line);
    }
    let mut taken = Vec::new();
    for tick in ticks(area, scale) {
        let y = row(inner, tick.place);
        // Two labels in one row would become one wrong number.
        if taken.contains(&y) {
            continue;
        }
        taken.push(y);
        let label = fit(&tick.label, labels);
        write(buffer, area, inner.x - 1 - width(&label), y, &label, theme.style(Role::Muted));
    }
    inner
}

/// Writes the numbers of a scale in the row below an area.
pub fn scale_below(buffer: &mut Buffer, area: Rect, scale: &Scale, theme: &Theme) {
    let below = Rect { y: area.bottom(), height: 1, ..area }.intersection(*buffer.area());
    let mut free = below.x;
    for tick in scale.ticks(usize::from(below.width / 9).max(if below.width >= 18 { 3 } else { 1 })) {
        let wide = width(&tick.label);
        let x = column(below, tick.place).saturating_sub(wide / 2);
        let x = x.clamp(below.x, below.right().saturating_sub(wide).max(below.x));
        if x >= free {
            free = write(buffer, below, x, below.y, &tick.label, theme.style(Role::Muted)) + 1;
        }
    }
}

/// Keeps a place that is exactly at the start of a cell in that cell.
const ROUNDING: f64 = 1e-9;

/// The row for a height from 0 to 1.
pub fn row(area: Rect, place: f64) -> u16 {
    let up = (place * f64::from(area.height) + ROUNDING)
        .floor()
        .clamp(0.0, f64::from(area.height.saturating_sub(1)));
    area.bottom().saturating_sub(1).saturating_sub(up as u16)
}

/// The column for a position from 0 to 1.
pub fn column(area: Rect, place: f64) -> u16 {
    let across = (place * f64::from(area.width) + ROUNDING)
        .floor()
        .clamp(0.0, f64::from(area.width.saturating_sub(1)));
    area.x + across as u16
}

impl LayerAxis {
    /// The column of a layer's middle.
    pub fn column(&self, area: Rect, layer: usize) -> u16 {
        column(area, layer_place(layer, self.layers))
    }

    /// Writes layer numbers in the row below the area, always including the selected one, the first and the last if there
    /// is room.
    pub fn draw(&self, buffer: &mut Buffer, area: Rect, theme: &Theme) {
        let below = Rect { y: area.bottom(), height: 1, ..area }.intersection(*buffer.area());
        if self.layers == 0 || below.is_empty() {
            return;
        }
        let room = usize::from(below.width / (width(&self.layers.to_string()) + 3)).max(1);
        let step = [1, 2, 4, 5, 10, 20, 25, 50, 100, 200, 500]
            .into_iter()
            .find(|s| self.layers.div_ceil(*s) <= room);
        let chosen = self.selected.filter(|&layer| layer < self.layers);
        let inner = (0..self.layers).step_by(step.unwrap_or(1000));
        let mut taken: Vec<(u16, u16)> = Vec::new();
        for layer in chosen.into_iter().chain([0, self.layers - 1]).chain(inner) {
            let (x, end) = self.label(below, layer);
            if taken.iter().any(|&(from, to)| x <= to && end >= from) {
                continue;
            }
            taken.push((x, end));
            let role = if Some(layer) == chosen { Role::Active } else { Role::Muted };
            write(buffer, below, x, below.y, &layer.to_string(), theme.style(role));
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
