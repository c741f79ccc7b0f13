//! Charts of whole runs: ratios, errors, damping, size and perplexity, and attempts.

use super::{columns, of_part, percent};
use crate::{
    plot::{Axis, Bar, Chart, Dot, Fill, Ink, Mark, Panel, Series, Shape, Stroke, Ticks},
    protocol::{AttemptSummary, LayerRecord, ModelRecord, PartRecord, PerplexityRecord},
    prune::{LayerRatio, Part},
};

/// The planned ratio of each layer, and the fraction of units removed from each part.
pub fn ratio_curve(planned: &[LayerRatio], layers: &[LayerRecord]) -> Chart {
    let done = |part: Part, name: &str| {
        let (ink, dot) = of_part(part);
        let points = solved(layers, part).map(|(layer, record)| (layer, percent(removed_share(record))));
        Series { name: name.into(), ink, shape: Shape::Dots { points: points.collect(), dot } }
    };
    let mean = planned.iter().map(|ratio| ratio.mean()).sum::<f64>() / planned.len().max(1) as f64;
    let mean = Mark::Level { y: percent(mean), label: format!("mean {:.1} %", percent(mean)) };
    let plan = |part: Part, name: &str, ink| {
        let points = planned.iter().enumerate().map(|(layer, ratio)| (layer as f64, percent(ratio.of(part))));
        let shape = Shape::Line { points: points.collect(), stroke: Stroke::Dashed, dot: Dot::Ring };
        Series { name: name.into(), ink, shape }
    };
    let mut series = match planned.iter().all(|ratio| ratio.one().is_some()) {
        true => vec![plan(Part::Mlp, "planned", Ink::Quiet)],
        false => vec![
            plan(Part::Attention, "heads planned", of_part(Part::Attention).0),
            plan(Part::Mlp, "channels planned", of_part(Part::Mlp).0),
        ],
    };
    series.extend([done(Part::Attention, "heads removed"), done(Part::Mlp, "channels removed")]);
    Chart::single(Panel {
        title: String::new(),
        x: Axis::whole("layer"),
        y: Axis::numbers("pruning ratio, % of units"),
        marks: if planned.is_empty() { Vec::new() } else { vec![mean] },
        series,
    })
}

/// The error of each part, and the accumulated error: that of the hidden states if tracked, otherwise the
/// running sum of the parts' errors.
pub fn layer_errors(layers: &[LayerRecord]) -> Chart {
    let part = |part: Part, name: &str| {
        let (ink, dot) = of_part(part);
        let points = solved(layers, part).map(|(layer, record)| (layer, percent(record.relative_error)));
        Series::line(name, ink, dot, points.collect())
    };
    let parts = vec![part(Part::Attention, "attention"), part(Part::Mlp, "MLP")];
    let tracked: Vec<(f64, f64)> =
        layers.iter().filter_map(|layer| Some((layer.index as f64, percent(layer.output_error?)))).collect();
    let mut sum = 0.0;
    let summed = layers.iter().map(|layer| {
        let errors = [layer.attention.relative_error, layer.mlp.relative_error];
        sum += errors.into_iter().filter(|error| error.is_finite()).sum::<f64>();
        (layer.index as f64, percent(sum))
    });
    let summed: Vec<(f64, f64)> = summed.collect();
    let (title, points, dot) = match tracked.is_empty() {
        false => ("Error of the hidden states after each layer", tracked, Dot::Triangle),
        true => ("Running sum of the parts’ errors", summed, Dot::Diamond),
    };
    let piled = vec![Series::line("", Ink::Third, dot, points)];
    let panel = |title: &str, label: &str, series: Vec<Series>| Panel {
        title: title.into(),
        x: Axis::whole("layer"),
        y: Axis::fitting(label, series.iter().flat_map(Series::points).map(|(_, y)| y)),
        series,
        marks: Vec::new(),
    };
    let panels = vec![
        panel("Error of each part", "relative error, %", parts),
        panel(title, "relative error, %", piled),
    ];
    Chart { panels, columns: 2 }
}

/// The damping of each inverse, and the estimated condition number of the damped matrix.
pub fn damping_and_condition(layers: &[LayerRecord]) -> Chart {
    let panel = |title: &str, label: &str, value: fn(&PartRecord) -> Option<f64>| {
        let series = |part: Part, name: &str| {
            let (ink, dot) = of_part(part);
            let points = solved(layers, part).filter_map(|(layer, record)| Some((layer, value(record)?)));
            Series::line(name, ink, dot, points.collect())
        };
        let series = vec![series(Part::Attention, "attention"), series(Part::Mlp, "MLP")];
        Panel {
            title: title.into(),
            x: Axis::whole("layer"),
            y: Axis::fitting(label, series.iter().flat_map(Series::points).map(|(_, y)| y)),
            series,
            marks: Vec::new(),
        }
    };
    let damping = |record: &PartRecord| Some(record.hessian?.damping_used);
    let condition = |record: &PartRecord| record.hessian.map(|stats| stats.condition).filter(|&c| c > 0.0);
    let panels = vec![
        panel("Damping", "relative to the mean diagonal of G", damping),
        panel("Condition of the damped matrix", "condition number", condition),
    ];
    Chart { panels, columns: 2 }
}

/// Parameters and perplexity of the dense and the pruned model.
pub fn before_and_after(model: &ModelRecord, perplexity: Option<&PerplexityRecord>) -> Chart {
    let bars = |title: &str, label: &str, before: f64, after: f64, text: fn(f64) -> String| {
        let bar = |x: f64, height: f64, fill: Fill| Bar { x, height, fill, note: text(height) };
        let bars = vec![bar(0.0, before, Fill::Hollow), bar(1.0, after, Fill::Full)];
        let x = Axis { ticks: Ticks::Names(vec!["dense".into(), "pruned".into()]), ..Axis::numbers("") };
        Panel {
            title: title.into(),
            x: x.within(-0.6, 1.6),
            y: Axis::numbers(label).within(0.0, 1.15 * before.max(after).max(f64::MIN_POSITIVE)),
            series: vec![Series {
                name: String::new(),
                ink: Ink::Third,
                shape: Shape::Bars { bars, width: 0.6 },
            }],
            marks: Vec::new(),
        }
    };
    let (before, after) = (model.parameters_before as f64, model.parameters_after as f64);
    let mut panels = vec![bars("Parameters", "", before, after, |count| crate::words::count(count as u64))];
    if let Some(PerplexityRecord { before, after: Some(after), .. }) = perplexity
        && before.is_finite()
        && after.is_finite()
    {
        panels.push(bars("Perplexity", "", *before, *after, |value| format!("{value:.2}")));
    }
    Chart { columns: panels.len(), panels }
}

/// One quantity of several sessions: their names, and their values per layer.
pub fn session_curves(quantity: &str, sessions: &[(String, Vec<Option<f64>>)]) -> Chart {
    let one = |(at, (name, values)): (usize, &(String, Vec<Option<f64>>))| {
        let points = values.iter().enumerate();
        let points = points.filter_map(|(layer, value)| Some((layer as f64, percent((*value)?))));
        let place = at % Ink::SERIES.len();
        // After the last colour, colours repeat with dashed lines.
        let (stroke, dot) = match at == place {
            true => (Stroke::Solid, Dot::SERIES[place]),
            false => (Stroke::Dashed, Dot::Ring),
        };
        let shape = Shape::Line { points: points.collect(), stroke, dot };
        Series { name: name.clone(), ink: Ink::SERIES[place], shape }
    };
    let series: Vec<Series> = sessions.iter().enumerate().map(one).collect();
    Chart::single(Panel {
        title: String::new(),
        x: Axis::whole("layer"),
        y: Axis::fitting(
            format!("{quantity}, %"),
            series.iter().flat_map(Series::points).map(|(_, value)| value),
        ),
        series,
        marks: Vec::new(),
    })
}

/// The errors of attempts: (layer, its attempts, and whether each is active).
pub fn attempts(layers: &[(usize, Vec<(AttemptSummary, bool)>)]) -> Chart {
    let panel = |(layer, tries): &(usize, Vec<(AttemptSummary, bool)>)| {
        let names = tries.iter().map(|(attempt, active)| {
            let force = if *active { ", active" } else { "" };
            format!("{}{force}", attempt.number)
        });
        let series = |name: &str, (ink, dot): (Ink, Dot), error: fn(&AttemptSummary) -> Option<f64>| {
            let points = tries.iter().enumerate();
            let points = points.filter_map(|(at, (attempt, _))| Some((at as f64, percent(error(attempt)?))));
            Series { name: name.into(), ink, shape: Shape::Dots { points: points.collect(), dot } }
        };
        let mut all = vec![
            series("attention", of_part(Part::Attention), |attempt| Some(attempt.attention.relative_error)),
            series("MLP", of_part(Part::Mlp), |attempt| Some(attempt.mlp.relative_error)),
            series("hidden states", (Ink::Third, Dot::Triangle), |attempt| attempt.output_error),
        ];
        all.retain(|series| !series.points().is_empty());
        let x = Axis { ticks: Ticks::Names(names.collect()), ..Axis::numbers("attempt") };
        Panel {
            title: format!("Layer {layer}"),
            x: x.within(-0.5, tries.len() as f64 - 0.5),
            y: Axis::fitting("relative error, %", all.iter().flat_map(Series::points).map(|(_, y)| y)),
            series: all,
            marks: Vec::new(),
        }
    };
    let panels: Vec<Panel> = layers.iter().map(panel).collect();
    Chart { columns: columns(panels.len()), panels }
}

/// The layers in which the part was solved, with the records of the part.
fn solved(layers: &[LayerRecord], part: Part) -> impl Iterator<Item = (f64, &PartRecord)> {
    layers.iter().filter_map(move |layer| {
        let record = match part {
            Part::Attention => &layer.attention,
            Part::Mlp => &layer.mlp,
        };
        record.hessian.map(|_| (layer.index as f64, record))
    })
}

fn removed_share(record: &PartRecord) -> f64 {
    record.removed.len() as f64 / record.units.max(1) as f64
}
