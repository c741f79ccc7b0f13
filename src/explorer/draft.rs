//! What is planned but not run, as the session keeps it: told whenever it has changed, and read back.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::protocol::{Command, Draft};

use super::{Effect, History, Schedule, State};

/// Of [`FrontendDraft`]. Another one is not read.
const VERSION: u64 = 1;

/// How often the draft was changed, and as of which change it is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Revision {
    now: u64,
    kept: u64,
}

/// What the explorer wants to find again beside settings and ratios.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FrontendDraft {
    version: u64,
    pub schedule: Schedule,
    pub history: History,
}

impl State {
    /// Schedule, history or settings have changed.
    pub(super) fn touch(&mut self) {
        self.draft.now += 1;
    }

    /// The draft is as the session has it.
    pub(super) fn settle_draft(&mut self) {
        self.draft.kept = self.draft.now;
    }
}

/// Has the draft kept where it was changed since.
pub fn keep(state: &mut State) -> Option<Effect> {
    let changed = state.draft.now != state.draft.kept;
    let live = !state.is_replay() && state.engine_gone.is_none() && !state.is_reopening();
    if !changed || !live || state.sessions.open.is_none() || state.model.is_none() {
        return None;
    }
    state.settle_draft();
    let draft = Draft {
        settings: Box::new(state.settings_of_run()),
        ratios: state.schedule.ratios.clone(),
        frontend: written(state),
    };
    Some(Effect::Command(Command::SaveDraft { draft: Box::new(draft) }))
}

fn written(state: &State) -> Value {
    let (schedule, history) = (state.schedule.clone(), state.history.clone());
    let frontend = FrontendDraft { version: VERSION, schedule, history };
    // Without it the session is whole all the same.
    serde_json::to_value(frontend).unwrap_or_default()
}

/// What [`keep`] had kept; None where nothing was, and why where it can't be read.
pub fn read(frontend: Value) -> Result<Option<FrontendDraft>, String> {
    if frontend.is_null() {
        return Ok(None);
    }
    match frontend.get("version").and_then(Value::as_u64) {
        // Read as text, as everything is: another source would be compiled once more.
        Some(VERSION) => {
            serde_json::from_str(&frontend.to_string()).map(Some).map_err(|cause| cause.to_string())
        }
        Some(other) => Err(format!("it is of version {other}, this program reads version {VERSION}")),
        None => Err("it names no version".into()),
    }
}
