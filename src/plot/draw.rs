//! Layout and drawing of panels.

use plotters_backend::DrawingBackend;

use super::{
    Bar, Chart, Dot, Fill, Ink, Mark, Panel, Series, Shape, Size, Stroke, Ticks,
    axis::{AxisRange, Tick},
    canvas::{Anchor, Canvas, width},
};

const EM: f64 = 12.0;
const SMALL: f64 = 11.0;
/// The distance between baselines.
const LINE: f64 = 15.0;
/// The margin of a panel.
const MARGIN: f64 = 8.0;
/// The gap between adjacent names.
const APART: f64 = 4.0;
/// The minimum gap to the right of the plotting area.
const BESIDE: f64 = 6.0;

type Place = (f64, f64);

pub fn chart<B: DrawingBackend>(canvas: &mut Canvas<B>, chart: &Chart, size: Size) {
    let (width, height) = (f64::from(size.width), f64::from(size.height));
    canvas.rectangle((0.0, 0.0), (width, height), Ink::Paper, 1.0);
    let columns = chart.columns.clamp(1, chart.panels.len().max(1));
    let rows = chart.panels.len().div_ceil(columns).max(1);
    let (wide, high) = (width / columns as f64, height / rows as f64);
    for (at, panel) in chart.panels.iter().enumerate() {
        let corner = ((at % columns) as f64 * wide, (at / columns) as f64 * high);
        let frame = Frame::new(panel, corner, (wide, high));
        frame.draw(canvas);
    }
}

/// The layout of a panel.
struct Frame<'p> {
    panel: &'p Panel,
    x: AxisRange,
    y: AxisRange,
    y_ticks: Vec<Tick>,
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
    /// The number of rows for the names along x.
    rows: usize,
    /// The left edge of the title.
    edge: f64,
    /// The top edge of the panel.
    above: f64,
}

impl<'p> Frame<'p> {
    fn new(panel: &'p Panel, (x0, y0): Place, (wide, high): Place) -> Self {
        let points = || panel.series.iter().flat_map(Series::points);
        let cuts = panel.marks.iter().filter_map(|mark| match mark {
            Mark::Cut { x, .. } => Some(*x),
            Mark::Level { .. } => None,
        });
        let levels = panel.marks.iter().filter_map(|mark| match mark {
            Mark::Level { y, .. } => Some(*y),
            Mark::Cut { .. } => None,
        });
        let half = panel.series.iter().map(half_width).fold(0.0, f64::max);
        let around = |x: f64| [x - half, x + half];
        let mut x = panel.x.range_of(points().flat_map(|(x, _)| around(x)).chain(cuts));
        if panel.x.range.is_none() && panel.x.scale == super::Scale::Linear {
            // Unlike y, x does not have to include 0.
            let all = points().flat_map(|(x, _)| around(x)).filter(|x| x.is_finite());
            let (low, high) = all.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), x| (l.min(x), h.max(x)));
            if low < high {
                (x.low, x.high) = (low, high);
            } else if low == high {
                (x.low, x.high) = (low - 0.5, low + 0.5);
            }
        }
        let y = panel.y.range_of(points().map(|(_, y)| y).chain(levels));
        let mut above = y0 + MARGIN + SMALL;
        let mut top = above;
        if !panel.title.is_empty() {
            top += LINE;
        }
        if panel.series.iter().any(is_in_legend) {
            top += LINE;
        }
        if !panel.y.label.is_empty() {
            top += LINE;
        }
        above -= SMALL;
        let bottom = y0 + high - MARGIN - 2.0 * LINE - 2.0;
        let bottom = if panel.x.label.is_empty() { bottom + LINE } else { bottom };
        let rows = rows_of_names(panel, wide);
        let bottom = bottom - (rows - 1) as f64 * LINE;
        let most = (((bottom - top) / 34.0) as usize).clamp(2, 7);
        let y_ticks = panel.y.ticks(&y, most);
        let widest = y_ticks.iter().map(|tick| width(&tick.text, SMALL)).fold(0.0, f64::max);
        let ends = panel.series.iter().filter(|series| is_at_end(series));
        let names = ends.map(|series| width(&series.name, EM) + 10.0);
        let levels = panel.marks.iter().map(|mark| match mark {
            Mark::Level { label, .. } => width(label, EM) + 10.0,
            Mark::Cut { .. } => 0.0,
        });
        let beside = names.chain(levels).fold(BESIDE, f64::max);
        let edge = x0 + MARGIN;
        let left = edge + if widest > 0.0 { widest + 7.0 } else { 0.0 };
        Self {
            panel,
            x,
            y,
            y_ticks,
            left,
            right: x0 + wide - MARGIN - beside,
            top,
            bottom,
            rows,
            edge,
            above,
        }
    }

    fn place(&self, (x, y): (f64, f64)) -> Option<Place> {
        let (x, y) = (self.x.place(x)?, self.y.place(y)?);
        Some((self.left + x * (self.right - self.left), self.bottom - y * (self.bottom - self.top)))
    }

    fn draw<B: DrawingBackend>(&self, canvas: &mut Canvas<B>) {
        self.texts(canvas);
        self.axes(canvas);
        for mark in &self.panel.marks {
            self.mark(canvas, mark);
        }
        for series in &self.panel.series {
            self.series(canvas, series);
        }
        self.names_at_ends(canvas);
    }

    /// Draws the title, the legend and the label of y above the plotting area, where no text needs to be
    /// rotated.
    fn texts<B: DrawingBackend>(&self, canvas: &mut Canvas<B>) {
        let mut baseline = self.above + SMALL;
        if !self.panel.title.is_empty() {
            canvas.text(&self.panel.title, (self.edge, baseline), Anchor::Left, EM, Ink::Text);
            baseline += LINE;
        }
        let mut at = self.edge;
        let legend: Vec<&Series> = self.panel.series.iter().filter(|series| is_in_legend(series)).collect();
        for series in &legend {
            let middle = (at + 5.0, baseline - 4.0);
            match &series.shape {
                Shape::Dots { dot, .. } | Shape::Line { dot, .. } => {
                    draw_dot(canvas, middle, *dot, series.ink)
                }
                Shape::Whiskers { .. } => {
                    draw_whisker(canvas, middle, (middle.1 - 4.0, middle.1 + 4.0), series.ink)
                }
                Shape::Strip { .. } => {
                    canvas.rectangle((at, middle.1 - 2.5), (at + 9.0, middle.1 + 2.5), series.ink, 1.0);
                }
                Shape::Bars { bars, .. } => {
                    let fill = bars.first().map_or(Fill::Full, |bar| bar.fill);
                    draw_bar(canvas, (at, middle.1 - 5.0), (at + 9.0, middle.1 + 4.0), fill, series.ink);
                }
            }
            canvas.text(&series.name, (at + 14.0, baseline), Anchor::Left, SMALL, Ink::Quiet);
            at += 14.0 + width(&series.name, SMALL) + 14.0;
        }
        if !legend.is_empty() {
            baseline += LINE;
        }
        canvas.text(&self.panel.y.label, (self.edge, baseline), Anchor::Left, SMALL, Ink::Quiet);
    }

    fn axes<B: DrawingBackend>(&self, canvas: &mut Canvas<B>) {
        for tick in &self.y_ticks {
            let Some(share) = self.y.place(tick.at) else { continue };
            let y = self.bottom - share * (self.bottom - self.top);
            canvas.path(&[(self.left, y), (self.right, y)], Ink::Grid, 1.0);
            canvas.text(&tick.text, (self.left - 6.0, y + 4.0), Anchor::Right, SMALL, Ink::Quiet);
        }
        canvas.path(&[(self.left, self.bottom), (self.right, self.bottom)], Ink::Quiet, 1.0);
        let most = (((self.right - self.left) / 48.0) as usize).clamp(2, 16);
        let (mut taken, mut ticks) = (vec![f64::NEG_INFINITY; self.rows], self.panel.x.ticks(&self.x, most));
        ticks.retain(|tick| (self.x.low - 1e-9..=self.x.high + 1e-9).contains(&tick.at));
        for tick in ticks {
            let Some(share) = self.x.place(tick.at) else { continue };
            let x = self.left + share * (self.right - self.left);
            canvas.path(&[(x, self.bottom), (x, self.bottom + 4.0)], Ink::Quiet, 1.0);
            let half = width(&tick.text, SMALL) / 2.0;
            // Texts are moved into the panel.
            let x = x.min(self.right + BESIDE + MARGIN / 2.0 - half).max(self.edge + half);
            if let Some(row) = taken.iter().position(|taken| x - half > *taken) {
                let y = self.bottom + (1 + row) as f64 * LINE;
                canvas.text(&tick.text, (x, y), Anchor::Middle, SMALL, Ink::Quiet);
                taken[row] = x + half + APART;
            }
        }
        let below = self.bottom + (1 + self.rows) as f64 * LINE;
        let label = &self.panel.x.label;
        canvas.text(label, ((self.left + self.right) / 2.0, below), Anchor::Middle, SMALL, Ink::Quiet);
    }

    fn mark<B: DrawingBackend>(&self, canvas: &mut Canvas<B>, mark: &Mark) {
        match mark {
            Mark::Cut { x, label } => {
                let Some(share) = self.x.place(*x) else { return };
                let x = self.left + share * (self.right - self.left);
                canvas.dashed(&[(x, self.top), (x, self.bottom)], (3.0, 3.0), Ink::Text, 1.0);
                let wide = width(label, SMALL) + 5.0;
                let (at, anchor) =
                    if x + wide > self.right { (x - 5.0, Anchor::Right) } else { (x + 5.0, Anchor::Left) };
                canvas.text(label, (at, self.top + 9.0), anchor, SMALL, Ink::Text);
            }
            Mark::Level { y, .. } => {
                let Some(share) = self.y.place(*y) else { return };
                let y = self.bottom - share * (self.bottom - self.top);
                canvas.dashed(&[(self.left, y), (self.right, y)], (2.0, 4.0), Ink::Quiet, 1.0);
            }
        }
    }

    fn series<B: DrawingBackend>(&self, canvas: &mut Canvas<B>, series: &Series) {
        let ink = series.ink;
        match &series.shape {
            Shape::Line { points, stroke, dot } => {
                let places: Vec<Option<Place>> = points.iter().map(|&point| self.place(point)).collect();
                for piece in places.split(Option::is_none) {
                    let piece: Vec<Place> = piece.iter().flatten().copied().collect();
                    match stroke {
                        Stroke::Solid => canvas.path(&piece, ink, 1.6),
                        Stroke::Dashed => canvas.dashed(&piece, (5.0, 3.0), ink, 1.4),
                    }
                }
                places.into_iter().flatten().for_each(|place| draw_dot(canvas, place, *dot, ink));
            }
            Shape::Dots { points, dot } => {
                let places = points.iter().filter_map(|&point| self.place(point));
                places.for_each(|place| draw_dot(canvas, place, *dot, ink));
            }
            Shape::Bars { bars, width } => bars.iter().for_each(|bar| self.bar(canvas, bar, *width, ink)),
            Shape::Whiskers { spans } => {
                for &(x, low, high) in spans {
                    let (Some((x, low)), Some((_, high))) = (self.place((x, low)), self.place((x, high)))
                    else {
                        continue;
                    };
                    draw_whisker(canvas, (x, low), (high, low), ink);
                }
            }
            Shape::Strip { spans } => {
                for &(from, to, strength) in spans {
                    let (Some(from), Some(to)) = (self.x.place(from), self.x.place(to)) else { continue };
                    let across = |share: f64| self.left + share * (self.right - self.left);
                    let (top, bottom) = (self.bottom - 6.0, self.bottom - 1.0);
                    canvas.rectangle((across(from), top), (across(to), bottom), ink, strength);
                }
            }
        }
    }

    fn bar<B: DrawingBackend>(&self, canvas: &mut Canvas<B>, bar: &Bar, wide: f64, ink: Ink) {
        let top = if self.y.is_drawn(bar.height) { bar.height } else { return };
        let lowest = match self.y.scale {
            super::Scale::Linear => self.y.low.max(0.0),
            super::Scale::Logarithmic => self.y.low,
        };
        let corners = (self.place((bar.x - wide / 2.0, top)), self.place((bar.x + wide / 2.0, lowest)));
        let (Some((left, top)), Some((right, bottom))) = corners else { return };
        draw_bar(canvas, (left, top), (right, bottom), bar.fill, ink);
        let room = (right - left + 3.0).max(12.0);
        let em = if width(&bar.note, SMALL) <= room { SMALL } else { 9.5 };
        if !bar.note.is_empty() && width(&bar.note, em) <= room {
            canvas.text(&bar.note, ((left + right) / 2.0, top - 4.0), Anchor::Middle, em, ink);
        }
    }

    /// Draws the names of lines next to their last points, and the names of levels. Names that would overlap
    /// are moved apart.
    fn names_at_ends<B: DrawingBackend>(&self, canvas: &mut Canvas<B>) {
        let line = |series: &'p Series| {
            let last = series.points().into_iter().rev().find_map(|point| self.place(point))?;
            Some((last, series.name.as_str(), series.ink))
        };
        let level = |mark: &'p Mark| match mark {
            Mark::Level { y, label } => {
                let share = self.y.place(*y)?;
                Some((
                    (self.right, self.bottom - share * (self.bottom - self.top)),
                    label.as_str(),
                    Ink::Quiet,
                ))
            }
            Mark::Cut { .. } => None,
        };
        let lines = self.panel.series.iter().filter(|series| is_at_end(series)).filter_map(line);
        let mut ends: Vec<(Place, &str, Ink)> =
            lines.chain(self.panel.marks.iter().filter_map(level)).collect();
        ends.sort_by(|a, b| a.0.1.total_cmp(&b.0.1));
        let count = ends.len() as f64;
        let mut least = self.top - 4.0;
        for (rank, ((x, y), name, ink)) in ends.into_iter().enumerate() {
            // Room for the remaining names.
            let most = self.bottom - (count - 1.0 - rank as f64) * LINE;
            let at = y.min(most).max(least);
            least = at + LINE;
            if x + 12.0 < self.right {
                // A dotted leader connects a line that ends early to its name.
                canvas.dashed(
                    &[(x + 6.0, y), (self.right - 6.0, y), (self.right + 6.0, at)],
                    (1.0, 3.0),
                    ink,
                    1.0,
                );
            }
            canvas.text(name, (self.right + 9.0, at + 4.0), Anchor::Left, EM, ink);
        }
    }
}

/// The number of rows, at most four, in which `axes` can place the names without overlap.
fn rows_of_names(panel: &Panel, wide: f64) -> usize {
    /// The fraction of the panel's width that the numbers along y and the names of lines do not use.
    const SHARE: f64 = 0.85;
    const MOST: usize = 4;
    match &panel.x.ticks {
        Ticks::Names(names) => {
            let all = SHARE * wide;
            let room = all / names.len().max(1) as f64;
            let mut taken: Vec<f64> = Vec::new();
            for (at, name) in names.iter().enumerate() {
                let half = width(name, SMALL) / 2.0;
                let x = ((at as f64 + 0.5) * room).min(all - half).max(half);
                let end = x + half + APART;
                match taken.iter_mut().find(|taken| x - half > **taken) {
                    Some(taken) => *taken = end,
                    None => taken.push(end),
                }
            }
            taken.len().clamp(1, MOST)
        }
        Ticks::Numbers | Ticks::Whole | Ticks::At(_) | Ticks::Decades => 1,
    }
}

fn is_at_end(series: &Series) -> bool {
    matches!(series.shape, Shape::Line { .. }) && !series.name.is_empty()
}

fn is_in_legend(series: &Series) -> bool {
    let empty = match &series.shape {
        Shape::Strip { spans } | Shape::Whiskers { spans } => spans.is_empty(),
        Shape::Line { points, .. } | Shape::Dots { points, .. } => points.is_empty(),
        Shape::Bars { bars, .. } => bars.is_empty(),
    };
    !is_at_end(series) && !series.name.is_empty() && !empty
}

fn half_width(series: &Series) -> f64 {
    match series.shape {
        Shape::Bars { width, .. } => width / 2.0,
        Shape::Line { .. } | Shape::Dots { .. } | Shape::Whiskers { .. } | Shape::Strip { .. } => 0.0,
    }
}

/// A vertical line with a bar at each end.
fn draw_whisker<B: DrawingBackend>(
    canvas: &mut Canvas<B>,
    (x, _): Place,
    (top, bottom): (f64, f64),
    ink: Ink,
) {
    canvas.path(&[(x, top), (x, bottom)], ink, 1.0);
    for y in [top, bottom] {
        canvas.path(&[(x - 3.0, y), (x + 3.0, y)], ink, 1.0);
    }
}

fn draw_bar<B: DrawingBackend>(
    canvas: &mut Canvas<B>,
    (x0, y0): Place,
    (x1, y1): Place,
    fill: Fill,
    ink: Ink,
) {
    match fill {
        Fill::Full => canvas.rectangle((x0, y0), (x1, y1), ink, 1.0),
        Fill::Hollow => {
            let (x0, x1) = if x1 - x0 > 3.0 { (x0 + 0.5, x1 - 0.5) } else { (x0, x1) };
            canvas.path(&[(x0, y1), (x0, y0 + 0.5), (x1, y0 + 0.5), (x1, y1)], ink, 1.0);
        }
    }
}

fn draw_dot<B: DrawingBackend>(canvas: &mut Canvas<B>, (x, y): Place, dot: Dot, ink: Ink) {
    const R: f64 = 3.2;
    let around = |corners: &[Place]| -> Vec<Place> {
        corners.iter().map(|(dx, dy)| (x + R * dx, y + R * dy)).collect()
    };
    match dot {
        Dot::None => {}
        Dot::Circle => canvas.circle((x, y), R, Fill::Full, ink),
        Dot::Ring => canvas.circle((x, y), R + 0.3, Fill::Hollow, ink),
        Dot::Square => {
            let square = around(&[(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)]);
            canvas.polygon(&square, Fill::Full, ink);
        }
        Dot::Triangle => {
            canvas.polygon(&around(&[(0.0, -1.25), (1.15, 0.85), (-1.15, 0.85)]), Fill::Full, ink);
        }
        Dot::Diamond => {
            canvas.polygon(&around(&[(0.0, -1.3), (1.3, 0.0), (0.0, 1.3), (-1.3, 0.0)]), Fill::Full, ink);
        }
    }
}
