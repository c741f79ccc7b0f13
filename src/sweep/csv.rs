//! `results.csv` with one row per cell, and `summary.csv` with one row per set of cells that differ only in their
//! seed.

use super::{CellRecord, Collected, Outcome, Row, Spread};
use crate::report::csv_line;

/// The name of a column, and its field in a row.
type Column<R> = (&'static str, fn(&R) -> Option<String>);

/// Errors are fractions of 1. Unknown values are empty.
const CELLS: [Column<CellRecord>; 22] = [
    ("cell", |cell| Some(cell.name.clone())),
    ("seed", |cell| Some(cell.seed.to_string())),
    ("state", |cell| Some(cell.state.name().into())),
    ("model", |cell| Some(cell.outcome.as_ref()?.model.clone())),
    ("parameters_before", |cell| Some(cell.outcome.as_ref()?.parameters_before.to_string())),
    ("parameters_after", |cell| Some(cell.outcome.as_ref()?.parameters_after.to_string())),
    ("perplexity_before", |cell| number(cell.outcome.as_ref()?.perplexity.as_ref()?.before)),
    ("perplexity_after", |cell| number(cell.outcome.as_ref()?.after()?)),
    ("eval", |cell| Some(cell.outcome.as_ref()?.perplexity.as_ref()?.text.clone())),
    ("eval_seq_len", |cell| Some(cell.outcome.as_ref()?.perplexity.as_ref()?.seq_len.to_string())),
    ("eval_tokens", |cell| Some(cell.outcome.as_ref()?.perplexity.as_ref()?.tokens.to_string())),
    ("mean_error", |cell| number(cell.outcome.as_ref()?.mean_error?)),
    ("output_error", |cell| number(cell.outcome.as_ref()?.output_error?)),
    ("calibration_seconds", |cell| seconds(cell, |of| of.seconds.calibration)),
    ("solve_seconds", |cell| seconds(cell, |of| of.seconds.solve)),
    ("evaluate_seconds", |cell| seconds(cell, |of| of.seconds.evaluate)),
    ("export_seconds", |cell| seconds(cell, |of| of.seconds.export)),
    ("total_seconds", |cell| seconds(cell, |of| of.seconds.total)),
    ("peak_memory_bytes", |cell| Some(cell.outcome.as_ref()?.peak_memory_bytes?.to_string())),
    ("threads", |cell| Some(cell.outcome.as_ref()?.threads?.to_string())),
    ("slimgpt_version", |cell| Some(cell.outcome.as_ref()?.slimgpt_version.clone())),
    ("error", |cell| cell.error.clone()),
];

const ROWS: [Column<Row>; 17] = [
    ("group", |row| Some(row.group.to_string())),
    ("runs", |row| Some(row.cells.len().to_string())),
    ("finished", |row| Some(row.finished.to_string())),
    ("parameters", |row| mean(row.parameters)),
    ("removed", |row| mean(row.removed)),
    ("perplexity_before", |row| mean(row.perplexity_before)),
    ("perplexity", |row| mean(row.perplexity)),
    ("perplexity_deviation", |row| deviation(row.perplexity)),
    ("change", |row| mean(row.change)),
    ("change_deviation", |row| deviation(row.change)),
    ("mean_error", |row| mean(row.mean_error)),
    ("mean_error_deviation", |row| deviation(row.mean_error)),
    ("output_error", |row| mean(row.output_error)),
    ("output_error_deviation", |row| deviation(row.output_error)),
    ("seconds", |row| mean(row.seconds)),
    ("seconds_deviation", |row| deviation(row.seconds)),
    ("peak_memory_bytes", |row| Some(row.peak_memory_bytes?.to_string())),
];

/// One row per cell.
pub fn results(collected: &Collected) -> String {
    file(&collected.columns, &CELLS, &collected.cells, |cell| &cell.values)
}

/// One row per set of cells that differ only in their seed.
pub fn summary(collected: &Collected) -> String {
    file(&collected.columns, &ROWS, &collected.rows, |row| &row.values)
}

/// A file whose first columns are those of the grid. A grid column with the name of another column gets the
/// prefix `grid_`.
fn file<R>(keys: &[String], columns: &[Column<R>], rows: &[R], values: fn(&R) -> &Vec<String>) -> String {
    let key = |key: &String| match columns.iter().any(|(name, _)| name == key) {
        true => format!("grid_{key}"),
        false => key.clone(),
    };
    let heads = keys.iter().map(key).chain(columns.iter().map(|(name, _)| (*name).to_owned()));
    let mut text = csv_line(heads);
    for row in rows {
        let fields = columns.iter().map(|(_, value)| value(row).unwrap_or_default());
        text += &csv_line(values(row).iter().cloned().chain(fields));
    }
    text
}

fn number(value: f64) -> Option<String> {
    value.is_finite().then(|| value.to_string())
}

fn seconds(cell: &CellRecord, of: fn(&Outcome) -> f64) -> Option<String> {
    number(of(cell.outcome.as_ref()?))
}

fn mean(spread: Option<Spread>) -> Option<String> {
    number(spread?.mean)
}

fn deviation(spread: Option<Spread>) -> Option<String> {
    number(spread?.deviation?)
}
