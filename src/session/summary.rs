//! Sessions at a glance, without opening them.

use std::{fs, path::Path};

use super::{
    AttemptEntry, Error, LayerEntry, State, doubled,
    lock::{Holder, holder},
    opened::name_of,
};
use crate::{
    config::{Options, Settings},
    protocol::{AttemptSummary, LayerSummary, PerplexityRecord, SessionContent, SessionSummary, Standing},
};

/// The state of a session, read without its lock.
pub fn look(dir: &Path) -> Result<State, Error> {
    Ok(doubled::read(dir)?.state)
}

/// What a session is; where that cannot be read, its standing says why.
pub fn summary(dir: &Path) -> SessionSummary {
    let holder = holder(dir);
    let (content, read) = match look(dir) {
        Ok(state) => (content(&state), Ok(state)),
        Err(cause) => (None, Err(cause.to_string())),
    };
    let standing = match (holder, read) {
        (Holder::Process(pid), _) => Standing::InUse { pid },
        (Holder::Nobody, Err(why)) => Standing::Damaged { why },
        (Holder::Nobody, Ok(state)) => standing(&state),
    };
    SessionSummary { path: dir.into(), name: name_of(dir), bytes: bytes_in(dir), standing, content }
}

fn standing(state: &State) -> Standing {
    let Some(course) = &state.course else { return Standing::Finished };
    let in_force = state.in_force();
    let stale = |layer: &usize| {
        let planned = course.ratios.get(*layer).copied();
        !attempt_in_force(&state.layers[*layer]).is_some_and(|entry| entry.attempt.holds(&in_force, planned))
    };
    let left = (course.from..state.layers.len()).filter(stale).count();
    if course.finished && left == 0 { Standing::Finished } else { Standing::Unfinished { left } }
}

fn attempt_in_force(layer: &LayerEntry) -> Option<&AttemptEntry> {
    let number = layer.in_force?;
    layer.attempts.iter().find(|entry| entry.attempt.number == number)
}

fn content(state: &State) -> Option<SessionContent> {
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
        layers: state.layers.iter().map(layer_summary).collect(),
        seconds: course.map_or(0.0, |course| course.seconds.total),
        output: state.output.as_ref().filter(|output| output.written).map(|output| output.path.clone()),
    })
}

fn layer_summary(layer: &LayerEntry) -> LayerSummary {
    let in_force = attempt_in_force(layer).and_then(|entry| {
        Some(AttemptSummary {
            number: entry.attempt.number,
            ratio: entry.attempt.method.ratio,
            attention: entry.attention.as_ref()?.summary,
            mlp: entry.mlp.as_ref()?.summary,
            output_error: entry.output_error,
        })
    });
    LayerSummary { attempts: layer.attempts.len(), in_force }
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
