//! The tables of layers and of attempts, and the summary of a run.

use super::columns::{
    Columns,
    Side::{Left, Right},
};
use crate::{
    protocol::{
        Attempt, PartOverride, PartSummary, PerplexityRecord, RoundingCost, RunRecord, SwapGain, Verified,
        WrittenRecord,
    },
    prune::Part,
    words::{
        self, AttentionUnits, duration, fewer, kept, or_dash, perplexities_and_errors, ratio, relative_error,
    },
};

/// One row per layer: ratio, kept units and relative errors.
pub fn layers(record: &RunRecord) -> String {
    let tracked = record.layers.iter().any(|layer| layer.output_error.is_some());
    let units = AttentionUnits::of_run(record);
    let mut columns = Columns::new([
        ("layer", Right),
        ("ratio", Right),
        (units.names().1, Right),
        ("channels", Right),
        ("attn error", Right),
        ("mlp error", Right),
    ]);
    if tracked {
        columns.add("output error", Right);
    }
    for layer in &record.layers {
        let (attention, mlp) = (PartSummary::from(&layer.attention), PartSummary::from(&layer.mlp));
        let row = [
            layer.index.to_string(),
            ratio(layer.ratio),
            units.kept(&attention),
            kept(&mlp),
            relative_error(attention.relative_error),
            relative_error(mlp.relative_error),
        ];
        columns.row(row.into_iter().chain(layer.output_error.map(relative_error)));
    }
    columns.to_string()
}

/// Parameters, perplexity, formats and times of a run, one line each.
pub fn summary(record: &RunRecord) -> String {
    let (before, after) = (record.model.parameters_before, record.model.parameters_after);
    let mut text = format!("Parameters: {before} → {after} ({} fewer)\n", fewer(before, after));
    if let Some(cost) = record.rounding_cost() {
        text += &rounded_sizes(record, cost);
    }
    if let Some(SwapGain { swaps, error_before, error_after }) = record.swap_gain() {
        let (before, after) = (relative_error(error_before), relative_error(error_after));
        text += &format!("Swaps: {swaps}, mean error of the refined parts {before} → {after}\n");
    }
    for (record, name) in [(&record.perplexity, "Perplexity"), (&record.guard, "Guard")] {
        text += &record.as_ref().map(|record| perplexity(name, record)).unwrap_or_default();
    }
    for record in &record.written {
        text += &written(record);
    }
    let seconds = &record.seconds;
    text + &format!(
        "Time: {} (calibration {}, solve {}, evaluate {}, export {})\n",
        duration(seconds.total),
        duration(seconds.calibration),
        duration(seconds.solve),
        duration(seconds.evaluate),
        duration(seconds.export)
    )
}

/// The error at the rounded sizes compared with the error at the scheduled sizes.
fn rounded_sizes(record: &RunRecord, RoundingCost { error, scheduled }: RoundingCost) -> String {
    let settings = &record.settings;
    let mut sizes = Vec::new();
    if settings.ratios.uniform {
        sizes.push("the same in every layer".to_string());
    }
    if settings.ratios.channel_multiple > 1 {
        sizes.push(format!("channels in multiples of {}", settings.ratios.channel_multiple));
    }
    let change =
        if scheduled > 0.0 { format!(" ({})", words::change(scheduled, error)) } else { String::new() };
    format!(
        "Sizes: {}; mean error {} instead of {} at the scheduled sizes{change}\n",
        sizes.join(", "),
        relative_error(error),
        relative_error(scheduled)
    )
}

/// A written format and its verification.
fn written(record: &WrittenRecord) -> String {
    let WrittenRecord { format, weights, loaded_as, remote_code, verified } = record;
    let code = if *remote_code { ", with remote code" } else { "" };
    let verification = match verified {
        Some(Verified { largest_difference, tolerance, tokens, .. }) => format!(
            "verified on {tokens} tokens: logits differ by at most {largest_difference:.1e} (tolerance {tolerance:.1e})"
        ),
        None => "not verified".into(),
    };
    format!("Format {format}: {weights}, {loaded_as}{code}; {verification}\n")
}

/// A perplexity before and after pruning, with its text.
pub fn perplexity(name: &str, record: &PerplexityRecord) -> String {
    let PerplexityRecord { text, seq_len, tokens, bos, after, .. } = record;
    let unmeasured = if after.is_none() { " (the pruned model is not measured)" } else { "" };
    let bos = if *bos { "with" } else { "without" };
    format!(
        "{name}: {}{unmeasured} on {text}\n            ({tokens} tokens in windows of {seq_len}, {bos} BOS)\n",
        perplexities_and_errors(record)
    )
}

/// An empty table of attempts.
pub fn attempts() -> Columns {
    Columns::new([
        ("attempt", Right),
        ("ratio", Right),
        ("parts", Left),
        ("damping", Right),
        ("score", Left),
        ("groups", Left),
        ("compensated", Left),
        ("attention", Right),
        ("channels", Right),
        ("attn error", Right),
        ("mlp error", Right),
        ("output error", Right),
        ("", Left),
    ])
}

/// The row of one attempt: its method, its results and its status. If its parts were solved differently, both
/// values are shown, the attention's first. `units` are those of all attempts of the table.
pub fn attempt(
    attempt: &Attempt,
    units: AttentionUnits,
    (attention, mlp, output_error): (Option<PartSummary>, Option<PartSummary>, Option<f64>),
    status: &str,
) -> [String; 13] {
    let Attempt { number, method, .. } = attempt;
    let parts: Vec<String> = method.parts.iter().map(Part::to_string).collect();
    let each = |text: &dyn Fn(&PartOverride) -> String| {
        let methods = method.parts.iter().filter_map(|&part| method.of_part(part));
        let mut texts: Vec<String> = methods.map(|method| text(&method)).collect();
        texts.dedup();
        texts.join("/")
    };
    [
        number.to_string(),
        each(&|method| ratio(method.ratio)),
        parts.join(","),
        each(&|method| method.solver.damping.to_string()),
        each(&|part| part.solver.score.order_of_heads(method.solver.head_score).into()),
        method.solver.group_size.to_string(),
        each(&|method| if method.solver.compensation { "yes" } else { "no" }.into()),
        or_dash(attention, |part| units.kept(&part)),
        or_dash(mlp, |part| kept(&part)),
        or_dash(attention, |part| relative_error(part.relative_error)),
        or_dash(mlp, |part| relative_error(part.relative_error)),
        or_dash(output_error, relative_error),
        status.into(),
    ]
}
