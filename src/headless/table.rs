//! The table of the layers and the lines below it; the table of a layer's attempts.

use super::{
    columns::{Columns, Side},
    words::{error, kept, or_dash},
};
use crate::{
    protocol::{
        Attempt, PartOverride, PartRecord, PartSummary, PerplexityRecord, RoundingCost, RunRecord, SwapGain,
        Verified, WrittenRecord,
    },
    prune::{AttentionUnit, Part},
};

/// A row a layer: ratio, kept units, errors.
pub fn layers(record: &RunRecord) -> String {
    let unit = match record.settings.attention_unit {
        AttentionUnit::KvGroup => "KV groups",
        AttentionUnit::QueryHead => "heads",
    };
    let tracked = record.layers.iter().any(|layer| layer.output_error.is_some());
    let mut text = format!(
        "{:>5}  {:>6}  {unit:>9}  {:>13}  {:>11}  {:>11}",
        "layer", "ratio", "channels", "attn error", "mlp error"
    );
    if tracked {
        text += &format!("  {:>12}", "output error");
    }
    text += "\n";
    for layer in &record.layers {
        let kept = |part: &PartRecord| format!("{}/{}", part.kept.len(), part.units);
        text += &format!(
            "{:>5}  {:>6.4}  {:>9}  {:>13}  {:>10.4}%  {:>10.4}%",
            layer.index,
            layer.ratio,
            kept(&layer.attention),
            kept(&layer.mlp),
            100.0 * layer.attention.relative_error,
            100.0 * layer.mlp.relative_error,
        );
        if let Some(error) = layer.output_error {
            text += &format!("  {:>11.4}%", 100.0 * error);
        }
        text += "\n";
    }
    text
}

/// Parameters, perplexity and time.
pub fn summary(record: &RunRecord) -> String {
    let (before, after) = (record.model.parameters_before, record.model.parameters_after);
    let share = 100.0 * (1.0 - after as f64 / before as f64);
    let mut text = format!("Parameters: {before} → {after} ({share:.1} % fewer)\n");
    if let Some(cost) = record.rounding_cost() {
        text += &rounded(record, cost);
    }
    if let Some(SwapGain { swaps, error_before, error_after }) = record.swap_gain() {
        let (before, after) = (100.0 * error_before, 100.0 * error_after);
        text += &format!("Swaps: {swaps}, mean error of their parts {before:.4} % → {after:.4} %\n");
    }
    if let Some(perplexity) = &record.perplexity {
        text += &self::perplexity(perplexity);
    }
    for written in &record.written {
        text += &self::written(written);
    }
    let s = &record.seconds;
    text += &format!(
        "Seconds: {:.1} (calibration {:.1}, solve {:.1}, evaluate {:.1}, export {:.1})\n",
        s.total, s.calibration, s.solve, s.evaluate, s.export
    );
    text
}

/// What sizes other than the schedule's own have cost.
fn rounded(record: &RunRecord, RoundingCost { error, scheduled }: RoundingCost) -> String {
    let settings = &record.settings;
    let mut why = Vec::new();
    if settings.uniform {
        why.push("the same in every layer".to_string());
    }
    if settings.channel_multiple > 1 {
        why.push(format!("channels in multiples of {}", settings.channel_multiple));
    }
    let change = if scheduled > 0.0 {
        format!(" ({:+.1} %)", 100.0 * (error / scheduled - 1.0))
    } else {
        String::new()
    };
    format!(
        "Sizes: {}; mean error {:.4} % instead of {:.4} % with the schedule's own sizes{change}\n",
        why.join(", "),
        100.0 * error,
        100.0 * scheduled
    )
}

/// One form on disk, and how it compares.
fn written(record: &WrittenRecord) -> String {
    let WrittenRecord { format, weights, loaded_as, remote_code, verified } = record;
    let code = if *remote_code { ", with remote code" } else { "" };
    let read_back = match verified {
        Some(Verified { largest_difference, tolerance, tokens, .. }) => format!(
            "read back, logits differ by at most {largest_difference:.1e} ({tokens} tokens; {tolerance:.1e} would fail)"
        ),
        None => "not read back".into(),
    };
    format!("Format {format}: {weights}, {loaded_as}{code}; {read_back}\n")
}

fn perplexity(record: &PerplexityRecord) -> String {
    let after = record.after.map_or("not measured".into(), |after| format!("{after:.4}"));
    let bos = if record.bos { "with" } else { "without" };
    format!(
        "Perplexity: {:.4} → {after} on {}\n            ({} tokens in windows of {}, {bos} BOS)\n",
        record.before, record.text, record.tokens, record.seq_len
    )
}

/// The heading of a table of attempts at one layer.
pub fn attempts() -> Columns {
    Columns::new([
        ("attempt", Side::Right),
        ("ratio", Side::Right),
        ("parts", Side::Left),
        ("damping", Side::Right),
        ("score", Side::Left),
        ("groups", Side::Left),
        ("fitted", Side::Left),
        ("attention", Side::Right),
        ("channels", Side::Right),
        ("attn error", Side::Right),
        ("mlp error", Side::Right),
        ("output error", Side::Right),
        ("", Side::Left),
    ])
}

/// One of them: what it was made with, what came of it, and how it stands. Where its parts were solved differently, both
/// values are told, the attention's first.
pub fn attempt(
    attempt: &Attempt,
    (attention, mlp, output_error): (Option<PartSummary>, Option<PartSummary>, Option<f64>),
    status: &str,
) -> [String; 13] {
    let Attempt { number, method, .. } = attempt;
    let parts: Vec<String> = method.parts.iter().map(Part::to_string).collect();
    let each = |text: fn(&PartOverride) -> String| {
        let ways = method.parts.iter().filter_map(|&part| method.of_part(part));
        let mut texts: Vec<String> = ways.map(|way| text(&way)).collect();
        texts.dedup();
        texts.join("/")
    };
    [
        number.to_string(),
        each(|way| format!("{:.4}", way.ratio)),
        parts.join(","),
        each(|way| way.damping.to_string()),
        each(|way| way.score.to_string()).replace("obs", &method.head_score.to_string()),
        method.group_size.to_string(),
        each(|way| if way.compensation { "yes" } else { "no" }.into()),
        or_dash(attention, |part| kept(&part)),
        or_dash(mlp, |part| kept(&part)),
        or_dash(attention, |part| error(part.relative_error)),
        or_dash(mlp, |part| error(part.relative_error)),
        or_dash(output_error, error),
        status.into(),
    ]
}
