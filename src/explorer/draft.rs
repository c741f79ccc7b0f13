//! The draft: unsaved plans and undo history, which the session stores whenever they change.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::protocol::{Command, Draft};

use super::{Effect, History, Schedule, State};

/// Version of [`FrontendDraft`]. Drafts of other versions are not read.
const VERSION: u64 = 1;

/// Counts the changes of the draft and records the last change that was sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Revision {
    now: u64,
    sent: u64,
}

/// The state that the explorer restores in addition to settings and ratios.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FrontendDraft {
    version: u64,
    pub schedule: Schedule,
    pub history: History,
}

impl State {
    /// Marks the draft as changed: schedule, history or settings.
    pub(super) fn touch(&mut self) {
        self.draft.now += 1;
    }

    /// Records that the session has the current draft.
    pub(super) fn settle_draft(&mut self) {
        self.draft.sent = self.draft.now;
    }
}

/// Sends the draft if it has changed since it was last sent.
pub fn save(state: &mut State) -> Option<Effect> {
    let changed = state.draft.now != state.draft.sent;
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
    // Without this part the draft is still valid.
    serde_json::to_value(frontend).unwrap_or_default()
}

/// The explorer's part of a saved draft; None if there is none, and a reason if it cannot be read.
pub fn read(frontend: Value) -> Result<Option<FrontendDraft>, String> {
    if frontend.is_null() {
        return Ok(None);
    }
    match frontend.get("version").and_then(Value::as_u64) {
        // Everything else is read from text, so reading from text avoids compiling a second deserializer.
        Some(VERSION) => {
            serde_json::from_str(&frontend.to_string()).map(Some).map_err(|cause| cause.to_string())
        }
        Some(other) => Err(format!("it has version {other}, and this program reads version {VERSION}")),
        None => Err("it has no version".into()),
    }
}
