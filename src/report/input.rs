//! The input of a report: a session, read without its lock and without its model. Damaged parts are left out with a
//! notice.

use std::path::Path;

use super::{Change, LayerFacts, LayerState};
use crate::{
    protocol::{
        AttemptSummary, LayerRecord, PartRecord, RunRecord, SessionContent, SessionStatus, SessionSummary,
        Statistics, TunedLayer,
    },
    prune::{AttentionUnit, LayerRatio, Part, Schedule},
    session::{self, AttemptEntry, Error, PartHead, PartPlace, State},
};

/// The readable content of a session.
#[derive(Clone, Debug, PartialEq)]
pub struct ReportInput {
    pub session: SessionSummary,
    /// Time of creation in Unix seconds.
    pub created: u64,
    pub changed: u64,
    /// The record as in the `run.json` of an export, without layers of unknown size.
    pub record: RunRecord,
    /// Planned ratios, indexed by layer; empty without a plan.
    pub planned: Vec<LayerRatio>,
    /// The layers of the model, by index.
    pub layers: Vec<Layer>,
    /// Warnings: unfinished, stale or damaged layers.
    pub notices: Vec<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    pub index: usize,
    pub facts: LayerFacts,
    /// The summary of the active attempt.
    pub summary: Option<AttemptSummary>,
    pub solved: Option<Solved>,
    /// All complete attempts, and whether each is active.
    pub attempts: Vec<(AttemptSummary, bool)>,
    /// The number of incomplete attempts.
    pub incomplete: usize,
}

/// The readable results of an active attempt.
#[derive(Clone, Debug, PartialEq)]
pub struct Solved {
    pub record: LayerRecord,
    pub attention: Option<Statistics>,
    pub mlp: Option<Statistics>,
}

impl Solved {
    pub fn part(&self, part: Part) -> (&PartRecord, Option<&Statistics>) {
        match part {
            Part::Attention => (&self.record.attention, self.attention.as_ref()),
            Part::Mlp => (&self.record.mlp, self.mlp.as_ref()),
        }
    }
}

impl ReportInput {
    /// Reads a session; None if no run was started in it.
    ///
    /// # Errors
    /// If its state cannot be read.
    pub fn read(dir: &Path) -> Result<Option<Self>, Error> {
        let state = session::look(dir)?;
        let summary = session::summary(dir);
        let Some(content) = summary.content.clone() else { return Ok(None) };
        let Some(calibration) = content.calibration.clone() else { return Ok(None) };
        let planned = session::planned_ratios(dir, &state);
        let mut notices = Vec::new();
        let layers: Vec<Layer> =
            (0..state.layers.len()).map(|index| layer(dir, &state, &content, index, &mut notices)).collect();
        notices.splice(0..0, status(&summary, &layers));
        let last = session::last_record(dir);
        let active = state.active();
        let written = state.output.as_ref().filter(|output| output.written && output.of == active);
        let record = RunRecord {
            slimgpt_version: state.slimgpt_version.clone(),
            model: content.model.clone(),
            settings: content.settings.clone(),
            calibration,
            layers: records(&layers, &planned),
            search: state.search.clone().filter(|_| content.settings.ratios.schedule == Schedule::Auto),
            tuned: layers.iter().filter_map(|layer| tuned(&state, layer)).collect(),
            written: written.map(|output| output.forms.clone()).unwrap_or_default(),
            perplexity: content.perplexity.clone(),
            guard: content.guard.clone(),
            seconds: state.run_state.as_ref().map(|run_state| run_state.seconds).unwrap_or_default(),
            peak_memory_bytes: last.as_ref().and_then(|record| record.peak_memory_bytes),
            kernels: last.and_then(|record| record.kernels),
        };
        let (created, changed) = (state.created, state.changed);
        Ok(Some(Self { session: summary, created, changed, record, planned, layers, notices }))
    }

    /// Facts about the layers of the record, in the same order.
    pub fn facts(&self) -> Vec<LayerFacts> {
        let facts = |record: &LayerRecord| self.layers.get(record.index).map(|layer| layer.facts);
        self.record.layers.iter().map(|record| facts(record).unwrap_or_default()).collect()
    }

    /// The layers shown in detail: the first, the middle and the last pruned layer, and the one with the
    /// largest error.
    pub fn chosen(&self) -> Vec<&Layer> {
        let pruned: Vec<&Layer> = self.layers.iter().filter(|layer| layer.solved.is_some()).collect();
        let error = |layer: &Layer| {
            let record = layer.solved.as_ref().map(|solved| &solved.record);
            record.map_or(0.0, |record| record.attention.relative_error + record.mlp.relative_error)
        };
        let worst = pruned.iter().copied().max_by(|a, b| error(a).total_cmp(&error(b)));
        let middle = pruned.get(pruned.len() / 2).copied();
        let mut chosen: Vec<&Layer> =
            [pruned.first().copied(), middle, pruned.last().copied(), worst].into_iter().flatten().collect();
        chosen.sort_by_key(|layer| layer.index);
        chosen.dedup_by_key(|layer| layer.index);
        chosen
    }
}

/// Notices about an unfinished session.
fn status(session: &SessionSummary, layers: &[Layer]) -> Vec<String> {
    let mut notices = Vec::new();
    match &session.status {
        SessionStatus::Finished => {}
        SessionStatus::Unfinished { left: 0 } => notices.push("The run is not finished.".into()),
        SessionStatus::Unfinished { left } => notices.push(format!(
            "The run is not finished: {left} of {} layers have yet to be pruned, or to be pruned again.",
            layers.len()
        )),
        SessionStatus::InUse { .. } => {
            notices.push("A run was in progress in this session when the report was made.".into());
        }
        SessionStatus::Damaged { why } => notices.push(why.clone()),
    }
    let of = |state: LayerState| {
        let layers = layers.iter().filter(move |layer| layer.facts.state == state);
        let all: Vec<String> = layers.map(|layer| layer.index.to_string()).collect();
        (!all.is_empty()).then(|| all.join(", "))
    };
    if let Some(stale) = of(LayerState::Stale) {
        notices.push(format!(
            "Layers {stale} are stale: they were pruned behind attempts that are no longer active, or with \
             another ratio than the planned one. Their errors are those measured at that time."
        ));
    }
    notices
}

fn layer(
    dir: &Path,
    state: &State,
    content: &SessionContent,
    index: usize,
    notices: &mut Vec<String>,
) -> Layer {
    let entry = &state.layers[index];
    let active =
        entry.active.and_then(|number| entry.attempts.iter().find(|entry| entry.attempt.number == number));
    let (mut facts, mut solved) = (LayerFacts { state: LayerState::Dense, ..LayerFacts::default() }, None);
    if let Some(attempt) = active {
        facts.attempt = Some(attempt.attempt.number);
        match heads(dir, index, attempt) {
            Ok((attention, mlp)) => {
                let stale = content.layers.get(index).is_some_and(|layer| layer.stale);
                facts.state = if stale { LayerState::Stale } else { LayerState::Pruned };
                (facts.heads, facts.kv_heads) = changes(&attention);
                let record = LayerRecord {
                    index,
                    ratio: attempt.attempt.method.ratio,
                    attention: attention.record,
                    mlp: mlp.record,
                    output_error: attempt.output_error,
                };
                solved = Some(Solved { record, attention: attention.statistics, mlp: mlp.statistics });
            }
            Err(cause) => {
                facts.state = LayerState::Damaged;
                notices.push(format!("Layer {index} is missing from the figures: {cause}."));
            }
        }
    }
    let attempts = entry.attempts.iter().filter(|attempt| attempt.complete);
    Layer {
        index,
        facts,
        summary: active.and_then(AttemptEntry::summary),
        solved,
        attempts: attempts
            .filter_map(|attempt| Some((attempt.summary()?, entry.active == Some(attempt.attempt.number))))
            .collect(),
        incomplete: entry.attempts.iter().filter(|attempt| !attempt.complete).count(),
    }
}

fn heads(dir: &Path, layer: usize, entry: &AttemptEntry) -> Result<(PartHead, PartHead), Error> {
    let read = |part: Part| {
        let attempt = entry.part(part).map_or(entry.attempt.number, |part| part.file);
        session::look_at_part(dir, PartPlace { layer, attempt, part })
    };
    Ok((read(Part::Attention)?, read(Part::Mlp)?))
}

/// The changes of query heads and KV heads; None for unpruned attention, whose heads are unknown.
fn changes(attention: &PartHead) -> (Option<Change>, Option<Change>) {
    let PartHead { record, query_heads, kv_heads, .. } = attention;
    let (kept, units) = (record.kept.len(), record.units);
    if query_heads.is_empty() || kept == 0 || record.removed.is_empty() {
        return (None, None);
    }
    let before = |after: usize| after * units / kept;
    let heads = Change { before: before(query_heads.len()), after: query_heads.len() };
    let counted = if kv_heads.len() == kept { AttentionUnit::KvGroup } else { AttentionUnit::QueryHead };
    let kv_before = match record.unit.unwrap_or(counted) {
        AttentionUnit::KvGroup => units,
        // Pruning single query heads keeps all KV heads.
        AttentionUnit::QueryHead => kv_heads.len(),
    };
    (Some(heads), Some(Change { before: kv_before, after: kv_heads.len() }))
}

fn tuned(state: &State, layer: &Layer) -> Option<TunedLayer> {
    let number = layer.facts.attempt?;
    let entry = state.layers[layer.index].attempts.iter().find(|entry| entry.attempt.number == number)?;
    let setup = state.setups.get(entry.setup)?;
    let method = entry.attempt.method.clone();
    method.is_tuned(&setup.settings).then_some(TunedLayer { layer: layer.index, method })
}

/// A record of every layer of known size. Layers without an active attempt are recorded as unpruned.
fn records(layers: &[Layer], planned: &[LayerRatio]) -> Vec<LayerRecord> {
    let known = layers.iter().find_map(|layer| layer.solved.as_ref());
    let record = |layer: &Layer| match (&layer.solved, layer.facts.state, known) {
        (Some(solved), _, _) => Some(solved.record.clone()),
        (None, LayerState::Dense, Some(known)) => {
            let like = |part: &PartRecord| PartRecord {
                unit: part.unit,
                ..PartRecord::untouched(part.units, part.unit_width)
            };
            Some(LayerRecord {
                index: layer.index,
                ratio: planned.get(layer.index).copied().unwrap_or_default(),
                attention: like(&known.record.attention),
                mlp: like(&known.record.mlp),
                output_error: None,
            })
        }
        (None, _, _) => None,
    };
    layers.iter().filter_map(record).collect()
}
