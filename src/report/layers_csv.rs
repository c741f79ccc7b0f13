//! `layers.csv`: one row per layer, in the format of RFC 4180.

use super::{Change, LayerFacts};
use crate::{
    protocol::{HessianStats, LayerRecord, PartRecord, RunRecord},
    prune::Part,
    words::AttentionUnits,
};

type Value = fn(&Row) -> Option<String>;

/// A layer with its run and its facts.
struct Row<'r> {
    run: &'r RunRecord,
    layer: &'r LayerRecord,
    facts: LayerFacts,
}

/// Errors are fractions; damping is relative to the mean diagonal; unknown values are empty.
const COLUMNS: [(&str, Value); 30] = [
    ("layer", |row| Some(row.layer.index.to_string())),
    ("state", |row| Some(row.facts.state.name().into())),
    ("attempt", |row| Some(row.facts.attempt?.to_string())),
    ("tuned", |row| {
        let tuned = row.run.tuned.iter().any(|tuned| tuned.layer == row.layer.index);
        Some(if tuned { "yes" } else { "no" }.into())
    }),
    ("attention_ratio", |row| number(Some(row.layer.ratio.attention))),
    ("mlp_ratio", |row| number(Some(row.layer.ratio.mlp))),
    ("attention_unit", |row| {
        let unit = AttentionUnits::of([row.layer.attention.unit], row.run.settings.objective.attention_unit);
        Some(unit.names().0.into())
    }),
    ("attention_units_before", |row| Some(row.layer.attention.units.to_string())),
    ("attention_units_after", |row| Some(row.layer.attention.kept.len().to_string())),
    ("heads_before", |row| before(row.facts.heads)),
    ("heads_after", |row| after(row.facts.heads)),
    ("kv_heads_before", |row| before(row.facts.kv_heads)),
    ("kv_heads_after", |row| after(row.facts.kv_heads)),
    ("channels_before", |row| Some(row.layer.mlp.units.to_string())),
    ("channels_after", |row| Some(row.layer.mlp.kept.len().to_string())),
    ("attention_error", |row| error(row, Part::Attention)),
    ("mlp_error", |row| error(row, Part::Mlp)),
    ("attention_error_as_scheduled", |row| scheduled(&row.layer.attention)),
    ("mlp_error_as_scheduled", |row| scheduled(&row.layer.mlp)),
    ("output_error", |row| number(row.layer.output_error)),
    ("attention_batches", |row| batches(&row.layer.attention)),
    ("mlp_batches", |row| batches(&row.layer.mlp)),
    ("attention_damping", |row| number(stats(row, Part::Attention).map(|stats| stats.damping_used))),
    ("mlp_damping", |row| number(stats(row, Part::Mlp).map(|stats| stats.damping_used))),
    ("attention_condition", |row| condition(row, Part::Attention)),
    ("mlp_condition", |row| condition(row, Part::Mlp)),
    ("attention_dead_inputs", |row| Some(stats(row, Part::Attention)?.dead.to_string())),
    ("mlp_dead_inputs", |row| Some(stats(row, Part::Mlp)?.dead.to_string())),
    ("attention_trace", |row| number(stats(row, Part::Attention).map(|stats| stats.trace))),
    ("mlp_trace", |row| number(stats(row, Part::Mlp).map(|stats| stats.trace))),
];

/// Formats the table. `facts` has one entry per layer of the record; the columns of missing entries are
/// empty.
pub fn layers_csv(run: &RunRecord, facts: &[LayerFacts]) -> String {
    let mut text = line(COLUMNS.iter().map(|(name, _)| (*name).to_owned()));
    for (at, layer) in run.layers.iter().enumerate() {
        let row = Row { run, layer, facts: facts.get(at).copied().unwrap_or_default() };
        text += &line(COLUMNS.iter().map(|(_, value)| value(&row).unwrap_or_default()));
    }
    text
}

/// A line in the format of RFC 4180.
pub fn line(fields: impl Iterator<Item = String>) -> String {
    let fields: Vec<String> = fields.map(|field| quoted(&field)).collect();
    fields.join(",") + "\r\n"
}

fn quoted(field: &str) -> String {
    if field.contains([',', '"', '\r', '\n']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.into()
    }
}

fn number(value: Option<f64>) -> Option<String> {
    Some(value.filter(|value| value.is_finite())?.to_string())
}

fn before(change: Option<Change>) -> Option<String> {
    Some(change?.before.to_string())
}

fn after(change: Option<Change>) -> Option<String> {
    Some(change?.after.to_string())
}

fn part<'r>(row: &Row<'r>, part: Part) -> &'r PartRecord {
    match part {
        Part::Attention => &row.layer.attention,
        Part::Mlp => &row.layer.mlp,
    }
}

fn stats(row: &Row, of: Part) -> Option<HessianStats> {
    part(row, of).hessian
}

/// The error of a part; None if the part was not solved.
fn error(row: &Row, of: Part) -> Option<String> {
    stats(row, of)?;
    number(Some(part(row, of).relative_error))
}

fn scheduled(part: &PartRecord) -> Option<String> {
    number(Some(part.scheduled?.relative_error))
}

fn batches(part: &PartRecord) -> Option<String> {
    part.hessian.map(|_| part.group_sizes.len().to_string())
}

fn condition(row: &Row, part: Part) -> Option<String> {
    number(stats(row, part).map(|stats| stats.condition).filter(|condition| *condition > 0.0))
}
