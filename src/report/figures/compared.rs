//! Charts of the explorer that compare sessions, attempts and passes.

use super::{layers::layer_errors, percent};
use crate::{
    plot::{Axis, Chart, Dot, Ink, Panel, Series, Shape, Stroke},
    protocol::{CurvePoint, LayerRecord},
};

/// A session in the chart of size and perplexity.
pub struct SizedSession {
    /// Size in the unit of the axis.
    pub size: f64,
    pub perplexity: f64,
    /// Whether no other session is both smaller and better.
    pub front: bool,
}

/// Size against perplexity, with the front as a line. `axis` names the size with its unit.
pub fn size_and_perplexity(sessions: &[SizedSession], axis: &str) -> Chart {
    let points = |front: bool| -> Vec<(f64, f64)> {
        let of = sessions.iter().filter(|session| session.front == front);
        of.map(|session| (session.size, session.perplexity)).collect()
    };
    let (front, others) = (points(true), points(false));
    let x = close(Axis::numbers(axis), sessions.iter().map(|session| session.size));
    let perplexities = || sessions.iter().map(|session| session.perplexity);
    let y = close(Axis::fitting("perplexity", perplexities()), perplexities());
    let line = Shape::Line { points: front, stroke: Stroke::Solid, dot: Dot::Circle };
    let mut series = vec![Series { name: "front".into(), ink: Ink::First, shape: line }];
    if !others.is_empty() {
        let shape = Shape::Dots { points: others, dot: Dot::Ring };
        series.push(Series { name: "others".into(), ink: Ink::Quiet, shape });
    }
    Chart::single(Panel { title: String::new(), x, y, series, marks: Vec::new() })
}

/// An axis from just below the least of these values, which are not negative, to just above the largest.
fn close(axis: Axis, values: impl Iterator<Item = f64>) -> Axis {
    let (low, high) =
        values.fold((f64::INFINITY, 0.0_f64), |(low, high), value| (low.min(value), high.max(value)));
    let pad = (0.06 * (high - low)).max(0.01 * high);
    axis.within((low - pad).max(0.0), high + pad)
}

/// A candidate of a search in the chart of candidates.
pub struct Candidate {
    /// The x coordinate, in the unit of the axis.
    pub across: f64,
    /// The KL divergence from the dense model, in nats per token.
    pub divergence: f64,
    /// Whether the search chose it.
    pub best: bool,
}

/// The candidates of a search; `axis` names the x coordinate with its unit.
pub fn candidates(found: &[Candidate], axis: &str) -> Chart {
    let points = |best: bool| -> Vec<(f64, f64)> {
        let of = found.iter().filter(|candidate| candidate.best == best);
        of.map(|candidate| (candidate.across, candidate.divergence)).collect()
    };
    let divergences = || found.iter().map(|candidate| candidate.divergence);
    let dots =
        |name: &str, ink, points, dot| Series { name: name.into(), ink, shape: Shape::Dots { points, dot } };
    Chart::single(Panel {
        title: String::new(),
        x: close(Axis::numbers(axis), found.iter().map(|candidate| candidate.across)),
        y: close(Axis::fitting("KL, nats per token", divergences()), divergences()),
        series: vec![
            dots("candidates", Ink::Quiet, points(false), Dot::Ring),
            dots("best", Ink::First, points(true), Dot::Circle),
        ],
        marks: Vec::new(),
    })
}

/// A line of the chart of output errors: its name, and its values indexed by layer.
pub type Measured = (String, Vec<Option<f64>>);

/// The errors of the parts, and beside them a measure of the output error. Without any value, the second panel is that of
/// [`layer_errors`].
pub fn output_errors(layers: &[LayerRecord], title: &str, label: &str, lines: &[Measured]) -> Chart {
    let mut chart = layer_errors(layers);
    let one = |(at, (name, values)): (usize, &Measured)| {
        let points = values.iter().enumerate();
        let points = points.filter_map(|(layer, value)| Some((layer as f64, (*value)?))).collect();
        let stroke = if at == 0 { Stroke::Solid } else { Stroke::Dashed };
        let (ink, dot) = if at == 0 { (Ink::Third, Dot::Triangle) } else { (Ink::Fourth, Dot::Ring) };
        let name = if lines.len() > 1 { name.clone() } else { String::new() };
        Series { name, ink, shape: Shape::Line { points, stroke, dot } }
    };
    let series: Vec<Series> = lines.iter().enumerate().map(one).collect();
    let values: Vec<f64> = series.iter().flat_map(Series::points).map(|(_, y)| y).collect();
    if values.is_empty() {
        return chart;
    }
    chart.panels.truncate(1);
    chart.panels.push(Panel {
        title: title.into(),
        x: Axis::whole("layer"),
        y: Axis::fitting(label, values),
        series,
        marks: Vec::new(),
    });
    chart
}

/// The error curves of several attempts: name, units of the part, and points.
pub fn attempt_curves(attempts: &[(String, usize, Vec<CurvePoint>)]) -> Chart {
    let one = |(at, (name, units, points)): (usize, &(String, usize, Vec<CurvePoint>))| {
        let units = (*units).max(1) as f64;
        let points =
            points.iter().map(|point| (percent(point.removed as f64 / units), percent(point.relative_error)));
        let place = at % Ink::SERIES.len();
        Series::line(name.clone(), Ink::SERIES[place], Dot::SERIES[place], points.collect())
    };
    let series: Vec<Series> = attempts.iter().enumerate().map(one).collect();
    Chart::single(Panel {
        title: String::new(),
        x: Axis::numbers("removed units, %"),
        y: Axis::fitting("relative error, %", series.iter().flat_map(Series::points).map(|(_, y)| y)),
        series,
        marks: Vec::new(),
    })
}
