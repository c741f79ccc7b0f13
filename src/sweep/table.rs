//! The tables of a sweep as text cells, for the terminal, the HTML page and the Markdown document.

use super::{CellRecord, Collected, Row, Spread};
use crate::words::{bytes, count, percent, perplexity, relative_error};

/// The alignment of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Left,
    Right,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    pub heads: Vec<(String, Side)>,
    pub rows: Vec<Vec<String>>,
}

/// A column, shown only if at least one row has a value in it.
struct Column<R> {
    head: &'static str,
    text: fn(&R) -> Option<String>,
}

const NONE: &str = "–";

/// One row per set of cells that differ only in their seed.
pub fn summary(collected: &Collected) -> Table {
    let of = |head: &'static str, text: fn(&Row) -> Option<String>| Column { head, text };
    // The count is redundant if every row is one finished run.
    let runs: fn(&Row) -> Option<String> =
        match collected.rows.iter().any(|row| row.cells.len() > 1 || row.finished < row.cells.len()) {
            true => runs,
            false => |_| None,
        };
    let columns = vec![
        of("runs", runs),
        of("parameters", |row| Some(count(row.parameters?.mean.round() as u64))),
        of("fewer", |row| Some(percent(row.removed?.mean))),
        of("perplexity", |row| Some(with_spread(row.perplexity?, perplexity))),
        of("change", |row| row.change.map(change)),
        of("mean error", |row| Some(relative_error(row.mean_error?.mean))),
        of("output error", |row| Some(relative_error(row.output_error?.mean))),
        of("seconds", |row| Some(format!("{:.1}", row.seconds?.mean))),
        of("memory", |row| Some(bytes(row.peak_memory_bytes?))),
    ];
    table(&collected.columns, &collected.rows, |row| &row.values, columns)
}

/// One row per cell.
pub fn cells(collected: &Collected) -> Table {
    let of = |head: &'static str, text: fn(&CellRecord) -> Option<String>| Column { head, text };
    let columns = vec![
        of("seed", |cell| Some(cell.seed.to_string())),
        of("parameters", |cell| Some(count(cell.outcome.as_ref()?.parameters_after))),
        of("perplexity", |cell| Some(perplexity(cell.outcome.as_ref()?.after()?))),
        of("mean error", |cell| Some(relative_error(cell.outcome.as_ref()?.mean_error?))),
        of("output error", |cell| Some(relative_error(cell.outcome.as_ref()?.output_error?))),
        of("seconds", |cell| Some(format!("{:.1}", cell.outcome.as_ref()?.pruning()))),
        of("memory", |cell| Some(bytes(cell.outcome.as_ref()?.peak_memory_bytes?))),
        of("cell", |cell| {
            Some(match cell.outcome {
                Some(_) => cell.name.clone(),
                None => format!("{} ({})", cell.name, cell.state.name()),
            })
        }),
    ];
    table(&collected.columns, &collected.cells, |cell| &cell.values, columns)
}

fn table<R>(keys: &[String], rows: &[R], values: fn(&R) -> &Vec<String>, columns: Vec<Column<R>>) -> Table {
    let shown: Vec<Column<R>> =
        columns.into_iter().filter(|column| rows.iter().any(|row| (column.text)(row).is_some())).collect();
    let side = |head: &str| if head == "cell" { Side::Left } else { Side::Right };
    let keys = keys.iter().map(|key| (key.replace('_', "-"), Side::Left));
    let heads = keys.chain(shown.iter().map(|column| (column.head.to_owned(), side(column.head)))).collect();
    let row = |row: &R| {
        let values =
            values(row).iter().map(|value| if value.is_empty() { NONE.into() } else { value.clone() });
        let texts = shown.iter().map(|column| (column.text)(row).unwrap_or_else(|| NONE.into()));
        values.chain(texts).collect()
    };
    Table { heads, rows: rows.iter().map(row).collect() }
}

fn runs(row: &Row) -> Option<String> {
    let all = row.cells.len();
    Some(if row.finished < all { format!("{} of {all}", row.finished) } else { all.to_string() })
}

/// `1.9012 ± 0.0031`: both numbers have the same number of decimals.
fn with_spread(spread: Spread, text: fn(f64) -> String) -> String {
    let mean = text(spread.mean);
    let Some(deviation) = spread.deviation else { return mean };
    let digits = mean.split_once('.').map_or(0, |(_, digits)| digits.len());
    if mean.contains('e') {
        format!("{mean} ± {deviation:.1e}")
    } else {
        format!("{mean} ± {deviation:.digits$}")
    }
}

/// The change as text: `+1.23 ± 0.10 %`, `−0.50 %`.
fn change(spread: Spread) -> String {
    let mean = format!("{:+.2}", 100.0 * spread.mean).replace('-', "−");
    match spread.deviation {
        Some(deviation) => format!("{mean} ± {:.2} %", 100.0 * deviation),
        None => format!("{mean} %"),
    }
}
