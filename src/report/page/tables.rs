//! The tables of the page.

use super::{
    super::{LayerState, ReportInput, input::Layer},
    inline::escape,
};
use crate::{
    protocol::{AttemptSummary, PartSummary},
    prune::{LayerRatio, Part},
    words::{AttentionUnits, bytes, count, date, duration, relative_error, short},
};

/// A cell, with the fraction of its width to shade as a bar.
pub struct Cell {
    pub text: String,
    pub share: Option<f64>,
}

impl Cell {
    pub fn of(text: impl Into<String>) -> Self {
        Self { text: text.into(), share: None }
    }

    fn none() -> Self {
        Self::of("–")
    }

    /// An error, shaded relative to the largest error in its column.
    fn error(error: Option<f64>, largest: f64) -> Self {
        let share = error.map(|error| error / largest).filter(|share| share.is_finite());
        Self { text: error.map_or("–".into(), relative_error), share }
    }
}

/// Rows are (class, cells).
pub fn table(
    caption: &str,
    heads: &[&str],
    rows: impl IntoIterator<Item = (&'static str, Vec<Cell>)>,
) -> String {
    let heads = heads.iter().map(|head| format!("<th scope=\"col\">{}</th>", escape(head)));
    let cell = |Cell { text, share }: &Cell| match share {
        Some(share) => {
            format!(
                "<td class=\"bar\" style=\"--share:{:.1}%\">{}</td>",
                100.0 * share.clamp(0.0, 1.0),
                escape(text)
            )
        }
        None => format!("<td>{}</td>", escape(text)),
    };
    let rows = rows.into_iter().map(|(class, cells)| {
        format!("<tr class=\"{class}\">{}</tr>\n", cells.iter().map(cell).collect::<String>())
    });
    format!(
        "<div class=\"table\" tabindex=\"0\" role=\"region\" aria-label=\"{0}\"><table><caption>{0}</caption>\
         <thead><tr>{1}</tr></thead>\n<tbody>\n{2}</tbody></table></div>\n",
        escape(caption),
        heads.collect::<String>(),
        rows.collect::<String>()
    )
}

pub fn layers(input: &ReportInput) -> String {
    let units = AttentionUnits::of_run(&input.record);
    let largest = |error: fn(&AttemptSummary) -> Option<f64>| {
        let errors = input.layers.iter().filter_map(|layer| error(layer.summary.as_ref()?));
        errors.filter(|error| error.is_finite()).fold(0.0, f64::max)
    };
    let (attention, mlp) = (
        largest(|layer| Some(layer.attention.relative_error)),
        largest(|layer| Some(layer.mlp.relative_error)),
    );
    let output = largest(|layer| layer.output_error);
    let row = |layer: &Layer| {
        let summary = layer.summary.as_ref();
        let kept = |part: fn(&AttemptSummary) -> PartSummary| match summary.map(part) {
            Some(part) => Cell::of(kept(units, part)),
            None => Cell::none(),
        };
        let damping = |part: Part| {
            let stats = layer.solved.as_ref().and_then(|solved| solved.part(part).0.hessian);
            stats.map(|stats| (stats.damping_used, stats.condition))
        };
        let both = |value: fn((f64, f64)) -> f64| {
            let values = [damping(Part::Attention), damping(Part::Mlp)];
            let mut texts: Vec<String> =
                values.map(|values| values.map_or("–".into(), |values| short(value(values)))).into();
            texts.dedup();
            Cell::of(texts.join(" / "))
        };
        let planned = input.planned.get(layer.index);
        let ratio = summary.map(|layer| layer.ratio).or(planned.copied());
        let tuned = input.record.tuned.iter().any(|tuned| tuned.layer == layer.index);
        let state = match (layer.facts.state, layer.incomplete) {
            (LayerState::Dense, 0) => "dense",
            (LayerState::Dense, _) => "incomplete",
            (LayerState::Pruned, _) if tuned => "tuned",
            (LayerState::Pruned, _) => "",
            (LayerState::Stale, _) => "stale",
            (LayerState::Damaged, _) => "damaged",
        };
        let cells = vec![
            Cell::of(layer.index.to_string()),
            Cell::of(ratio.map_or("–".into(), in_percent)),
            kept(|layer| layer.attention),
            kept(|layer| layer.mlp),
            Cell::error(summary.map(|layer| layer.attention.relative_error), attention),
            Cell::error(summary.map(|layer| layer.mlp.relative_error), mlp),
            Cell::error(summary.and_then(|layer| layer.output_error), output),
            both(|values| values.0),
            both(|values| values.1),
            Cell::of(layer.facts.attempt.map_or("–".into(), |number| number.to_string())),
            Cell::of(state),
        ];
        (layer.facts.state.name(), cells)
    };
    let heads = [
        "layer",
        "ratio",
        units.names().1,
        "channels",
        "attention error",
        "MLP error",
        "hidden-state error",
        "damping",
        "condition",
        "attempt",
        "",
    ];
    let caption = "Kept units and relative errors of each layer. If damping or condition differ between the parts, the value \
                   of the attention is first.";
    table(caption, &heads, input.layers.iter().map(row))
}

/// The number of kept units, with their name if the units of the table differ.
fn kept(units: AttentionUnits, part: PartSummary) -> String {
    let PartSummary { kept, units: before, unit, .. } = part;
    format!("{} of {}{}", count(kept as u64), count(before as u64), units.suffix(unit))
}

pub fn attempts(input: &ReportInput) -> String {
    let several = input.layers.iter().filter(|layer| layer.attempts.len() > 1);
    let tried = several.clone().flat_map(|layer| &layer.attempts);
    let setting = input.record.settings.objective.attention_unit;
    let units = AttentionUnits::of(tried.map(|(attempt, _)| attempt.attention.unit), setting);
    let rows = several.flat_map(|layer| {
        layer.attempts.iter().map(move |(attempt, active)| {
            let cells = vec![
                Cell::of(layer.index.to_string()),
                Cell::of(attempt.number.to_string()),
                Cell::of(in_percent(attempt.ratio)),
                Cell::of(kept(units, attempt.attention)),
                Cell::of(kept(units, attempt.mlp)),
                Cell::of(relative_error(attempt.attention.relative_error)),
                Cell::of(relative_error(attempt.mlp.relative_error)),
                Cell::of(attempt.output_error.map_or("–".into(), relative_error)),
                Cell::of(if *active { "active" } else { "" }),
            ];
            (if *active { "pruned" } else { "inactive" }, cells)
        })
    });
    let heads = [
        "layer",
        "attempt",
        "ratio",
        "heads kept",
        "channels kept",
        "attention error",
        "MLP error",
        "hidden-state error",
        "",
    ];
    table("Layers with more than one attempt.", &heads, rows)
}

/// `25.00 %`; `10.00/30.00 %` if heads and channels differ.
fn in_percent(ratio: LayerRatio) -> String {
    format!("{:.2} %", ratio.map(|ratio| 100.0 * ratio))
}

pub fn settings(input: &ReportInput) -> String {
    let record = &input.record;
    let file = escape(&record.settings.to_file(None));
    let mut text = format!(
        "<p>Settings of the run, in the format of <code>slimgpt prune --config</code>.</p>\n<pre class=\"settings\">{file}</pre>\n"
    );
    if !record.tuned.is_empty() {
        let rows = record.tuned.iter().map(|tuned| {
            let method = &tuned.method;
            let parts: Vec<String> = method.parts.iter().map(Part::to_string).collect();
            let cells = vec![
                Cell::of(tuned.layer.to_string()),
                Cell::of(in_percent(method.ratio)),
                Cell::of(parts.join(", ")),
                Cell::of(short(method.solver.damping)),
                Cell::of(method.solver.score.order_of_heads(method.solver.head_score)),
                Cell::of(method.solver.group_size.to_string()),
                Cell::of(if method.solver.compensation { "yes" } else { "no" }),
            ];
            ("", cells)
        });
        let heads = ["layer", "ratio", "parts", "damping", "score", "group size", "fitted"];
        text += &table("Layers that were pruned with individual settings.", &heads, rows);
    }
    text
}

pub fn environment(input: &ReportInput) -> String {
    let record = &input.record;
    let calibration = &record.calibration;
    let seconds = &record.seconds;
    let mut rows = vec![
        ("slimgpt", record.slimgpt_version.clone()),
        ("session", format!("{}, created {}", input.session.name, date(input.created))),
        ("last changed", date(input.changed)),
        ("model", format!("{}, {}, {} layers", record.model.name, record.model.family, record.model.layers)),
        ("config.json", format!("SHA-256 {}", record.model.config_sha256)),
        (
            "calibration",
            format!(
                "{} tokens: {} windows of {} from {}, seed {}",
                count(calibration.tokens),
                calibration.samples,
                calibration.seq_len,
                calibration.files.join(", "),
                calibration.seed
            ),
        ),
    ];
    for (perplexity, what) in [(&record.perplexity, "evaluation"), (&record.guard, "second evaluation")] {
        let Some(perplexity) = perplexity else { continue };
        let bos = if perplexity.bos { "with" } else { "without" };
        let tokens = count(perplexity.tokens);
        rows.push((
            what,
            format!(
                "{tokens} tokens of {} in windows of {}, {bos} a BOS token",
                perplexity.text, perplexity.seq_len
            ),
        ));
    }
    rows.push((
        "run time",
        format!(
            "{}: calibration {}, solving {}, evaluation {}, export {}",
            duration(seconds.total),
            duration(seconds.calibration),
            duration(seconds.solve),
            duration(seconds.evaluate),
            duration(seconds.export)
        ),
    ));
    if let Some(peak) = record.peak_memory_bytes {
        rows.push(("peak memory", bytes(peak)));
    }
    if let Some(kernels) = &record.kernels {
        rows.push(("kernels of matrix products", kernels.clone()));
    }
    for written in &record.written {
        let compared = written.verified.map(|verified| {
            format!("; read back, logits differ by at most {:.1e}", verified.largest_difference)
        });
        let compared = compared.unwrap_or_default();
        rows.push(("written", format!("{}, {} weights{compared}", written.loaded_as, written.weights)));
    }
    let rows =
        rows.iter().map(|(key, value)| format!("<div><dt>{key}</dt><dd>{}</dd></div>\n", escape(value)));
    format!("<dl class=\"facts\">{}</dl>\n", rows.collect::<String>())
}
