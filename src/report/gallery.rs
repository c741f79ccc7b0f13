//! The figures of a report with their captions, in order.

use std::collections::BTreeMap;

use super::{
    ReportInput,
    figures::{self, Curve, Scored},
    input::Layer,
};
use crate::{
    plot::Chart,
    protocol::AttemptSummary,
    prune::{Part, Score},
    words::{self, AttentionUnits},
};

/// A chart with its caption.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// The name of its files.
    pub id: &'static str,
    /// The caption: the content of the figure and its unit.
    pub shown: String,
    /// Advice on reading the figure.
    pub read: String,
    pub chart: Chart,
}

/// Complete error curves, computed with the model.
pub type Curves = BTreeMap<(usize, Part), Curve>;

/// For models with more layers, only selected layers are shown.
const ALL: usize = 32;

/// All figures with content.
pub fn gallery(input: &ReportInput, curves: &Curves) -> Vec<Figure> {
    let record = &input.record;
    let mut figures = vec![Figure {
        id: "size-and-perplexity",
        shown:
            "Parameters of the dense and of the pruned model, and the perplexity of both if it was measured."
                .into(),
        read:
            "Perplexity is the exponential of the mean negative log-likelihood of a token. Lower is better."
                .into(),
        chart: figures::before_and_after(&record.model, record.perplexity.as_ref()),
    }];
    if input.layers.iter().all(|layer| layer.solved.is_none()) {
        return figures;
    }
    figures.push(Figure {
        id: "ratios",
        shown: "Pruning ratio of each layer, in per cent of its heads and channels: planned (grey rings) and actual.".into(),
        read: "Early layers are usually pruned less, because all later layers depend on their outputs. Layers have few heads, so the \
               actual ratio of heads differs from the plan."
            .into(),
        chart: figures::ratio_curve(&input.planned, &solved_records(input)),
    });
    figures.push(Figure {
        id: "errors",
        shown: errors_shown(input),
        read: "The axis is logarithmic if errors differ by a factor of 100 or more.".into(),
        chart: figures::layer_errors(&solved_records(input)),
    });
    figures.extend(heads(input));
    figures.extend(channels(input));
    figures.extend(error_curves(input, curves));
    figures.extend(diagonals(input));
    figures.push(Figure {
        id: "damping-and-condition",
        shown: "Damping used for the inverse of the second moment G, relative to its mean diagonal, and the estimated condition \
                number of the damped matrix."
            .into(),
        read: "Damping above the setting means that G could not be inverted accurately with less. The estimate is a lower bound."
            .into(),
        chart: figures::damping_and_condition(&solved_records(input)),
    });
    figures.extend(attempts(input));
    figures
}

fn errors_shown(input: &ReportInput) -> String {
    let tracked = input.record.layers.iter().any(|layer| layer.output_error.is_some());
    let parts = "Left: the error of each part’s output, in per cent of the mean square of that output";
    if tracked {
        format!(
            "{parts}. Right: the error of the hidden states after each layer compared with the dense model, in per cent of \
             their mean square. It includes the errors of all earlier layers."
        )
    } else {
        format!(
            "{parts}. Right: the running sum of these errors over the layers. The error of the hidden states was not tracked \
             in this run (setting track-errors)."
        )
    }
}

fn solved_records(input: &ReportInput) -> Vec<crate::protocol::LayerRecord> {
    let solved = input.layers.iter().filter_map(|layer| layer.solved.as_ref());
    solved.map(|solved| solved.record.clone()).collect()
}

/// The solved parts of these layers, with their statistics.
fn scored<'s>(layers: &[&'s Layer], part: Part, score: Score) -> Vec<Scored<'s>> {
    let scored = |layer: &&'s Layer| {
        let (record, statistics) = layer.solved.as_ref()?.part(part);
        Some(Scored { layer: layer.index, record, statistics: statistics?, score })
    };
    layers.iter().filter_map(scored).collect()
}

fn shown_layers(input: &ReportInput, most: usize) -> Vec<&Layer> {
    if input.layers.len() <= most { input.layers.iter().collect() } else { input.chosen() }
}

/// Advice on reading the scores of a baseline.
const OF_BASELINE: &str = "The scores are those of a baseline: units with the lowest scores are removed. They are not relative to the output \
                           and do not change during the elimination.";

fn heads(input: &ReportInput) -> Option<Figure> {
    let layers = shown_layers(input, ALL);
    let score = input.record.settings.solver.score;
    let parts = scored(&layers, Part::Attention, score);
    let unit = AttentionUnits::of_run(&input.record).names().0;
    let (measure, read) = match score.is_baseline() {
        true => ("", OF_BASELINE),
        false => (
            ", in per cent of the mean square of the attention’s output",
            "The score is the increase in error if this unit alone were removed and the others compensated for it. It changes \
             with every removal, so the order of removal can differ from the order of the bars.",
        ),
    };
    (!parts.is_empty()).then(|| Figure {
        id: "head-scores",
        shown: format!(
            "Score of every {unit} before any removal{measure}. Bars of removed units are hollow and numbered in the order \
             of removal."
        ),
        read: read.into(),
        chart: figures::head_scores(unit, &parts),
    })
}

fn channels(input: &ReportInput) -> Option<Figure> {
    let layers = shown_layers(input, ALL / 4);
    let score = input.record.settings.solver.score;
    let parts = scored(&layers, Part::Mlp, score);
    let (measure, read) = match score.is_baseline() {
        true => ("", OF_BASELINE),
        false => (
            " and in per cent of the mean square of the MLP’s output",
            "The strip at the bottom marks the removed channels. It has gaps near the cut, because scores change during the \
             elimination.",
        ),
    };
    (!parts.is_empty()).then(|| Figure {
        id: "channel-scores",
        shown: format!(
            "Scores of the MLP’s channels before any removal, in ascending order{measure}. The dashed line marks \
             the number of removed channels."
        ),
        read: read.into(),
        chart: figures::channel_scores(&parts),
    })
}

fn error_curves(input: &ReportInput, traced: &Curves) -> Option<Figure> {
    let panel = |part: Part, title: &str| {
        let curve = |layer: &&Layer| {
            let (record, _) = layer.solved.as_ref()?.part(part);
            let own = figures::curve_of(layer.index, record);
            let chosen = Some(record.removed.len());
            let curve = traced.get(&(layer.index, part)).cloned();
            let curve = curve.map_or(own, |curve| Curve { chosen, ..curve });
            (curve.points.len() > 1).then_some(curve)
        };
        let whole = |&&(layer, of): &&(usize, Part)| of == part && layer < input.layers.len();
        let layers: Vec<&Layer> = match traced.keys().any(|key| whole(&key)) {
            true => traced.keys().filter(whole).map(|&(layer, _)| &input.layers[layer]).collect(),
            false => input.chosen(),
        };
        let curves: Vec<Curve> = layers.iter().filter_map(curve).collect();
        let panels = curves.chunks(figures::CURVES).map(|curves| (title.to_owned(), curves.to_vec()));
        panels.collect::<Vec<_>>()
    };
    let panels = [panel(Part::Attention, "Heads"), panel(Part::Mlp, "Channels")].concat();
    let (whose, far) = if traced.is_empty() {
        let whose = "the first, the middle and the last layer, and the layer with the largest error";
        (whose, "Lines end at the ratio of the run.")
    } else {
        let far = "Rings mark the ratio of the run; beyond them, the elimination was continued to the end.";
        ("the requested layers", far)
    };
    (!panels.is_empty()).then(|| Figure {
        id: "error-by-ratio",
        shown: format!(
            "Relative error of a part against the fraction of its units removed, both in per cent, for {whose}."
        ),
        read: format!("One elimination also yields the errors at all smaller ratios. {far}"),
        chart: figures::error_curves(&panels),
    })
}

fn diagonals(input: &ReportInput) -> Option<Figure> {
    let layers = input.chosen();
    let pictures = layers.iter().flat_map(|layer| {
        [Part::Attention, Part::Mlp].into_iter().filter_map(|part| {
            let (_, statistics) = layer.solved.as_ref()?.part(part);
            Some((format!("Layer {}, {}", layer.index, words::part(part)), &statistics?.picture))
        })
    });
    let pictures: Vec<_> = pictures.filter(|(_, picture)| !picture.diag_histogram.is_empty()).collect();
    (!pictures.is_empty()).then(|| Figure {
        id: "second-moments",
        shown: "Histogram of the diagonal of H = 2G, which is twice the mean square of each input over the calibration tokens; the \
                axis is logarithmic."
            .into(),
        read: "A wide spread means that few inputs carry most of the output. Those are expensive to remove; the others are cheap."
            .into(),
        chart: figures::hessian_diagonals(&pictures),
    })
}

fn attempts(input: &ReportInput) -> Option<Figure> {
    let several = input.layers.iter().filter(|layer| layer.attempts.len() > 1);
    let several: Vec<(usize, Vec<(AttemptSummary, bool)>)> =
        several.map(|layer| (layer.index, layer.attempts.clone())).collect();
    (!several.is_empty()).then(|| Figure {
        id: "attempts",
        shown: "Relative errors, in per cent, of all attempts at layers with more than one attempt.".into(),
        read: "Compare attempts only at equal ratios: with a smaller ratio, the error is smaller because less was removed. The table \
               below shows both."
            .into(),
        chart: figures::attempts(&several),
    })
}
