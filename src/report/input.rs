//! What is reported on: all that a session tells, read without its lock and without its model. What cannot be read is
//! said, and the rest is reported all the same.

use std::path::Path;

use super::{Change, LayerFacts, LayerState};
use crate::{
    protocol::{
        AttemptSummary, LayerRecord, PartRecord, RunRecord, SessionContent, SessionStatus, SessionSummary,
        Statistics, TunedLayer,
    },
    prune::{LayerRatio, Part, Schedule},
    session::{self, AttemptEntry, Error, PartHead, PartPlace, State},
};

/// A session as far as it can be read.
#[derive(Clone, Debug, PartialEq)]
pub struct ReportInput {
    pub session: SessionSummary,
    /// Unix seconds.
    pub created: u64,
    pub changed: u64,
    /// As `run.json` of an export has it. Layers whose sizes are not known are left out.
    pub record: RunRecord,
    /// Planned ratios, one a layer; empty where nothing was planned.
    pub planned: Vec<LayerRatio>,
    /// One a layer of the model.
    pub layers: Vec<Layer>,
    /// What a reader has to know: unfinished, stale, damaged.
    pub notices: Vec<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    pub index: usize,
    pub facts: LayerFacts,
    /// Of the attempt active.
    pub summary: Option<AttemptSummary>,
    pub solved: Option<Solved>,
    /// All of them, and which is active.
    pub attempts: Vec<(AttemptSummary, bool)>,
    /// Attempts that came to no end.
    pub broken_off: usize,
}

/// An attempt active that can be read.
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
    /// Reads a session; one in which nothing was begun has None.
    ///
    /// # Errors
    /// Where its state cannot be read.
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
            search: state.search.clone().filter(|_| content.settings.schedule == Schedule::Auto),
            tuned: layers.iter().filter_map(|layer| tuned(&state, layer)).collect(),
            written: written.map(|output| output.forms.clone()).unwrap_or_default(),
            perplexity: content.perplexity.clone(),
            seconds: state.run_state.as_ref().map(|run_state| run_state.seconds).unwrap_or_default(),
            peak_memory_bytes: last.and_then(|record| record.peak_memory_bytes),
        };
        let (created, changed) = (state.created, state.changed);
        Ok(Some(Self { session: summary, created, changed, record, planned, layers, notices }))
    }

    /// Facts of the layers of the record, in its order.
    pub fn facts(&self) -> Vec<LayerFacts> {
        let facts = |record: &LayerRecord| self.layers.get(record.index).map(|layer| layer.facts);
        self.record.layers.iter().map(|record| facts(record).unwrap_or_default()).collect()
    }

    /// Layers that are looked at more closely: the first, the middle and the last that were pruned, and the one with the
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

/// How the session stands, where it is not finished.
fn status(session: &SessionSummary, layers: &[Layer]) -> Vec<String> {
    let mut notices = Vec::new();
    match &session.status {
        SessionStatus::Finished => {}
        SessionStatus::Unfinished { left: 0 } => notices.push("The run has not come to its end yet.".into()),
        SessionStatus::Unfinished { left } => notices.push(format!(
            "The run has not come to its end yet: {left} of {} layers are still to be pruned, or pruned again.",
            layers.len()
        )),
        SessionStatus::InUse { .. } => {
            notices.push("The session was at work while this was read: this is how far it was.".into());
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
            "Layers {stale} are stale: they were pruned behind other attempts than those active above them, or with \
             another ratio than is planned now. Their errors are those of then."
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
                notices.push(format!("Layer {index} is left out of the figures: {cause}."));
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
        broken_off: entry.attempts.iter().filter(|attempt| !attempt.complete).count(),
    }
}

fn heads(dir: &Path, layer: usize, entry: &AttemptEntry) -> Result<(PartHead, PartHead), Error> {
    let read = |part: Part| {
        let attempt = entry.part(part).map_or(entry.attempt.number, |part| part.file);
        session::look_at_part(dir, PartPlace { layer, attempt, part })
    };
    Ok((read(Part::Attention)?, read(Part::Mlp)?))
}

/// Query heads and KV heads of an attention that was cut; of another one, they are not known.
fn changes(attention: &PartHead) -> (Option<Change>, Option<Change>) {
    let PartHead { record, query_heads, kv_heads, .. } = attention;
    let (kept, units) = (record.kept.len(), record.units);
    if query_heads.is_empty() || kept == 0 || record.removed.is_empty() {
        return (None, None);
    }
    let before = |after: usize| after * units / kept;
    let heads = Change { before: before(query_heads.len()), after: query_heads.len() };
    // Where query heads leave one by one, all KV heads stay.
    let kv_before = if kv_heads.len() == kept { units } else { kv_heads.len() };
    (Some(heads), Some(Change { before: kv_before, after: kv_heads.len() }))
}

fn tuned(state: &State, layer: &Layer) -> Option<TunedLayer> {
    let number = layer.facts.attempt?;
    let entry = state.layers[layer.index].attempts.iter().find(|entry| entry.attempt.number == number)?;
    let setup = state.setups.get(entry.setup)?;
    let method = entry.attempt.method.clone();
    method.is_tuned(&setup.settings).then_some(TunedLayer { layer: layer.index, method })
}

/// A record of every layer whose sizes are known; one without an attempt active is untouched.
fn records(layers: &[Layer], planned: &[LayerRatio]) -> Vec<LayerRecord> {
    let known = layers.iter().find_map(|layer| layer.solved.as_ref());
    let record = |layer: &Layer| match (&layer.solved, layer.facts.state, known) {
        (Some(solved), _, _) => Some(solved.record.clone()),
        (None, LayerState::Dense, Some(known)) => {
            let like = |part: &PartRecord| PartRecord::untouched(part.units, part.unit_width);
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
