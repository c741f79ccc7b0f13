//! Rows of cells that differ only in their seed: means, deviations, and the change relative to the first row of the same ratio.

use serde::Serialize;

use super::{CellRecord, Outcome, Spread, Sweep};

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// One value per column.
    pub values: Vec<String>,
    /// Rows with the same ratio, model and evaluation form a group. Its first row is the reference for the
    /// others.
    pub group: usize,
    /// Indices of its cells.
    pub cells: Vec<usize>,
    /// Number of finished cells.
    pub finished: usize,
    pub parameters: Option<Spread>,
    /// Fraction of the parameters that was removed.
    pub removed: Option<Spread>,
    pub perplexity_before: Option<Spread>,
    pub perplexity: Option<Spread>,
    /// (perplexity / perplexity of the group's first row) − 1, paired by seed if both rows share seeds; None for the first row.
    pub change: Option<Spread>,
    pub mean_error: Option<Spread>,
    pub output_error: Option<Spread>,
    /// Seconds of pruning, without evaluation and export.
    pub seconds: Option<Spread>,
    /// Maximum over the cells.
    pub peak_memory_bytes: Option<u64>,
}

/// The rows, group by group in file order.
pub fn rows(sweep: &Sweep, cells: &[CellRecord]) -> Vec<Row> {
    let mut identities: Vec<Vec<(String, String)>> = Vec::new();
    let mut groups: Vec<Vec<(String, String)>> = Vec::new();
    let mut rows: Vec<Row> = Vec::new();
    for (at, cell) in sweep.cells.iter().enumerate() {
        let identity = cell.identity_but_seed(sweep.export);
        if let Some(row) = identities.iter().position(|other| *other == identity) {
            rows[row].cells.push(at);
            continue;
        }
        let same =
            |key: &str| key.ends_with("ratio") || ["model", "eval", "eval_seq_len", "bos"].contains(&key);
        let compared = identity.iter().filter(|(key, _)| same(key)).cloned().collect();
        let group = groups.iter().position(|other| *other == compared);
        let group = group.unwrap_or_else(|| {
            groups.push(compared);
            groups.len() - 1
        });
        identities.push(identity);
        rows.push(row(cell.values.clone(), group, at));
    }
    rows.sort_by_key(|row| row.group);
    for row in &mut rows {
        fill(row, cells);
    }
    let firsts: Vec<Option<Row>> =
        (0..groups.len()).map(|group| rows.iter().find(|row| row.group == group).cloned()).collect();
    for row in &mut rows {
        let first = firsts[row.group].as_ref().filter(|first| first.cells != row.cells);
        row.change = first.and_then(|first| change(row, first, cells));
    }
    rows
}

fn row(values: Vec<String>, group: usize, cell: usize) -> Row {
    Row {
        values,
        group,
        cells: vec![cell],
        finished: 0,
        parameters: None,
        removed: None,
        perplexity_before: None,
        perplexity: None,
        change: None,
        mean_error: None,
        output_error: None,
        seconds: None,
        peak_memory_bytes: None,
    }
}

fn fill(row: &mut Row, cells: &[CellRecord]) {
    let outcomes: Vec<&Outcome> = row.cells.iter().filter_map(|&cell| cells[cell].outcome.as_ref()).collect();
    let spread = |value: fn(&Outcome) -> Option<f64>| Spread::of(outcomes.iter().filter_map(|of| value(of)));
    row.finished = outcomes.len();
    row.parameters = spread(|of| Some(of.parameters_after as f64));
    row.removed = spread(|of| Some(of.removed()));
    row.perplexity_before = spread(|of| of.perplexity.as_ref().map(|perplexity| perplexity.before));
    row.perplexity = spread(Outcome::after);
    row.mean_error = spread(|of| of.mean_error);
    row.output_error = spread(|of| of.output_error);
    row.seconds = spread(|of| Some(of.pruning()));
    row.peak_memory_bytes = outcomes.iter().filter_map(|of| of.peak_memory_bytes).max();
}

/// The change, paired by seed if the rows share seeds, otherwise computed from the means.
fn change(row: &Row, first: &Row, cells: &[CellRecord]) -> Option<Spread> {
    let after = |cell: &usize| cells[*cell].outcome.as_ref().and_then(Outcome::after);
    let pairs = row.cells.iter().filter_map(|cell| {
        let other = first.cells.iter().find(|other| cells[**other].seed == cells[*cell].seed)?;
        Some(after(cell)? / after(other)? - 1.0)
    });
    Spread::of(pairs).or_else(|| {
        let mean = row.perplexity?.mean / first.perplexity?.mean - 1.0;
        Some(Spread { mean, deviation: None, count: 1 })
    })
}
