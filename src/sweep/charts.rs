//! Plots of a sweep: perplexity against parameters, and against every varying key.

use super::{Collected, Row, Spread};
use crate::plot::{Axis, Chart, Dot, Ink, Mark, Panel, Series, Shape, Stroke, Ticks};

/// Maximum number of lines that readers can distinguish in one plot.
const MOST_SERIES: usize = 8;

/// A chart with its caption. Its id names its files.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    pub id: String,
    /// The content of the chart in one sentence.
    pub shown: String,
    /// Advice on reading the chart.
    pub read: String,
    pub chart: Chart,
}

/// The charts for which there is data.
pub fn figures(collected: &Collected) -> Vec<Figure> {
    let measured: Vec<&Row> = collected.rows.iter().filter(|row| row.perplexity.is_some()).collect();
    if measured.is_empty() {
        return Vec::new();
    }
    let columns = &collected.columns;
    let by_key = (0..columns.len())
        .filter(|&column| !is_ratio(&columns[column]))
        .filter_map(|column| against_key(collected, &measured, column));
    against_parameters(collected, &measured).into_iter().chain(by_key).collect()
}

fn is_ratio(column: &str) -> bool {
    column.ends_with("ratio")
}

/// One line per method; a method is a combination of the keys other than ratios.
fn against_parameters(collected: &Collected, rows: &[&Row]) -> Option<Figure> {
    let methods = Methods::of(collected, rows, &is_ratio)?;
    let several = |method: &String| {
        let mut sizes: Vec<u64> =
            methods.rows(method).filter_map(|row| Some(row.parameters?.mean as u64)).collect();
        sizes.sort_unstable();
        sizes.dedup();
        sizes.len() > 1
    };
    if !methods.names.iter().any(several) {
        return None;
    }
    let most = rows.iter().filter_map(|row| Some(row.parameters?.mean)).fold(0.0, f64::max);
    let (unit, name) =
        if most < 1e9 { (1e6, "millions of parameters") } else { (1e9, "billions of parameters") };
    let mut series = Vec::new();
    for (at, method) in methods.names.iter().enumerate() {
        let mut points: Vec<(f64, Spread)> = methods
            .rows(method)
            .filter_map(|row| Some((row.parameters?.mean / unit, row.perplexity?)))
            .collect();
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        series.extend(line(method, at, &points));
    }
    Some(Figure {
        id: "perplexity-by-parameters".into(),
        shown: "Perplexity against the remaining parameters.".into(),
        read: format!("{} Lower is better; the dashed line is the dense model.", spread_words(rows)),
        chart: Chart::single(Panel {
            title: String::new(),
            x: Axis::numbers(name),
            y: perplexity_axis(&series, rows, true),
            marks: dense(rows),
            series,
        }),
    })
}

/// One panel per ratio, with the values of one key on the x axis.
fn against_key(collected: &Collected, rows: &[&Row], column: usize) -> Option<Figure> {
    let key = &collected.columns[column];
    let mut values: Vec<&str> = Vec::new();
    for row in rows {
        if !values.contains(&row.values[column].as_str()) {
            values.push(&row.values[column]);
        }
    }
    if values.len() < 2 {
        return None;
    }
    let mut numbers: Option<Vec<f64>> = values.iter().map(|value| value.parse().ok()).collect();
    if let Some(numbers) = &mut numbers {
        numbers.sort_by(f64::total_cmp);
    }
    let place = |value: &str| match &numbers {
        Some(_) => value.parse().ok(),
        None => values.iter().position(|other| *other == value).map(|at| at as f64),
    };
    let mut groups: Vec<usize> = rows.iter().map(|row| row.group).collect();
    groups.dedup();
    let mut panels = Vec::new();
    for &group in &groups {
        let inside: Vec<&Row> = rows.iter().copied().filter(|row| row.group == group).collect();
        let methods = Methods::of(collected, &inside, &|name| is_ratio(name) || name == key)?;
        let mut series = Vec::new();
        for (at, method) in methods.names.iter().enumerate() {
            let mut points: Vec<(f64, Spread)> = methods
                .rows(method)
                .filter_map(|row| Some((place(&row.values[column])?, row.perplexity?)))
                .collect();
            points.sort_by(|a, b| a.0.total_cmp(&b.0));
            match numbers {
                Some(_) => series.extend(line(method, at, &points)),
                None => series.extend(dots(method, (at, methods.names.len()), &points)),
            }
        }
        let label = key.replace('_', "-");
        let x = match &numbers {
            Some(numbers) => {
                Axis { ticks: Ticks::At(numbers.clone()), ..Axis::fitting(label, numbers.iter().copied()) }
            }
            None => Axis {
                ticks: Ticks::Names(values.iter().map(|value| (*value).to_owned()).collect()),
                ..Axis::numbers(label)
            }
            .within(-0.5, values.len() as f64 - 0.5),
        };
        let title = if groups.len() > 1 { ratio_of(collected, inside[0]) } else { String::new() };
        let y = perplexity_axis(&series, &inside, false);
        panels.push(Panel { title, x, y, series, marks: Vec::new() });
    }
    let columns = panels.len().min(2);
    Some(Figure {
        id: format!("perplexity-by-{}", key.replace('_', "-")),
        shown: format!("Perplexity by {}.", key.replace('_', "-")),
        read: format!("{} Axes do not start at 0.", spread_words(rows)),
        chart: Chart { panels, columns },
    })
}

/// Rows named by the columns that distinguish them, except for the columns left out.
struct Methods<'r> {
    names: Vec<String>,
    rows: Vec<(String, &'r Row)>,
}

impl<'r> Methods<'r> {
    /// None if there are more than [`MOST_SERIES`] methods.
    fn of(collected: &Collected, rows: &[&'r Row], left_out: &dyn Fn(&str) -> bool) -> Option<Self> {
        let (mut names, mut named): (Vec<String>, Vec<(String, &'r Row)>) = (Vec::new(), Vec::new());
        for &row in rows {
            let values = collected.columns.iter().zip(&row.values);
            let kept = values.filter(|(column, value)| !left_out(column) && !value.is_empty());
            let words = kept.map(|(column, value)| {
                // A bare number or boolean is unclear without its key.
                let bare = value.parse::<f64>().is_ok() || value.parse::<bool>().is_ok();
                if bare { format!("{} {value}", column.replace('_', "-")) } else { value.clone() }
            });
            let name = words.collect::<Vec<_>>().join(", ");
            if !names.contains(&name) {
                names.push(name.clone());
            }
            named.push((name, row));
        }
        (names.len() <= MOST_SERIES).then_some(Self { names, rows: named })
    }

    fn rows(&self, method: &str) -> impl Iterator<Item = &'r Row> {
        self.rows.iter().filter(move |(name, _)| name == method).map(|(_, row)| *row)
    }
}

fn line(name: &str, at: usize, points: &[(f64, Spread)]) -> Vec<Series> {
    let (ink, dot, stroke) = form(at);
    let line = points.iter().map(|(x, spread)| (*x, spread.mean)).collect();
    let shape = Shape::Line { points: line, stroke, dot };
    [whiskers(ink, points), Some(Series { name: name.into(), ink, shape })].into_iter().flatten().collect()
}

/// Dots for one of several methods, drawn side by side at each value.
fn dots(name: &str, (at, of): (usize, usize), points: &[(f64, Spread)]) -> Vec<Series> {
    const APART: f64 = 0.12;
    let (ink, dot, _) = form(at);
    let aside = (at as f64 - (of as f64 - 1.0) / 2.0) * APART;
    let points: Vec<(f64, Spread)> = points.iter().map(|(x, spread)| (x + aside, *spread)).collect();
    let dots = points.iter().map(|(x, spread)| (*x, spread.mean)).collect();
    let shape = Shape::Dots { points: dots, dot };
    [whiskers(ink, &points), Some(Series { name: name.into(), ink, shape })].into_iter().flatten().collect()
}

fn whiskers(ink: Ink, points: &[(f64, Spread)]) -> Option<Series> {
    let spread = points.iter().filter(|(_, spread)| spread.deviation.is_some());
    let spans: Vec<(f64, f64, f64)> = spread
        .map(|(x, spread)| {
            let (low, high) = spread.ends();
            (*x, low, high)
        })
        .collect();
    (!spans.is_empty()).then(|| Series { name: String::new(), ink, shape: Shape::Whiskers { spans } })
}

fn form(at: usize) -> (Ink, Dot, Stroke) {
    let count = Ink::SERIES.len();
    let stroke = if at < count { Stroke::Solid } else { Stroke::Dashed };
    (Ink::SERIES[at % count], Dot::SERIES[at % count], stroke)
}

/// An axis that spans only the values, which keeps differences of one per cent visible.
fn perplexity_axis(series: &[Series], rows: &[&Row], with_dense: bool) -> Axis {
    let shown = series.iter().flat_map(Series::points).map(|(_, y)| y);
    let dense = rows.iter().filter_map(|row| Some(row.perplexity_before?.mean)).filter(|_| with_dense);
    let values: Vec<f64> = shown.chain(dense).filter(|value| value.is_finite()).collect();
    let axis = Axis::fitting("perplexity", values.iter().copied());
    let (low, high) = values
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &value| (low.min(value), high.max(value)));
    match axis.scale {
        crate::plot::Scale::Logarithmic => axis,
        crate::plot::Scale::Linear if low <= high => {
            let room = if high > low { 0.1 * (high - low) } else { 0.05 * low.abs().max(1e-3) };
            axis.within(low - room, high + room)
        }
        crate::plot::Scale::Linear => axis,
    }
}

/// A line at the perplexity of the dense model, if all rows have the same.
fn dense(rows: &[&Row]) -> Vec<Mark> {
    let mut values: Vec<f64> = rows.iter().filter_map(|row| Some(row.perplexity_before?.mean)).collect();
    values.sort_by(f64::total_cmp);
    values.dedup();
    match values[..] {
        [y] => vec![Mark::Level { y, label: "dense".into() }],
        _ => Vec::new(),
    }
}

/// `ratio 0.25`, from the columns that contain ratios.
fn ratio_of(collected: &Collected, row: &Row) -> String {
    let values = collected.columns.iter().zip(&row.values).filter(|(column, _)| is_ratio(column));
    values
        .map(|(column, value)| format!("{} {value}", column.replace('_', "-")))
        .collect::<Vec<_>>()
        .join(", ")
}

fn spread_words(rows: &[&Row]) -> &'static str {
    match rows.iter().any(|row| row.perplexity.is_some_and(|spread| spread.deviation.is_some())) {
        true => "Means over seeds; whiskers are one sample standard deviation to each side.",
        false => "One run per point.",
    }
}
