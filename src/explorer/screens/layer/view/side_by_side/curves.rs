//! The error curves of the marked attempts, drawn over each other.

use ratatui::{layout::Rect, text::Span};

use super::{LayerPanel, Shown, Side, Width, explain, figure_lines, figures, of_layer};
use crate::{
    explorer::{
        Figure, Panel, State,
        view::{
            Canvas, Division, Role,
            error_curve::error_at,
            widgets::{Plot, Scale, Spacing, Stroke, axes, column, put, row, scale_below},
        },
    },
    protocol::CurvePoint,
    prune::Part,
    words::plural,
};

pub static CURVES: LayerPanel = LayerPanel {
    panel: Panel {
        title: "Error curves",
        explain: |_| explain::error_curves(),
        figure: |state| of_layer(state, |layer, part| Figure::MarkedCurves { layer, part }),
        draw: super::super::alone,
    },
    draw,
    brief,
    small: None,
    grows: false,
    width: Width::Share(2),
};

/// How far the axis goes beyond the largest ratio.
const BEYOND: f64 = 1.15;

/// Columns of the ratio and the error of an attempt.
const CUT: usize = 20;

/// The path of an attempt.
struct Line<'a> {
    side: Side<'a>,
    units: usize,
    points: Vec<CurvePoint>,
}

impl Line<'_> {
    fn ratio(&self, point: &CurvePoint) -> f64 {
        point.removed as f64 / self.units.max(1) as f64
    }

    fn end(&self) -> Option<(f64, f64)> {
        self.points.last().map(|point| (self.ratio(point), point.relative_error))
    }
}

fn lines<'a>(shown: &Shown<'a>) -> Vec<Line<'a>> {
    let line = |side: Side<'a>| {
        let view = side.result.view(shown.part);
        Line { side, units: view.units, points: path(&side, shown.part) }
    };
    shown.sides().into_iter().map(line).collect()
}

/// The curves of the marked attempts of a layer: name, units, and points.
pub fn named(state: &State) -> Vec<(String, usize, Vec<CurvePoint>)> {
    let Some(shown) = Shown::of(state) else { return Vec::new() };
    let name = |side: &Side<'_>| format!("{} attempt {}", side.letter, side.result.attempt.number);
    let lines = lines(&shown).into_iter();
    lines.map(|line| (name(&line.side), line.units, line.points)).collect()
}

/// Errors after each batch; empty if nothing was removed or E‖y‖² is unknown.
fn path(side: &Side<'_>, part: Part) -> Vec<CurvePoint> {
    let record = side.result.record(part);
    let Some(energy) = side.result.energy(part).filter(|_| !record.step_errors.is_empty()) else {
        return Vec::new();
    };
    let mut points = vec![CurvePoint { removed: 0, relative_error: 0.0 }];
    let (mut removed, mut sum) = (0, 0.0);
    for (error, size) in record.step_errors.iter().zip(&record.group_sizes) {
        (removed, sum) = (removed + size, sum + error);
        points.push(CurvePoint { removed, relative_error: sum / energy });
    }
    points
}

fn draw(view: &mut Canvas<'_>, area: Rect, shown: &Shown<'_>) {
    let inner = view.panel(&CURVES.panel, area, "Error curves", "over E‖y‖²");
    let lines = lines(shown);
    let wide = usize::from(inner.width) >= CUT * shown.sides().len();
    let reading = figures(view, shown, |side| match wide {
        true => cut(view, shown, side),
        false => view.relative(side.result.record(shown.part).relative_error),
    });
    view.line(inner, 0, reading);
    let below = Rect { y: inner.y + 1, height: inner.height.saturating_sub(1), ..inner };
    let state = view.state;
    // The curve of the active attempt, continued past the cut, is drawn behind.
    let computed = shown.layer.computed_curve(shown.part);
    let widest = lines.iter().filter_map(Line::end).map(|(ratio, _)| ratio).fold(0.0, f64::max);
    let across = Scale::between(0.0, (widest * BEYOND).clamp(0.01, 1.0));
    let errors = lines.iter().flat_map(|line| &line.points).map(|point| point.relative_error);
    let positive: Vec<f64> = errors.filter(|error| *error > 0.0).collect();
    let scale = match state.interface.errors {
        Spacing::Log => Scale::log(positive),
        spacing @ Spacing::Linear => Scale::errors(positive, spacing),
    };
    let Some(scale) = scale.map(|scale| scale.noted(state.interface.notation)) else {
        return view.absent(below, "No marked attempt removed anything from this part.");
    };
    let plot_area = axes(view.buffer, below, &scale, view.theme);
    let mut plot = Plot::new(plot_area, view.theme.glyphs);
    let dots = plot.across().max(2);
    let mut draw_line = |points: &[CurvePoint], units: usize, stroke: Stroke| {
        let point = |dot: usize| {
            let share = dot as f64 / (dots - 1) as f64;
            let removed = share * across.high * units.max(1) as f64;
            let value = error_at(points, removed).filter(|value| *value >= scale.low);
            (share, value.and_then(|value| scale.place(value)).unwrap_or(f64::NAN))
        };
        plot.line((0..dots).map(point), stroke);
    };
    if let Some(curve) = computed {
        draw_line(&curve.points, curve.units, Stroke::dotted(view.theme.style(Role::Faint), '.'));
    }
    for line in &lines {
        let stroke = Stroke::solid(view.theme.style(line.side.role), line.side.letter);
        draw_line(&line.points, line.units, stroke);
    }
    plot.draw(view.buffer);
    for line in &lines {
        let end = line.end().and_then(|(x, y)| Some((across.place(x)?, scale.place(y)?)));
        if let Some((x, y)) = end {
            let letter = line.side.letter;
            let (x, y) = (column(plot_area, x), row(plot_area, y));
            put(
                view.buffer,
                plot_area,
                x,
                y,
                letter.encode_utf8(&mut [0; 4]),
                view.theme.style(line.side.role),
            );
        }
    }
    scale_below(view.buffer, plot_area, &across, view.theme);
    view.read((plot_area, Division::Bars(plot_area.width.into()), Division::Whole), |view, x, _| {
        let share = across.high * (x as f64 + 0.5) / f64::from(plot_area.width);
        let known = lines.iter().filter_map(|line| {
            let error = error_at(&line.points, share * line.units as f64)?;
            Some(format!("{} {}", line.side.letter, view.relative(error)))
        });
        let known: Vec<String> = known.collect();
        (!known.is_empty()).then(|| format!("{} with {share:.3} removed", known.join(", ")))
    });
}

/// The fraction of removed units, and the error.
fn cut(view: &Canvas<'_>, shown: &Shown<'_>, side: &Side<'_>) -> String {
    let record = side.result.record(shown.part);
    let ratio = record.removed.len() as f64 / record.units.max(1) as f64;
    let swapped = record
        .refined
        .map_or(String::new(), |refined| format!(" after {}", plural(refined.swaps, "swap", "swaps")));
    format!("{ratio:.3}: {}{swapped}", view.relative(record.relative_error))
}

fn brief<'t>(view: &mut Canvas<'_>, area: Rect, shown: &Shown<'_>) -> Vec<Vec<Span<'t>>> {
    figure_lines(view, shown, area.width, |side| view.relative(side.result.record(shown.part).relative_error))
}
