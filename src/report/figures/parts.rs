//! Charts of single parts: scores of heads and channels, error of every ratio, the diagonal of the second moment.

use super::{columns, percent};
use crate::{
    plot::{Axis, Bar, Chart, Dot, Fill, Ink, Mark, Panel, Scale, Series, Shape, Ticks},
    protocol::{CurvePoint, MomentPicture, PartRecord, Statistics},
    prune::Score,
};

/// A part of a layer with what was seen of it before anything left.
#[derive(Clone, Copy, Debug)]
pub struct Scored<'r> {
    pub layer: usize,
    pub record: &'r PartRecord,
    pub statistics: &'r Statistics,
    pub score: Score,
}

/// The error of every number of removed units of one part.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    pub layer: usize,
    /// Units before pruning.
    pub units: usize,
    pub points: Vec<CurvePoint>,
    /// Units that left; None where none is chosen.
    pub chosen: Option<usize>,
}

/// Bars of a score that is written with its place in the order, at most.
const NUMBERED: usize = 40;
/// Points of sorted scores, at most.
const POINTS: usize = 240;
/// Spans of a strip.
const SPANS: usize = 120;
/// Curves in one panel, at most.
pub const CURVES: usize = 4;

impl Scored<'_> {
    fn axis(&self) -> &'static str {
        if self.score.is_baseline() { "score" } else { "score, %" }
    }

    /// The scores in per cent of E‖y‖², or as they are where that is 0 and where they are those of a baseline.
    fn scores(&self) -> Vec<f64> {
        let Statistics { scores, energy, .. } = self.statistics;
        let whole = if *energy > 0.0 && !self.score.is_baseline() { energy / 100.0 } else { 1.0 };
        scores.iter().map(|&score| f64::from(score) / whole).collect()
    }
}

/// The score of every unit of the attention before anything left; removed ones are hollow, with their place in the order.
pub fn head_scores(unit: &str, parts: &[Scored]) -> Chart {
    let panel = |scored: &Scored| {
        let (scores, record) = (scored.scores(), scored.record);
        let mut order = vec![None; scores.len()];
        for (place, &unit) in record.removed.iter().enumerate() {
            if let Some(order) = order.get_mut(unit) {
                *order = Some(place + 1);
            }
        }
        let bars = |wanted: Fill| {
            let bars = scores.iter().zip(&order).enumerate().filter_map(|(at, (&height, place))| {
                let fill = if place.is_some() { Fill::Hollow } else { Fill::Full };
                let note =
                    place.filter(|_| scores.len() <= NUMBERED).map_or(String::new(), |at| at.to_string());
                (fill == wanted).then_some(Bar { x: at as f64, height, fill, note })
            });
            Shape::Bars { bars: bars.collect(), width: 0.72 }
        };
        let high = scores.iter().copied().filter(|score| score.is_finite()).fold(0.0, f64::max);
        Panel {
            title: format!("Layer {}", scored.layer),
            x: Axis::whole(unit),
            // Room for the numbers of removals.
            y: Axis::numbers(scored.axis()).within(0.0, if high > 0.0 { 1.15 * high } else { 1.0 }),
            series: vec![
                Series { name: "kept".into(), ink: Ink::First, shape: bars(Fill::Full) },
                Series { name: "removed".into(), ink: Ink::Second, shape: bars(Fill::Hollow) },
            ],
            marks: Vec::new(),
        }
    };
    let panels: Vec<Panel> = parts.iter().map(panel).collect();
    Chart { columns: columns(panels.len()), panels }
}

/// The channels' scores in rising order, the number that left, and where in that order those stand that did leave.
pub fn channel_scores(parts: &[Scored]) -> Chart {
    let panel = |scored: &Scored| {
        let scores = scored.scores();
        let mut order: Vec<usize> = (0..scores.len()).collect();
        order.sort_by(|&a, &b| scores[a].total_cmp(&scores[b]));
        let mut left = vec![false; scores.len()];
        scored.record.removed.iter().filter(|unit| **unit < scores.len()).for_each(|&unit| left[unit] = true);
        let every = order.len().div_ceil(POINTS).max(1);
        let sampled = order.iter().enumerate();
        let sampled = sampled.filter(|(rank, _)| rank % every == 0 || *rank + 1 == order.len());
        let points: Vec<(f64, f64)> = sampled.map(|(rank, &unit)| (rank as f64, scores[unit])).collect();
        let gone: Vec<bool> = order.iter().map(|&unit| left[unit]).collect();
        let count = scored.record.removed.len();
        let mut series = vec![Series::line("", Ink::Second, Dot::None, points.clone())];
        if count > 0 {
            series.push(Series {
                name: "removed".into(),
                ink: Ink::First,
                shape: Shape::Strip { spans: strip(&gone) },
            });
        }
        Panel {
            title: format!("Layer {}", scored.layer),
            x: Axis::whole("channels by score"),
            y: Axis::fitting(scored.axis(), points.iter().map(|(_, y)| *y)),
            series,
            marks: match count {
                0 => Vec::new(),
                count => vec![Mark::Cut { x: count as f64 - 0.5, label: format!("{count} left") }],
            },
        }
    };
    let panels: Vec<Panel> = parts.iter().map(panel).collect();
    Chart { columns: columns(panels.len()), panels }
}

/// Spans of ranks with the share of them that left.
fn strip(gone: &[bool]) -> Vec<(f64, f64, f64)> {
    let count = gone.len().clamp(1, SPANS);
    let mut spans: Vec<(f64, f64, f64)> = Vec::new();
    for span in 0..count {
        let (from, to) = (span * gone.len() / count, (span + 1) * gone.len() / count);
        let share = gone[from..to].iter().filter(|&&gone| gone).count() as f64 / (to - from).max(1) as f64;
        let (from, to) = (from as f64 - 0.5, to as f64 - 0.5);
        match spans.last_mut() {
            Some(last) if last.2 == share => last.1 = to,
            _ => spans.push((from, to, share)),
        }
    }
    // The ends of an axis are the first and the last rank.
    let last = gone.len() as f64 - 1.0;
    spans.iter_mut().for_each(|span| *span = (span.0.max(0.0), span.1.min(last), span.2));
    spans.retain(|span| span.2 > 0.0 && span.1 > span.0);
    spans
}

/// The path that a part was pruned by, as far as it went.
pub fn curve_of(layer: usize, record: &PartRecord) -> Curve {
    let whole: f64 = record.step_errors.iter().sum();
    // E‖y‖², from the errors that are told against it.
    let energy = if record.relative_error > 0.0 { whole / record.relative_error } else { f64::INFINITY };
    let (mut removed, mut sum) = (0, 0.0);
    let mut points = vec![CurvePoint { removed, relative_error: 0.0 }];
    for (error, size) in record.step_errors.iter().zip(&record.group_sizes) {
        removed += size;
        sum += error;
        points.push(CurvePoint { removed, relative_error: sum / energy });
    }
    Curve { layer, units: record.units, points, chosen: None }
}

/// Error against the share of units removed, a panel each for (its title, curves).
pub fn error_curves(panels: &[(String, Vec<Curve>)]) -> Chart {
    let panel = |(title, curves): &(String, Vec<Curve>)| {
        let share = |curve: &Curve, removed: usize| percent(removed as f64 / curve.units.max(1) as f64);
        let forms = Ink::SERIES.into_iter().zip(Dot::SERIES);
        let series = curves.iter().zip(forms).map(|(curve, (ink, dot))| {
            let points: Vec<(f64, f64)> = curve
                .points
                .iter()
                .map(|point| (share(curve, point.removed), percent(point.relative_error)))
                .collect();
            let dot = if points.len() > POINTS / 10 { Dot::None } else { dot };
            Series::line(format!("layer {}", curve.layer), ink, dot, points)
        });
        let mut series: Vec<Series> = series.take(CURVES).collect();
        for (curve, ink) in curves.iter().zip(Ink::SERIES) {
            let chosen = curve.points.iter().find(|point| Some(point.removed) == curve.chosen);
            let points = chosen.map(|point| (share(curve, point.removed), percent(point.relative_error)));
            let points: Vec<(f64, f64)> = points.into_iter().collect();
            if !points.is_empty() {
                series.push(Series {
                    name: String::new(),
                    ink,
                    shape: Shape::Dots { points, dot: Dot::Ring },
                });
            }
        }
        let mut y =
            Axis::fitting("relative error, %", series.iter().flat_map(Series::points).map(|(_, y)| y));
        if y.scale == Scale::Logarithmic {
            y.label += ", in powers of ten";
        }
        Panel { title: title.clone(), x: Axis::numbers("removed, % of units"), y, series, marks: Vec::new() }
    };
    let panels: Vec<Panel> = panels.iter().map(panel).collect();
    Chart { columns: columns(panels.len()), panels }
}

/// How many live inputs have which H_jj, a panel each for (its title, picture).
pub fn hessian_diagonals(pictures: &[(String, &MomentPicture)]) -> Chart {
    let panel = |(title, picture): &(String, &MomentPicture)| {
        let [low, high] = picture.diag_log_range;
        let count = picture.diag_histogram.len().max(1);
        let width = ((high - low) / count as f64).max(1e-3);
        let bars = picture.diag_histogram.iter().enumerate().map(|(at, &inputs)| Bar {
            x: low + (at as f64 + 0.5) * width,
            height: f64::from(inputs),
            fill: Fill::Full,
            note: String::new(),
        });
        let shape = Shape::Bars { bars: bars.collect(), width: 0.86 * width };
        Panel {
            title: title.clone(),
            x: Axis { ticks: Ticks::Decades, ..Axis::numbers("diagonal entry of H") },
            y: Axis::whole("inputs"),
            series: vec![Series { name: String::new(), ink: Ink::Third, shape }],
            marks: Vec::new(),
        }
    };
    let panels: Vec<Panel> = pictures.iter().map(panel).collect();
    Chart { columns: columns(panels.len()), panels }
}
