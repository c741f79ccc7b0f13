//! The figures of a report, in their order, with what each of them shows.

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
};

/// A chart with its place on the page and its words.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// Its files are called so.
    pub id: &'static str,
    /// What is shown, and its unit: one sentence.
    pub shown: String,
    /// How it is read.
    pub read: String,
    pub chart: Chart,
}

/// Whole error curves that were computed with the model.
pub type Curves = BTreeMap<(usize, Part), Curve>;

/// Layers that are all shown, at most; of more, only the chosen ones are.
const ALL: usize = 32;

/// Figures without anything to show are left out.
pub fn gallery(input: &ReportInput, curves: &Curves) -> Vec<Figure> {
    let record = &input.record;
    let mut figures = vec![Figure {
        id: "size-and-perplexity",
        shown: "Parameters of the dense and of the pruned model, and the perplexity of both where it was measured.".into(),
        read: "Perplexity is the exponential of the mean negative log-likelihood of a token: the smaller, the better."
            .into(),
        chart: figures::before_and_after(&record.model, record.perplexity.as_ref()),
    }];
    if input.layers.iter().all(|layer| layer.solved.is_none()) {
        return figures;
    }
    figures.push(Figure {
        id: "ratios",
        shown: "Pruning ratio of each layer, in per cent of its heads and channels: planned (grey rings) and done.".into(),
        read: "Early layers are pruned less, since all later ones work on what they leave. Heads are few, so their share \
               moves in steps around the plan."
            .into(),
        chart: figures::ratio_curve(&input.planned, &solved_records(input)),
    });
    figures.push(Figure {
        id: "errors",
        shown: errors_shown(input),
        read: "A logarithmic axis is taken where errors differ by much: a step of one tick is then a factor, not a sum."
            .into(),
        chart: figures::layer_errors(&solved_records(input)),
    });
    figures.extend(heads(input));
    figures.extend(channels(input));
    figures.extend(error_curves(input, curves));
    figures.extend(diagonals(input));
    figures.push(Figure {
        id: "damping-and-condition",
        shown: "Damping that the inverse of the second moment G needed, as a share of its mean diagonal, and the estimated \
                ratio of the largest to the smallest eigenvalue of the damped matrix."
            .into(),
        read: "Damping above the setting says that G alone could not be inverted safely. The estimate is a lower bound."
            .into(),
        chart: figures::damping_and_condition(&solved_records(input)),
    });
    figures.extend(attempts(input));
    figures
}

fn errors_shown(input: &ReportInput) -> String {
    let tracked = input.record.layers.iter().any(|layer| layer.output_error.is_some());
    let parts =
        "Left: the error that each part adds to its own output, in per cent of that output’s mean square";
    if tracked {
        format!(
            "{parts}. Right: the error of the hidden states behind each layer against the dense model, in per cent of \
             their mean square, which gathers what all layers above have left."
        )
    } else {
        format!(
            "{parts}. Right: the running sum of these errors down the layers; the error of the hidden states themselves \
             was not tracked in this run (setting track-errors)."
        )
    }
}

fn solved_records(input: &ReportInput) -> Vec<crate::protocol::LayerRecord> {
    let solved = input.layers.iter().filter_map(|layer| layer.solved.as_ref());
    solved.map(|solved| solved.record.clone()).collect()
}

/// Parts with their statistics, of all layers or of the chosen ones.
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

/// How the scores of a baseline are read.
const OF_BASELINE: &str = "The score is that of another method, by which those with the lowest leave. It is no share of the \
                           output and does not change while others leave.";

fn heads(input: &ReportInput) -> Option<Figure> {
    let layers = shown_layers(input, ALL);
    let score = input.record.settings.score;
    let parts = scored(&layers, Part::Attention, score);
    let unit = figures::unit_name(input.record.settings.attention_unit);
    let (measure, read) = match score.is_baseline() {
        true => ("", OF_BASELINE),
        false => (
            ", in per cent of the mean square of the attention’s output",
            "The score is what the output would lose if this one left alone and the others made up for it. It changes \
             with every removal, so the order need not follow the bars.",
        ),
    };
    (!parts.is_empty()).then(|| Figure {
        id: "head-scores",
        shown: format!(
            "Score of every {unit} before anything was removed{measure}; removed ones are hollow, with their place in the \
             order of removal."
        ),
        read: read.into(),
        chart: figures::head_scores(unit, &parts),
    })
}

fn channels(input: &ReportInput) -> Option<Figure> {
    let layers = shown_layers(input, ALL / 4);
    let score = input.record.settings.score;
    let parts = scored(&layers, Part::Mlp, score);
    let (measure, read) = match score.is_baseline() {
        true => ("", OF_BASELINE),
        false => (
            " and in per cent of the mean square of the MLP’s output",
            "The strip below marks the channels that did leave. It frays at the cut, because the scores of those that \
             stay change while others leave.",
        ),
    };
    (!parts.is_empty()).then(|| Figure {
        id: "channel-scores",
        shown: format!(
            "Scores of the MLP’s channels before anything was removed, in rising order{measure}; the dashed line stands \
             where as many channels lie to its left as were removed."
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
        let whose = "the first, the middle and the last layer and the one with the largest error";
        (whose, "Lines end at the ratio that was taken, where the run stopped.")
    } else {
        let far = "Rings mark what was taken; beyond them the elimination went on to its end.";
        ("the layers that were asked for", far)
    };
    (!panels.is_empty()).then(|| Figure {
        id: "error-by-ratio",
        shown: format!(
            "Relative error of a part against the share of its units that have left, both in per cent, for {whose}."
        ),
        read: format!("One elimination passes through every smaller ratio on its way. {far}"),
        chart: figures::error_curves(&panels),
    })
}

fn diagonals(input: &ReportInput) -> Option<Figure> {
    let layers = input.chosen();
    let pictures = layers.iter().flat_map(|layer| {
        [Part::Attention, Part::Mlp].into_iter().filter_map(|part| {
            let (_, statistics) = layer.solved.as_ref()?.part(part);
            Some((format!("Layer {}, {}", layer.index, crate::words::part(part)), &statistics?.picture))
        })
    });
    let pictures: Vec<_> = pictures.filter(|(_, picture)| !picture.diag_histogram.is_empty()).collect();
    (!pictures.is_empty()).then(|| Figure {
        id: "second-moments",
        shown: "Number of inputs of the scored weight by their diagonal entry of H = 2G, twice their mean square over the \
                calibration tokens, in powers of ten."
            .into(),
        read: "A wide spread says that few inputs carry most of the output: these are dear to remove, and the others cheap."
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
        shown: "Relative errors, in per cent, of all attempts at layers that were tried more than once.".into(),
        read: "An attempt at another ratio is no better for its smaller error: it removed less. The table below has both."
            .into(),
        chart: figures::attempts(&several),
    })
}
