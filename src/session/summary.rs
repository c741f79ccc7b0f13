//! Summaries of sessions, read without opening them.

use std::{fs, path::Path};

use super::{
    AttemptEntry, DraftFile, Error, LayerEntry, PartEntry, PartHead, PartPlace, State, journal,
    lock::{Holder, holder, was_killed},
    mirrored_file, names,
    opened::name_of,
    part_file,
};
use crate::{
    calibration::TextSource,
    config::{Options, Settings},
    protocol::{
        Counts, Draft, LayerSummary, PerplexityRecord, Ratio, RemovedUnits, RunRecord, SessionContent,
        SessionStatus, SessionSummary, channels_to_remove, mean_ratio, units_to_remove,
    },
    prune::{AttentionUnit, LayerRatio, Part},
};

/// Reads the state of a session without its lock.
///
/// # Errors
///
/// If there is no session, it is damaged, or a newer version wrote it.
pub fn look(dir: &Path) -> Result<State, Error> {
    Ok(mirrored_file::read(dir)?.state)
}

/// Reads and verifies the file of a part except the weight, without the session's lock.
///
/// # Errors
///
/// If the file is missing, damaged or unreadable.
pub fn look_at_part(dir: &Path, place: PartPlace) -> Result<PartHead, Error> {
    part_file::read_head(&dir.join(names::ATTEMPTS).join(names::part(place)), place)
}

/// The units that the active attempts of a session remove, indexed by layer; None for a dense layer and for an attempt
/// whose file cannot be read. Reads without the session's lock.
///
/// # Errors
///
/// As for [`look`].
pub fn removed_units(dir: &Path) -> Result<Vec<Option<RemovedUnits>>, Error> {
    let state = look(dir)?;
    let of = |(layer, entry): (usize, &LayerEntry)| {
        let active = entry.attempts.iter().find(|attempt| Some(attempt.attempt.number) == entry.active)?;
        let part = |part: Part| {
            let attempt = active.part(part)?.file;
            Some(look_at_part(dir, PartPlace { layer, attempt, part }).ok()?.record.into())
        };
        Some(RemovedUnits { attention: part(Part::Attention)?, mlp: part(Part::Mlp)? })
    };
    Ok(state.layers.iter().enumerate().map(of).collect())
}

/// Record of the last run that ended; None if there is none or the log cannot be read.
pub fn last_record(dir: &Path) -> Option<RunRecord> {
    journal::last_record(dir)
}

/// Planned ratios, indexed by layer; empty if nothing is planned.
pub fn planned_ratios(dir: &Path, state: &State) -> Vec<LayerRatio> {
    planned(state, DraftFile::of_session(dir).read().ok().flatten())
}

/// Summary of a session. If the session cannot be read, the status has the reason.
pub fn summary(dir: &Path) -> SessionSummary {
    let holder = holder(dir);
    let draft = DraftFile::of_session(dir).read().ok().flatten();
    let (content, status) = match look(dir) {
        Ok(state) => {
            let planned = planned(&state, draft);
            (content(&state, &planned), status(&state, &planned))
        }
        Err(cause) => (None, SessionStatus::Damaged { why: cause.to_string() }),
    };
    let status = match holder {
        Holder::Process(pid) => SessionStatus::InUse { pid },
        Holder::Nobody => status,
    };
    let (path, name, bytes) = (dir.into(), name_of(dir), bytes_in(dir));
    SessionSummary { path, name, bytes, status, killed: was_killed(dir), content }
}

/// Planned ratios of the draft, or otherwise of the last run.
fn planned(state: &State, draft: Option<Draft>) -> Vec<LayerRatio> {
    match (draft, &state.pending, &state.run_state) {
        (Some(draft), _, _) if draft.ratios.len() == state.layers.len() => draft.ratios,
        (_, Some(pending), _) => pending.ratios.clone(),
        (_, None, Some(run_state)) => run_state.ratios.clone(),
        (_, None, None) => Vec::new(),
    }
}

fn status(state: &State, planned: &[LayerRatio]) -> SessionStatus {
    let finished = match (&state.pending, &state.run_state) {
        (Some(_), _) => false,
        (None, Some(run_state)) => run_state.finished,
        (None, None) => return SessionStatus::Finished,
    };
    let first = (0..state.layers.len()).find(|&layer| is_stale(state, layer, planned));
    match first {
        None if finished => SessionStatus::Finished,
        // A run solves all layers from the first stale one to the last.
        first => SessionStatus::Unfinished { left: first.map_or(0, |first| state.layers.len() - first) },
    }
}

/// True if a run would solve the layer because it has no active attempt or a stale one.
fn is_stale(state: &State, layer: usize, planned: &[LayerRatio]) -> bool {
    active_attempt(&state.layers[layer]).is_none_or(|entry| {
        let planned = planned.get(layer).copied();
        entry.attempt.is_stale(state.active(), planned, |ratio| counts(state, entry, ratio))
    })
}

/// The units that a ratio removes from the layer of an attempt. None for single query heads of grouped attention, because a
/// session does not record the groups.
fn counts(state: &State, entry: &AttemptEntry, ratio: LayerRatio) -> Option<Counts> {
    let settings = &state.setups.get(entry.setup)?.settings;
    let summary = |part| entry.part(part).map(|part: &PartEntry| part.summary);
    let (heads, channels) = (summary(Part::Attention)?, summary(Part::Mlp)?.units);
    let ratios = (Ratio::new(ratio.attention).ok()?, Ratio::new(ratio.mlp).ok()?);
    // The unit in groups of several heads.
    let unit = |ratio: LayerRatio| settings.objective.attention_unit.resolve(ratio.unit, usize::MAX);
    let own = unit(entry.attempt.method.ratio);
    let wanted = match (own, heads.unit) {
        // Without groups, both units are the same.
        (AttentionUnit::QueryHead, Some(AttentionUnit::KvGroup)) => AttentionUnit::KvGroup,
        (AttentionUnit::QueryHead | AttentionUnit::KvGroup, _) => unit(ratio),
    };
    let attention = match (wanted, heads.unit.unwrap_or(own)) {
        (AttentionUnit::KvGroup, AttentionUnit::KvGroup) => units_to_remove(heads.units, ratios.0),
        (AttentionUnit::QueryHead, _) | (_, AttentionUnit::QueryHead) => return None,
    };
    let mlp = channels_to_remove(channels, ratios.1, settings.ratios.channel_multiple);
    let pruned = |part, count| if settings.prunes(part) { count } else { 0 };
    Some(Counts::new(wanted, pruned(Part::Attention, attention), pruned(Part::Mlp, mlp)))
}

fn active_attempt(layer: &LayerEntry) -> Option<&AttemptEntry> {
    let number = layer.active?;
    layer.attempts.iter().find(|entry| entry.attempt.number == number)
}

fn content(state: &State, planned: &[LayerRatio]) -> Option<SessionContent> {
    let run_state = state.run_state.as_ref();
    let setup = match run_state {
        Some(run_state) => state.setups.get(run_state.setup),
        None => state.setups.last(),
    };
    // A session without a run has the default settings.
    let pending = state.pending.as_ref().map(|pending| pending.settings.clone());
    let settings = pending
        .or_else(|| setup.map(|setup| setup.settings.clone()))
        .or_else(|| Settings::new(Options::default()).ok())?;
    let calibration = setup.and_then(|setup| state.calibrations.get(setup.calibration));
    let active = state.layers.iter().map(|layer| Some(active_attempt(layer)?.attempt.method.ratio));
    Some(SessionContent {
        ratio: mean_ratio(active, planned),
        created: state.created,
        changed: state.changed,
        label: state.label.clone(),
        model: state.model.record.clone(),
        perplexity: perplexity(state, settings.evaluation.text.as_ref()),
        guard: perplexity(state, settings.evaluation.guard.as_ref()),
        settings,
        calibration: calibration.map(|calibration| calibration.record.clone()),
        layers: (0..state.layers.len()).map(|layer| layer_summary(state, layer, planned)).collect(),
        seconds: run_state.map_or(0.0, |run_state| run_state.seconds.total),
        output: state.output.as_ref().filter(|output| output.written).map(|output| output.path.clone()),
    })
}

fn layer_summary(state: &State, index: usize, planned: &[LayerRatio]) -> LayerSummary {
    let layer = &state.layers[index];
    let active = active_attempt(layer).and_then(AttemptEntry::summary);
    let stale = active.is_some() && is_stale(state, index, planned);
    LayerSummary { attempts: layer.attempts.len(), active, stale }
}

/// The newest perplexity with the active attempts on a text.
fn perplexity(state: &State, text: Option<&TextSource>) -> Option<PerplexityRecord> {
    let text = text?;
    let active = state.active();
    let newest = state.perplexities.iter().rev();
    let mut fitting = newest.filter(|measured| {
        measured.evaluation.text.as_ref() == Some(text) && measured.of.as_ref() == Some(&active)
    });
    fitting.next().map(|measured| measured.record.clone())
}

/// Size of the files in a directory and its subdirectories.
pub(super) fn bytes_in(dir: &Path) -> u64 {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let bytes = |entry: fs::DirEntry| match entry.file_type() {
        Ok(kind) if kind.is_dir() => bytes_in(&entry.path()),
        // Links are not followed.
        Ok(_) => entry.metadata().map_or(0, |file| file.len()),
        Err(_) => 0,
    };
    entries.map(bytes).sum()
}
