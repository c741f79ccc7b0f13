//! Draws and saves charts of the explorer's state.

use std::ffi::OsStr;

use crate::{
    explorer::{AttemptResult, Figure, Picture, State, candidates, marked_curves, pareto},
    export,
    plot::{Chart, Look},
    protocol::{LayerPart, LayerRecord, Statistics},
    prune::Part,
    report::figures::{self, Curve, Scored, SizedSession},
    words::{Notation, attention_unit},
};

/// Bytes of a MiB.
const MIB: f64 = 1024.0 * 1024.0;

/// The chart of a figure.
///
/// # Errors
/// If the state has no data for it.
pub fn drawn(state: &State, picture: &Picture) -> Result<Chart, String> {
    chart(state, picture.figure).ok_or_else(|| "there is no data to draw yet".into())
}

/// Writes a chart completely or not at all. It replaces a file only if the picture requests it.
///
/// # Errors
/// If the file exists and must not be replaced, or cannot be written.
pub fn save(chart: &Chart, picture: &Picture) -> Result<(), String> {
    let Picture { figure: _, path, dark, force } = picture;
    let look = if *dark { Look::Dark } else { Look::Light };
    let png =
        path.extension().and_then(OsStr::to_str).is_some_and(|ending| ending.eq_ignore_ascii_case("png"));
    let bytes = if png { chart.png(look, chart.size()) } else { chart.svg(look, chart.size()).into_bytes() };
    export::write_file(path, *force, &bytes).map_err(|error| match error {
        export::Error::Exists(path) => {
            format!("{}: it already exists; choose another name, or turn on \"replace\"", path.display())
        }
        error => error.to_string(),
    })
}

fn chart(state: &State, figure: Figure) -> Option<Chart> {
    let active = |layer: usize| state.layers.get(layer).and_then(|layer| layer.active());
    let records = || -> Vec<LayerRecord> {
        state.layers.iter().filter_map(|layer| Some(layer.active()?.record.clone())).collect()
    };
    match figure {
        Figure::Ratios => Some(figures::ratio_curve(&state.schedule.ratios, &records())),
        Figure::Errors(measure) => {
            let notation = measure.notation(Notation::PerCent);
            let factor = if notation == Notation::PerCent { 100.0 } else { 1.0 };
            let scaled = |values: Vec<Option<f64>>| -> Vec<Option<f64>> {
                values.into_iter().map(|value| value.map(|value| factor * value)).collect()
            };
            let mut lines = vec![("active attempts".into(), scaled(measure.values(state)))];
            if let Some(what_if) = state.what_if.as_ref().filter(|what_if| what_if.is_current(state)) {
                let LayerPart { layer, part } = what_if.dense;
                lines.push((format!("{part} of layer {layer} dense"), scaled(what_if.values(measure))));
            }
            let title = format!("Output error, {}", measure.name());
            let unit = if notation == Notation::PerCent { "relative error, %" } else { measure.name() };
            Some(figures::output_errors(&records(), &title, unit, &lines))
        }
        Figure::MarkedCurves { layer: _, part: _ } => {
            let curves = marked_curves(state);
            let any = curves.iter().any(|(.., points)| !points.is_empty());
            any.then(|| figures::attempt_curves(&curves))
        }
        Figure::Pareto => {
            let found = pareto(state).points;
            let bytes = state.screens.compare.pareto.bytes;
            let size = |parameters: u64| match bytes {
                true => state.bytes_of(parameters) as f64 / MIB,
                false => parameters as f64 / 1e6,
            };
            let sessions: Vec<SizedSession> = found
                .iter()
                .map(|point| SizedSession {
                    size: size(point.parameters),
                    perplexity: point.perplexity,
                    front: point.front,
                })
                .collect();
            let axis = if bytes { "size, MiB" } else { "parameters, millions" };
            (!sessions.is_empty()).then(|| figures::size_and_perplexity(&sessions, axis))
        }
        Figure::Candidates => {
            let found = candidates(state);
            let axis = match found.guarded {
                true => "KL on the guard text, nats per token",
                false => "mean ratio of attention",
            };
            let points: Vec<figures::Candidate> = found
                .pruned
                .iter()
                .map(|candidate| figures::Candidate {
                    across: candidate.across,
                    divergence: candidate.divergence,
                    best: candidate.best,
                })
                .collect();
            (!points.is_empty()).then(|| figures::candidates(&points, axis))
        }
        Figure::Scores { layer, part } => {
            let result = active(layer)?;
            let (record, statistics) = (result.record(part), statistics(result, part)?);
            let scored =
                Scored { layer, record, statistics: &statistics, score: result.attempt.method.solver.score };
            Some(match part {
                Part::Attention => {
                    let unit = state.layers.get(layer)?.unit_of(record);
                    figures::head_scores(attention_unit(unit).0, &[scored])
                }
                Part::Mlp => figures::channel_scores(&[scored]),
            })
        }
        Figure::ErrorCurve { layer, part } => {
            let record = active(layer)?.record(part);
            let chosen = Some(record.removed.len());
            let curve = match state.layers.get(layer)?.curve(part) {
                Some(curve) => Curve { layer, units: curve.units, points: curve.points.clone(), chosen },
                None => Curve { chosen, ..figures::curve_of(layer, record) },
            };
            Some(figures::error_curves(&[(part.to_string(), vec![curve])]))
        }
        Figure::Hessian { layer, part } => {
            let seen = statistics(active(layer)?, part)?;
            Some(figures::hessian_diagonals(&[(format!("Layer {layer}, {part}"), &seen.picture)]))
        }
        Figure::Attempts { layer } => {
            let tried = state.layers.get(layer)?;
            let summaries = tried.attempts.iter();
            let summaries =
                summaries.map(|result| (result.summary(), tried.chosen == Some(result.attempt.number)));
            Some(figures::attempts(&[(layer, summaries.collect())]))
        }
        Figure::Sessions(quantity) => {
            let compared = state.compared().into_iter();
            let curves: Vec<_> =
                compared.map(|session| (session.name.clone(), session.values(quantity))).collect();
            let any = curves.iter().any(|(_, values)| values.iter().any(Option::is_some));
            any.then(|| figures::session_curves(quantity.title(), &curves))
        }
        Figure::BeforeAndAfter => {
            let mut model = state.model.as_ref()?.record.clone();
            model.parameters_after = state.parameters_active();
            let newest = state.compare.shown().next();
            let perplexity = newest.filter(|measured| !state.compare.stale(measured));
            Some(figures::before_and_after(&model, perplexity.map(|measured| &measured.record)))
        }
    }
}

fn statistics(result: &AttemptResult, part: Part) -> Option<Statistics> {
    let seen = result.seen(part)?;
    let (stats, picture, scores) = (seen.stats, seen.picture.clone(), seen.scores.clone());
    Some(Statistics { stats, picture, scores, energy: seen.energy })
}
