//! Charts of single parts: scores of heads and channels, error by ratio, and the diagonal of the second moment.

use super::{columns, percent};
use crate::{
    plot::{Axis, Bar, Chart, Dot, Fill, Ink, Mark, Panel, Scale, Series, Shape, Ticks},
    protocol::{CurvePoint, MomentPicture, PartRecord, Statistics},
    prune::Score,
};

/// A solved part with its statistics from before the elimination.
#[derive(Clone, Copy, Debug)]
pub struct Scored<'r> {
    pub layer: usize,
    pub record: &'r PartRecord,
    pub statistics: &'r Statistics,
    pub score: Score,
}

/// The error of one part by number of removed units.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    pub layer: usize,
    /// Units before pruning.
    pub units: usize,
    pub points: Vec<CurvePoint>,
    /// The number of units removed by the run, if it is marked.
    pub chosen: Option<usize>,
}

/// Maximum number of units for which removed bars are numbered.
const NUMBERED: usize = 40;
/// Maximum number of points in a score curve.
const POINTS: usize = 240;
/// Maximum number of spans in a strip.
const SPANS: usize = 120;
/// Maximum number of curves per panel.
pub const CURVES: usize = 4;

impl Scored<'_> {
    fn axis(&self) -> &'static str {
        if self.score.is_baseline() { "score" } else { "score, %" }
    }

    /// The scores in per cent of E‖y‖². Scores of a baseline, and scores with E‖y‖² = 0, are unscaled.
    fn scores(&self) -> Vec<f64> {
        let Statistics { scores, energy, .. } = self.statistics;
        let energy = energy.or_else(|| self.record.energy()).filter(|&energy| energy > 0.0);
        let whole = energy.filter(|_| !self.score.is_baseline()).map_or(1.0, |energy| energy / 100.0);
        scores.iter().map(|&score| f64::from(score) / whole).collect()
    }
}

/// The score of every attention unit before the elimination. Bars of removed units are hollow and numbered in
/// the order of removal.
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
            // Leaves room for the numbers of removed units.
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

/// The channels' scores in ascending order, the number of removed channels, and a strip that marks them.
pub fn channel_scores(parts: &[Scored]) -> Chart {
    let panel = |scored: &Scored| {
        let scores = scored.scores();
        let mut order: Vec<usize> = (0..scores.len()).collect();
        order.sort_by(|&a, &b| scores[a].total_cmp(&scores[b]));
        let mut removed = vec![false; scores.len()];
        scored
            .record
            .removed
            .iter()
            .filter(|unit| **unit < scores.len())
            .for_each(|&unit| removed[unit] = true);
        let every = order.len().div_ceil(POINTS).max(1);
        let sampled = order.iter().enumerate();
        let sampled = sampled.filter(|(rank, _)| rank % every == 0 || *rank + 1 == order.len());
        let points: Vec<(f64, f64)> = sampled.map(|(rank, &unit)| (rank as f64, scores[unit])).collect();
        let removed: Vec<bool> = order.iter().map(|&unit| removed[unit]).collect();
        let count = scored.record.removed.len();
        let mut series = vec![Series::line("", Ink::Second, Dot::None, points.clone())];
        if count > 0 {
            series.push(Series {
                name: "removed".into(),
                ink: Ink::First,
                shape: Shape::Strip { spans: strip(&removed) },
            });
        }
        Panel {
            title: format!("Layer {}", scored.layer),
            x: Axis::whole("channels by score"),
            y: Axis::fitting(scored.axis(), points.iter().map(|(_, y)| *y)),
            series,
            marks: match count {
                0 => Vec::new(),
                count => vec![Mark::Cut { x: count as f64 - 0.5, label: format!("{count} removed") }],
            },
        }
    };
    let panels: Vec<Panel> = parts.iter().map(panel).collect();
    Chart { columns: columns(panels.len()), panels }
}

/// Spans of ranks, each with the fraction of its channels that was removed.
fn strip(removed: &[bool]) -> Vec<(f64, f64, f64)> {
    let count = removed.len().clamp(1, SPANS);
    let mut spans: Vec<(f64, f64, f64)> = Vec::new();
    for span in 0..count {
        let (from, to) = (span * removed.len() / count, (span + 1) * removed.len() / count);
        let share =
            removed[from..to].iter().filter(|&&removed| removed).count() as f64 / (to - from).max(1) as f64;
        let (from, to) = (from as f64 - 0.5, to as f64 - 0.5);
        match spans.last_mut() {
            Some(last) if last.2 == share => last.1 = to,
            _ => spans.push((from, to, share)),
        }
    }
    // The axis begins at the first rank and ends at the last.
    let last = removed.len() as f64 - 1.0;
    spans.iter_mut().for_each(|span| *span = (span.0.max(0.0), span.1.min(last), span.2));
    spans.retain(|span| span.2 > 0.0 && span.1 > span.0);
    spans
}

/// The error curve of a part up to the ratio of its run.
pub fn curve_of(layer: usize, record: &PartRecord) -> Curve {
    let energy = record.energy().unwrap_or(f64::INFINITY);
    let (mut removed, mut sum) = (0, 0.0);
    let mut points = vec![CurvePoint { removed, relative_error: 0.0 }];
    for (error, size) in record.step_errors.iter().zip(&record.group_sizes) {
        removed += size;
        sum += error;
        points.push(CurvePoint { removed, relative_error: sum / energy });
    }
    Curve { layer, units: record.units, points, chosen: None }
}

/// Error against the fraction of removed units, with one panel per (title, curves).
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

/// Histograms of the diagonal of H over the live inputs, with one panel per (title, picture).
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
