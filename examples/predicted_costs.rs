//! Compares predicted with measured costs of pruning single parts: a table, and a plot of all points.
//!
//! ```sh
//! slimgpt prune MODEL --calibration TEXT --no-export --json >predicted.json
//! slimgpt prune MODEL --calibration TEXT --no-export --json --search-costs measured >measured.json
//! cargo run --release --example predicted_costs -- PLOT.svg NAME predicted.json measured.json
//! ```
//!
//! More models are given as further triples. `docs/results.sh predicted-costs` does it for the documentation.

use std::{env, error::Error, fs};

use slimgpt::{
    application::{
        plot::{Axis, Chart, Dot, Ink, Look, Panel, Scale, Series, Shape, Stroke},
        protocol::{RunRecord, SearchRecord, SensitivityCurve},
    },
    prune::{AttentionUnit, Part, interpolated},
};

/// Shares of a part's units at which costs are compared. A part with few units has the nearest counts.
const SHARES: [f64; 3] = [0.2, 0.5, 0.8];

/// A count of a part, with both costs in nats per token.
#[derive(Clone, Copy)]
struct Point {
    part: Part,
    unit: Option<AttentionUnit>,
    predicted: f64,
    measured: f64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let Some((plot, models)) = arguments.split_first().filter(|(_, models)| models.len() % 3 == 0) else {
        return Err("expected PLOT.svg and then NAME PREDICTED.json MEASURED.json for each model".into());
    };
    println!(
        "| model | part | points | rank correlation | median of predicted ÷ measured | within a factor of 2 |"
    );
    println!("| --- | --- | ---: | ---: | ---: | ---: |");
    let mut panels = Vec::new();
    for model in models.chunks_exact(3) {
        let points = points(&search(&model[1])?, &search(&model[2])?)?;
        let unit_of = |unit| move |point: &Point| point.unit == Some(unit);
        print(&model[0], "all", &points, |_| true);
        print(&model[0], "attention, query heads", &points, unit_of(AttentionUnit::QueryHead));
        print(&model[0], "attention, KV groups", &points, unit_of(AttentionUnit::KvGroup));
        print(&model[0], "MLP", &points, |point| point.part == Part::Mlp);
        panels.push(panel(&model[0], &points));
    }
    let chart = Chart { columns: panels.len().min(2), panels };
    Ok(fs::write(plot, chart.svg(Look::Light, chart.size()))?)
}

fn search(file: &str) -> Result<SearchRecord, Box<dyn Error>> {
    let record: RunRecord = serde_json::from_str(&fs::read_to_string(file)?)?;
    Ok(record.search.ok_or_else(|| format!("{file}: expected a run with a search for ratios"))?)
}

/// The measured counts nearest to [`SHARES`], with their predicted costs.
fn points(predicted: &SearchRecord, measured: &SearchRecord) -> Result<Vec<Point>, Box<dyn Error>> {
    let mut points = Vec::new();
    for own in &measured.curves {
        let same = |other: &&SensitivityCurve| {
            (other.layer, other.part, other.unit) == (own.layer, own.part, own.unit)
        };
        let curve = predicted.curves.iter().find(same).ok_or("the runs have different parts")?;
        let curve: Vec<(usize, f64)> = curve.points.iter().map(|point| (point.removed, point.rise)).collect();
        let mut taken = Vec::new();
        for share in SHARES {
            let away = |removed: usize| (removed as f64 - share * own.units as f64).abs();
            let Some(nearest) = own.points.iter().min_by(|a, b| away(a.removed).total_cmp(&away(b.removed)))
            else {
                continue;
            };
            if taken.contains(&nearest.removed) {
                continue;
            }
            taken.push(nearest.removed);
            if let Some(predicted) = interpolated(&curve, nearest.removed) {
                points.push(Point { part: own.part, unit: own.unit, predicted, measured: nearest.rise });
            }
        }
    }
    Ok(points)
}

/// Prints the row of the points that belong to a kind, if there are several.
fn print(model: &str, kind: &str, points: &[Point], belongs: impl Fn(&Point) -> bool) {
    let points: Vec<Point> = points.iter().copied().filter(belongs).collect();
    if points.len() < 2 {
        return;
    }
    let mut ratios: Vec<f64> = points.iter().map(|point| point.predicted / point.measured).collect();
    ratios.sort_by(f64::total_cmp);
    let near = ratios.iter().filter(|ratio| (0.5..=2.0).contains(*ratio)).count();
    println!(
        "| {model} | {kind} | {} | {:.3} | {:.2} | {:.0} % |",
        points.len(),
        rank_correlation(&points),
        ratios[ratios.len() / 2],
        100.0 * near as f64 / points.len() as f64
    );
}

/// Spearman's coefficient; equal values share their mean rank.
fn rank_correlation(points: &[Point]) -> f64 {
    let ranks = |value: &dyn Fn(&Point) -> f64| -> Vec<f64> {
        let values: Vec<f64> = points.iter().map(value).collect();
        let rank = |own: &f64| {
            let below = values.iter().filter(|other| *other < own).count() as f64;
            let equal = values.iter().filter(|other| *other == own).count() as f64;
            below + (equal - 1.0) / 2.0
        };
        values.iter().map(rank).collect()
    };
    let (a, b) = (ranks(&|point| point.predicted), ranks(&|point| point.measured));
    let middle = (points.len() as f64 - 1.0) / 2.0;
    let product =
        |a: &[f64], b: &[f64]| -> f64 { a.iter().zip(b).map(|(a, b)| (a - middle) * (b - middle)).sum() };
    product(&a, &b) / (product(&a, &a) * product(&b, &b)).sqrt()
}

/// Measured against predicted costs, with the line on which they are equal.
fn panel(model: &str, points: &[Point]) -> Panel {
    let dots = |name: &str, part: Part, ink: Ink, dot: Dot| Series {
        name: name.into(),
        ink,
        shape: Shape::Dots {
            points: points
                .iter()
                .filter(|point| point.part == part)
                .map(|point| (point.predicted, point.measured))
                .collect(),
            dot,
        },
    };
    let all = points.iter().flat_map(|point| [point.predicted, point.measured]).filter(|cost| *cost > 0.0);
    let (low, high) = all.fold((f64::INFINITY, 0.0f64), |(low, high), cost| (low.min(cost), high.max(cost)));
    let axis = |label: &str| {
        Axis { scale: Scale::Logarithmic, ..Axis::numbers(label) }.within(low / 1.5, high * 1.5)
    };
    let equal = Series {
        name: "equal".into(),
        ink: Ink::Quiet,
        shape: Shape::Line { points: vec![(low, low), (high, high)], stroke: Stroke::Dashed, dot: Dot::None },
    };
    Panel {
        title: model.into(),
        x: axis("predicted, nats per token"),
        y: axis("measured, nats per token"),
        series: vec![
            equal,
            dots("attention", Part::Attention, Ink::SERIES[0], Dot::Circle),
            dots("MLP", Part::Mlp, Ink::SERIES[1], Dot::Square),
        ],
        marks: Vec::new(),
    }
}
