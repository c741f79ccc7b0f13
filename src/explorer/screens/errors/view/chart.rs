//! Lines over the layers on a log axis, with names at their ends.

use ratatui::layout::Rect;

use crate::{
    explorer::{
        Status,
        view::{
            Canvas, Division, Role,
            widgets::{
                LayerAxis, Plot, Scale, Spacing, Stroke, axes_with, label_columns, layer_place, put, row,
                symbols, width, write,
            },
        },
    },
    words::Notation,
};

/// Values of one kind, indexed by layer.
#[derive(Clone)]
pub struct Series {
    pub name: String,
    pub values: Vec<Option<f64>>,
    pub role: Role,
    pub ascii: char,
}

/// A line in the background, on an axis of its own.
pub struct Background {
    pub name: &'static str,
    pub values: Vec<Option<f64>>,
}

/// Columns beside the plot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Margins {
    /// Labels of the axis, at the left.
    pub labels: u16,
    /// Names of the lines, at the right.
    pub names: u16,
}

impl Margins {
    /// Margins for charts above each other.
    pub fn common(self, other: Self) -> Self {
        Self { labels: self.labels.max(other.labels), names: self.names.max(other.names) }
    }
}

/// The part of the height that the background uses.
const BACKGROUND: (f64, f64) = (0.04, 0.96);
/// Minimum columns for names beside the plot.
const NAMED: u16 = 50;

pub struct Chart<'s> {
    /// The last one is on top.
    pub series: &'s [Series],
    pub background: Option<Background>,
    pub notation: Notation,
    pub spacing: Spacing,
}

impl Chart<'_> {
    fn scale(&self) -> Option<Scale> {
        let all: Vec<f64> =
            self.series.iter().flat_map(|series| series.values.iter().copied().flatten()).collect();
        Some(Scale::errors(all, self.spacing)?.noted(self.notation))
    }

    /// The margins that this chart needs in this area.
    pub fn margins(&self, area: Rect) -> Margins {
        let names = self.series.iter().map(|series| width(&series.name));
        let names = names.chain(self.background.iter().map(|line| width(line.name)));
        let names = if area.width > NAMED { names.max().unwrap_or(0) + 2 } else { 0 };
        Margins { labels: self.scale().map_or(0, |scale| label_columns(area, &scale)), names }
    }

    pub fn draw(&self, view: &mut Canvas<'_>, area: Rect, margins: Option<Margins>) {
        let state = view.state;
        let Some(scale) = self.scale() else {
            view.awaits(area, "No error above 0 yet.");
            return;
        };
        let Margins { labels, names } = margins.unwrap_or_else(|| self.margins(area));
        let names = if area.width > NAMED { names } else { 0 };
        let chart = Rect { width: area.width.saturating_sub(names), ..area };
        let inner = axes_with(view.buffer, chart, &scale, labels, view.theme);
        let axis = LayerAxis { layers: state.layers.len(), selected: Some(state.layer) };
        let mut plot = Plot::new(inner, view.theme.glyphs);
        plot.upright(
            layer_place(state.layer, axis.layers),
            Stroke::dotted(view.theme.style(Role::Faint), ':'),
        );
        if let Some(line) = &self.background {
            let stroke = Stroke::dotted(view.theme.style(Role::Faint), '.');
            plot.line(points_of(&line.values, axis.layers, |value| behind(line, value)), stroke);
        }
        for series in self.series {
            let stroke = Stroke::solid(view.theme.style(series.role), series.ascii);
            plot.line(points_of(&series.values, axis.layers, |value| scale.place(value)), stroke);
        }
        plot.draw(view.buffer);
        self.points(view, inner, &scale, axis);
        if names > 0 {
            self.names(view, inner, &scale, axis, names);
        }
        axis.draw(view.buffer, inner, view.theme);
        view.hits.add_curve(inner, axis.layers, 1.0);
        view.read((inner, Division::Points(axis.layers), Division::Whole), |_, layer, _| {
            let known = self.series.iter().rev().filter_map(|series| {
                let value = (*series.values.get(layer)?)?;
                Some(format!("{} {}", series.name, self.notation.relative(value)))
            });
            let known: Vec<String> = known.collect();
            (!known.is_empty()).then(|| format!("layer {layer}: {}", known.join(", ")))
        });
    }

    /// Marks the layers on the lines of the current run, unless the marks would touch. A value of 0 is always marked.
    fn points(&self, view: &mut Canvas<'_>, area: Rect, scale: &Scale, axis: LayerAxis) {
        for series in self.series.iter().filter(|series| series.role != Role::PreviousRun) {
            for (layer, value) in series.values.iter().enumerate().take(axis.layers) {
                let chosen = layer == view.state.layer;
                if usize::from(area.width) < axis.layers * 2 && !chosen && *value != Some(0.0) {
                    continue;
                }
                let Some(place) = value.and_then(|value| scale.place(value)) else { continue };
                let status = view.state.status(layer);
                let (sign, role) = match status {
                    Status::Stale => (view.theme.glyphs.status(status), Role::Stale),
                    Status::Waiting
                    | Status::Calibrating
                    | Status::Pruning
                    | Status::Done
                    | Status::Failed => {
                        (symbols(view.theme.glyphs).point, if chosen { Role::Active } else { series.role })
                    }
                };
                let sign = if chosen { view.theme.glyphs.active() } else { sign };
                put(
                    view.buffer,
                    area,
                    axis.column(area, layer),
                    row(area, place),
                    sign,
                    view.theme.style(role),
                );
            }
        }
    }

    /// Writes names after the last point of each line. Names that would touch are moved apart.
    fn names(&self, view: &mut Canvas<'_>, area: Rect, scale: &Scale, axis: LayerAxis, columns: u16) {
        let place = Rect { width: area.width + columns, ..area };
        let mut taken = vec![false; usize::from(area.height)];
        let lines = self.series.iter().rev().map(|series| {
            let end = end_of(&series.values, axis.layers, |value| scale.place(value));
            (series.name.as_str(), series.role, end)
        });
        let background = self.background.iter().map(|line| {
            let end = end_of(&line.values, axis.layers, |value| behind(line, value));
            (line.name, Role::Muted, end)
        });
        for (name, role, end) in lines.chain(background) {
            let Some((layer, end)) = end else { continue };
            let wanted = usize::from(row(area, end) - area.y);
            let near = (0..taken.len()).filter(|&y| !taken[y]).min_by_key(|y| y.abs_diff(wanted));
            if let Some(y) = near {
                taken[y] = true;
                let x = (axis.column(area, layer) + 2).min(place.right().saturating_sub(width(name)));
                write(view.buffer, place, x, area.y + y as u16, name, view.theme.style(role));
            }
        }
    }
}

/// The place of a value of the background on its own log axis.
fn behind(line: &Background, value: f64) -> Option<f64> {
    let positive = || line.values.iter().copied().flatten().filter(|value| value.is_finite() && *value > 0.0);
    let (low, high) = (positive().fold(f64::INFINITY, f64::min), positive().fold(0.0, f64::max));
    let (from, to) = BACKGROUND;
    let share = if high > low { (value / low).ln() / (high / low).ln() } else { 0.5 };
    (value > 0.0 && share.is_finite()).then_some(from + (to - from) * share)
}

fn points_of(
    values: &[Option<f64>],
    layers: usize,
    place: impl Fn(f64) -> Option<f64>,
) -> impl Iterator<Item = (f64, f64)> {
    values
        .iter()
        .take(layers)
        .enumerate()
        .map(move |(layer, value)| (layer_place(layer, layers), value.and_then(&place).unwrap_or(f64::NAN)))
}

/// The last layer with a value, and the place of the value.
fn end_of(values: &[Option<f64>], layers: usize, place: impl Fn(f64) -> Option<f64>) -> Option<(usize, f64)> {
    let known = values.iter().enumerate().take(layers).rev();
    known.filter_map(|(layer, value)| Some((layer, place((*value)?)?))).next()
}
