//! Sessions at a glance, without opening them.

use std::{fs, path::Path};

use super::{
    AttemptEntry, Error, LayerEntry, PartHead, PartPlace, State, doubled, journal,
    lock::{Holder, holder},
    names,
    opened::name_of,
    part_file,
};
use crate::{
    config::{LayerRatio, Options, Settings},
    protocol::{Desk, LayerSummary, PerplexityRecord, RunRecord, SessionContent, SessionSummary, Standing},
};

/// The state of a session, read without its lock.
pub fn look(dir: &Path) -> Result<State, Error> {
    Ok(doubled::read(dir)?.state)
}

/// All of a part's file but the weight, verified and read without the session's lock.
pub fn look_at_part(dir: &Path, place: PartPlace) -> Result<PartHead, Error> {
    part_file::read_head(&dir.join(names::ATTEMPTS).join(names::part(place)), place)
}

/// The record that was told last; None where no run has come to its end, or the log cannot be read.
pub fn last_record(dir: &Path) -> Option<RunRecord> {
    journal::last_record(dir)
}

/// The ratios that a run would be done with now, one a layer; empty where nothing was planned.
pub fn planned_ratios(dir: &Path, state: &State) -> Vec<LayerRatio> {
    planned(state, journal::read_desk(dir).ok().flatten())
}

/// What a session is; where that cannot be read, its standing says why.
pub fn summary(dir: &Path) -> SessionSummary {
    let holder = holder(dir);
    let desk = journal::read_desk(dir).ok().flatten();
    let (content, standing) = match look(dir) {
        Ok(state) => {
            let planned = planned(&state, desk);
            (content(&state, &planned), standing(&state, &planned))
        }
        Err(cause) => (None, Standing::Damaged { why: cause.to_string() }),
    };
    let standing = match holder {
        Holder::Process(pid) => Standing::InUse { pid },
        Holder::Nobody => standing,
    };
    SessionSummary { path: dir.into(), name: name_of(dir), bytes: bytes_in(dir), standing, content }
}

/// The ratios that a run would be done with now: what lies on the desk, or else those of the last run.
fn planned(state: &State, desk: Option<Desk>) -> Vec<LayerRatio> {
    match (desk, &state.course) {
        (Some(desk), _) if desk.ratios.len() == state.layers.len() => desk.ratios,
        (_, Some(course)) => course.ratios.clone(),
        (_, None) => Vec::new(),
    }
}

fn standing(state: &State, planned: &[LayerRatio]) -> Standing {
    let Some(course) = &state.course else { return Standing::Finished };
    let first = (0..state.layers.len()).find(|&layer| is_stale(state, layer, planned));
    match first {
        None if course.finished => Standing::Finished,
        // A run goes on from the first of them to the last layer.
        first => Standing::Unfinished { left: first.map_or(0, |first| state.layers.len() - first) },
    }
}

/// True where a run would solve the layer (again).
fn is_stale(state: &State, layer: usize, planned: &[LayerRatio]) -> bool {
    let attempt = attempt_in_force(&state.layers[layer]).map(|entry| &entry.attempt);
    !attempt.is_some_and(|attempt| attempt.holds(&state.in_force(), planned.get(layer).copied()))
}

fn attempt_in_force(layer: &LayerEntry) -> Option<&AttemptEntry> {
    let number = layer.in_force?;
    layer.attempts.iter().find(|entry| entry.attempt.number == number)
}

fn content(state: &State, planned: &[LayerRatio]) -> Option<SessionContent> {
    let course = state.course.as_ref();
    let setup = match course {
        Some(course) => state.setups.get(course.setup),
        None => state.setups.last(),
    };
    // Nothing was run yet: all is as it would be where nothing is said.
    let settings =
        setup.map(|setup| setup.settings.clone()).or_else(|| Settings::new(Options::default()).ok())?;
    let calibration = setup.and_then(|setup| state.calibrations.get(setup.calibration));
    Some(SessionContent {
        created: state.created,
        changed: state.changed,
        model: state.model.record.clone(),
        perplexity: perplexity(state, &settings),
        settings,
        calibration: calibration.map(|calibration| calibration.record.clone()),
        layers: (0..state.layers.len()).map(|layer| layer_summary(state, layer, planned)).collect(),
        seconds: course.map_or(0.0, |course| course.seconds.total),
        output: state.output.as_ref().filter(|output| output.written).map(|output| output.path.clone()),
    })
}

fn layer_summary(state: &State, index: usize, planned: &[LayerRatio]) -> LayerSummary {
    let layer = &state.layers[index];
    let in_force = attempt_in_force(layer).and_then(AttemptEntry::summary);
    let stale = in_force.is_some() && is_stale(state, index, planned);
    LayerSummary { attempts: layer.attempts.len(), in_force, stale }
}

/// The newest of the attempts in force, on the run's evaluation text.
fn perplexity(state: &State, settings: &Settings) -> Option<PerplexityRecord> {
    let text = settings.eval.as_ref()?;
    let in_force = state.in_force();
    let newest = state.perplexities.iter().rev();
    let mut fitting =
        newest.filter(|measured| measured.text == *text && measured.of.as_ref() == Some(&in_force));
    fitting.next().map(|measured| measured.record.clone())
}

/// Bytes of the files in a directory and in those within it.
pub(super) fn bytes_in(dir: &Path) -> u64 {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let bytes = |entry: fs::DirEntry| match entry.file_type() {
        Ok(kind) if kind.is_dir() => bytes_in(&entry.path()),
        // A link is not followed.
        Ok(_) => entry.metadata().map_or(0, |file| file.len()),
        Err(_) => 0,
    };
    entries.map(bytes).sum()
}
