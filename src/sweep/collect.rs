//! The results of the cells, read from their sessions.

use serde::Serialize;

use super::{
    Cell, Place, Row, SessionStatus, Spread, Sweep,
    file::{CASE, SEED},
    summary::rows,
};
use crate::{
    config::Settings,
    protocol::{AttemptSummary, PartSummary, PerplexityRecord, Seconds},
    session,
    words::{count, perplexity},
};

/// The results of a sweep so far.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Collected {
    pub title: String,
    /// Names of the columns that distinguish rows.
    pub columns: Vec<String>,
    /// Cells in the order of the file.
    pub cells: Vec<CellRecord>,
    /// One row per set of cells that differ only in their seed, grouped by ratio, model and evaluation text.
    pub rows: Vec<Row>,
    /// Settings shared by all cells, in the form of a settings file.
    pub shared: Vec<(String, String)>,
    /// For each case, the settings that are neither shared by all cells nor shown in a column.
    pub cases: Vec<(String, Vec<(String, String)>)>,
    /// Warnings for the reader, such as missing cells or equal calibration and evaluation texts.
    pub notices: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CellRecord {
    pub name: String,
    /// One value per column.
    pub values: Vec<String>,
    pub seed: u64,
    pub state: CellState,
    /// The last error of its process, if the cell is not finished.
    pub error: Option<String>,
    /// None until the cell is finished.
    pub outcome: Option<Outcome>,
    /// None for the built-in model.
    pub model: Option<String>,
    pub settings: Settings,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CellState {
    Missing,
    Unfinished,
    Finished,
    Unreadable,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Outcome {
    pub slimgpt_version: String,
    /// The name of the model.
    pub model: String,
    pub parameters_before: u64,
    pub parameters_after: u64,
    /// None without an evaluation text.
    pub perplexity: Option<PerplexityRecord>,
    /// Mean relative error of the pruned parts; None if no part was pruned.
    pub mean_error: Option<f64>,
    /// Output error of the last layer, if output errors were tracked.
    pub output_error: Option<f64>,
    pub seconds: Seconds,
    /// Peak memory of the process that finished the run.
    pub peak_memory_bytes: Option<u64>,
    pub threads: Option<usize>,
    /// Whether a layer was solved more than once, for example by a retry in the explorer.
    pub retried: bool,
}

impl CellState {
    pub fn name(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Unfinished => "unfinished",
            Self::Finished => "finished",
            Self::Unreadable => "unreadable",
        }
    }
}

impl Outcome {
    /// Perplexity after pruning.
    pub fn after(&self) -> Option<f64> {
        self.perplexity.as_ref()?.after
    }

    /// Fraction of the parameters that was removed.
    pub fn removed(&self) -> f64 {
        1.0 - self.parameters_after as f64 / self.parameters_before.max(1) as f64
    }

    /// Seconds without evaluation and export: forward passes, solves, and the search for ratios if there was one.
    pub fn pruning(&self) -> f64 {
        self.seconds.total - self.seconds.evaluate - self.seconds.export
    }
}

/// Reads the results of all cells.
pub fn collect(sweep: &Sweep, place: &Place) -> Collected {
    let cells: Vec<CellRecord> = sweep.cells.iter().map(|cell| record(cell, place, sweep.export)).collect();
    let rows = rows(sweep, &cells);
    Collected {
        title: sweep.title.clone(),
        columns: sweep.columns.clone(),
        notices: notices(&cells),
        rows,
        cells,
        shared: shared(&sweep.cells.iter().collect::<Vec<_>>(), sweep.export),
        cases: cases(sweep),
    }
}

impl Collected {
    /// Perplexity of the dense model, if all runs measured the same value.
    pub fn dense(&self) -> Option<f64> {
        let mut values: Vec<f64> = self.perplexities().map(|perplexity| perplexity.before).collect();
        values.dedup();
        match values[..] {
            [before] => Some(before),
            _ => None,
        }
    }

    fn perplexities(&self) -> impl Iterator<Item = &PerplexityRecord> {
        self.cells.iter().filter_map(|cell| cell.outcome.as_ref()?.perplexity.as_ref())
    }

    /// The sentences next to the tables, about the dense model and the meaning of columns.
    pub fn facts(&self) -> Vec<String> {
        let mut facts: Vec<String> = Vec::new();
        for outcome in self.cells.iter().filter_map(|cell| cell.outcome.as_ref()) {
            let parameters = count(outcome.parameters_before);
            let fact = match &outcome.perplexity {
                Some(PerplexityRecord { text, seq_len, tokens, bos, before, .. }) => format!(
                    "The dense model, {}, has {parameters} parameters and a perplexity of {} on {text} ({} tokens in windows of \
                     {seq_len}, {} BOS).",
                    outcome.model,
                    perplexity(*before),
                    count(*tokens),
                    if *bos { "with" } else { "without" }
                ),
                None => format!("The dense model, {}, has {parameters} parameters.", outcome.model),
            };
            if !facts.contains(&fact) {
                facts.push(fact);
            }
        }
        if self.rows.iter().any(|row| row.perplexity.is_some_and(|spread| spread.deviation.is_some())) {
            facts.push("± is the sample standard deviation over seeds.".into());
        }
        if self.rows.iter().any(|row| row.change.is_some()) {
            facts.push(
                "Change is relative to the perplexity of the first row with the same ratio, paired by seed."
                    .into(),
            );
        }
        if self.rows.iter().any(|row| row.seconds.is_some()) {
            facts.push(
                "Seconds are those of pruning without evaluation; concurrent runs share the machine.".into(),
            );
        }
        facts
    }
}

/// Reads the results of one cell.
pub fn record(cell: &Cell, place: &Place, export: bool) -> CellRecord {
    let (state, mut error) = match place.status(cell, export) {
        Ok(SessionStatus::Fresh) => (CellState::Missing, None),
        Ok(SessionStatus::Begun | SessionStatus::InUse(_)) => (CellState::Unfinished, None),
        Ok(SessionStatus::Finished) => (CellState::Finished, None),
        Err(error) => (CellState::Unreadable, Some(error.to_string())),
    };
    let outcome = if state == CellState::Finished { outcome(cell, place) } else { None };
    if outcome.is_none() && error.is_none() {
        error = place.last_error(cell);
    }
    CellRecord {
        name: cell.name.clone(),
        values: cell.values.clone(),
        seed: cell.settings.calibration.seed,
        state,
        error,
        outcome,
        model: cell.model.clone(),
        settings: cell.settings.clone(),
    }
}

fn outcome(cell: &Cell, place: &Place) -> Option<Outcome> {
    let dir = place.session_of(cell);
    let state = session::look(&dir).ok()?;
    let content = session::summary(&dir).content?;
    let retried = content.layers.iter().any(|layer| layer.attempts > 1);
    let active: Vec<AttemptSummary> = content.layers.into_iter().filter_map(|layer| layer.active).collect();
    let parts = active.iter().flat_map(|layer| [layer.attention, layer.mlp]);
    let lost = parts.filter(|part: &PartSummary| part.kept < part.units).map(|part| part.relative_error);
    Some(Outcome {
        slimgpt_version: state.slimgpt_version,
        model: content.model.name,
        parameters_before: content.model.parameters_before,
        parameters_after: content.model.parameters_after,
        perplexity: content.perplexity,
        mean_error: Spread::of(lost).map(|spread| spread.mean),
        output_error: active.last().and_then(|layer| layer.output_error),
        seconds: state.run_state.map(|run_state| run_state.seconds).unwrap_or_default(),
        peak_memory_bytes: session::last_record(&dir).and_then(|record| record.peak_memory_bytes),
        threads: content.settings.machine.threads,
        retried,
    })
}

fn notices(cells: &[CellRecord]) -> Vec<String> {
    let mut notices = Vec::new();
    let finished = cells.iter().filter(|cell| cell.outcome.is_some()).count();
    if finished < cells.len() {
        let missing = cells.len() - finished;
        notices.push(format!(
            "{missing} of {} cells are not finished; means are over the finished cells.",
            cells.len()
        ));
    }
    for cell in cells.iter().filter(|cell| cell.outcome.is_none()) {
        if let Some(error) = &cell.error {
            notices.push(format!("Cell {}: {error}", cell.name));
        }
    }
    for cell in cells.iter().filter(|cell| cell.outcome.as_ref().is_some_and(|of| of.retried)) {
        notices.push(format!(
            "Cell {}: layers were solved more than once, so its result may not match its settings.",
            cell.name
        ));
    }
    let mut same: Vec<String> = Vec::new();
    for cell in cells {
        let text = cell
            .settings
            .evaluation
            .text
            .as_ref()
            .filter(|text| cell.settings.calibration.texts.contains(text));
        same.extend(text.map(ToString::to_string).filter(|text| !same.contains(text)));
    }
    for text in same {
        notices.push(format!(
            "{text} is both the calibration and the evaluation text, so the perplexity is not representative of other texts."
        ));
    }
    notices
}

/// Settings with the same value in all of these cells.
fn shared(cells: &[&Cell], export: bool) -> Vec<(String, String)> {
    let mut cells = cells.iter().map(|cell| cell.identity(export));
    let mut shared = cells.next().unwrap_or_default();
    for cell in cells {
        shared.retain(|line| cell.contains(line));
    }
    shared
}

fn cases(sweep: &Sweep) -> Vec<(String, Vec<(String, String)>)> {
    let Some(column) = sweep.columns.iter().position(|column| column == CASE) else { return Vec::new() };
    let of_all = shared(&sweep.cells.iter().collect::<Vec<_>>(), sweep.export);
    let mut cases: Vec<(String, Vec<(String, String)>)> = Vec::new();
    for cell in &sweep.cells {
        let name = &cell.values[column];
        if cases.iter().any(|(other, _)| other == name) {
            continue;
        }
        let of_case: Vec<&Cell> = sweep.cells.iter().filter(|cell| cell.values[column] == *name).collect();
        let mut own = shared(&of_case, sweep.export);
        own.retain(|line| line.0 != SEED && !of_all.contains(line) && !sweep.columns.contains(&line.0));
        cases.push((name.clone(), own));
    }
    cases
}
