//! Sessions on disk: the list of them, opening one in place of what is open, deleting one.

use std::path::{Path, PathBuf};

use crate::{
    protocol::{Command, SessionStatus, SessionSummary},
    words,
};

use super::{Action, Ask, Confirmed, Effect, NoticeKind, Overlay, State, compare_sessions, perform};

/// What was found on disk.
#[derive(Clone, Debug, PartialEq)]
pub struct SessionList {
    /// Unix seconds when it was looked at.
    pub now: u64,
    /// Newest change first; or why they can't be listed.
    pub sessions: Result<Vec<SessionSummary>, String>,
}

/// A session that the engine was asked to open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reopening {
    pub path: PathBuf,
    pub then: Then,
    /// The engine has told something that may be why it does not open it.
    pub warned: bool,
}

/// What follows once it is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    Look,
    /// Prunes what is left.
    GoOn,
}

impl Reopening {
    /// The engine may say the path in another way.
    pub fn is_of(&self, path: &Path) -> bool {
        self.path == path || self.path.file_name() == path.file_name()
    }
}

impl State {
    /// True from asking for a session until it is open, or refused.
    pub fn is_reopening(&self) -> bool {
        self.reopening.as_ref().is_some_and(|asked| !asked.warned)
    }

    /// True for the session that all is recorded in.
    pub fn is_open_session(&self, summary: &SessionSummary) -> bool {
        !self.is_replay() && self.session.as_ref() == Some(&summary.path)
    }

    /// The sessions that are listed: all, or those whose name, model or state holds the filter.
    pub fn listed_sessions(&self) -> Vec<&SessionSummary> {
        let Some(SessionList { sessions: Ok(sessions), .. }) = &self.sessions else { return Vec::new() };
        let filter = self.session_filter.trim().to_lowercase();
        let holds = |text: &str| text.to_lowercase().contains(&filter);
        let shown = |session: &&SessionSummary| {
            let model = session.content.as_ref().map(|content| content.model.name.as_str());
            filter.is_empty()
                || holds(&session.name)
                || model.is_some_and(holds)
                || holds(&words::session_status(session))
        };
        sessions.iter().filter(shown).collect()
    }
}

/// The argument that names a session on the command line.
pub fn argument(state: &State, path: &Path) -> String {
    words::session_argument(state.sessions_root.as_deref(), path)
}

/// Opens the list and has it read.
pub fn show(state: &mut State) -> Vec<Effect> {
    state.session_filter.clear();
    state.overlays.push(Overlay::Sessions { at: 0 });
    vec![Effect::ListSessions]
}

/// Takes in what was found; the cursor stays at its session.
pub fn listed(state: &mut State, now: u64, sessions: Result<Vec<SessionSummary>, String>) {
    let paths = |state: &State| -> Vec<PathBuf> {
        state.listed_sessions().into_iter().map(|session| session.path.clone()).collect()
    };
    let before = paths(state);
    state.sessions = Some(SessionList { now, sessions });
    compare_sessions::listed(state);
    let after = paths(state);
    for overlay in &mut state.overlays {
        if let Overlay::Sessions { at } = overlay {
            let same = before.get(*at).and_then(|old| after.iter().position(|path| path == old));
            *at = same.unwrap_or(*at).min(after.len().saturating_sub(1));
        }
    }
}

/// Tells what came of deleting one, and has the list read anew.
pub fn deleted(state: &mut State, path: &Path, result: Result<(), String>) -> Vec<Effect> {
    match result {
        Ok(()) => {
            compare_sessions::drop_session(state, path);
            state.say(NoticeKind::Done, format!("Session {} was deleted", words::session_name(path)));
        }
        Err(why) => state.say(NoticeKind::Failed, why),
    }
    vec![Effect::ListSessions]
}

/// The session under the cursor of the list.
pub(super) fn chosen(state: &State) -> Option<SessionSummary> {
    let at = state.overlays.iter().rev().find_map(|overlay| match overlay {
        Overlay::Sessions { at } => Some(*at),
        Overlay::Help { .. }
        | Overlay::Palette { .. }
        | Overlay::Filter { .. }
        | Overlay::Form(_)
        | Overlay::Ask(_)
        | Overlay::Explain => None,
    })?;
    let sessions = state.listed_sessions();
    sessions.get(at.min(sessions.len().saturating_sub(1))).map(|&session| session.clone())
}

/// Opens the session under the cursor. It is refused with what to do where that can't be.
pub fn open(state: &mut State, then: Then) -> Vec<Effect> {
    let Some(session) = chosen(state) else { return Vec::new() };
    let SessionSummary { path, name, status, .. } = &session;
    if state.is_replay() {
        let place = argument(state, path);
        return state.refuse(format!("this is a recording; slimgpt --session {place} opens the session"));
    }
    if state.is_open_session(&session) {
        state.overlays.retain(|overlay| !matches!(overlay, Overlay::Sessions { .. }));
        return match then {
            Then::GoOn => perform::perform(state, Action::Rerun),
            Then::Look => {
                state.say(NoticeKind::Done, format!("Session {name} is the one that is open"));
                Vec::new()
            }
        };
    }
    if let Some(why) = state.unready() {
        return state.refuse(why);
    }
    match status {
        SessionStatus::Finished | SessionStatus::Unfinished { .. } => {}
        SessionStatus::InUse { pid } => {
            let who = pid.map_or("another process".into(), |pid| format!("process {pid}"));
            return state.refuse(format!("{who} works on session {name}; end it there first"));
        }
        SessionStatus::Damaged { why } => {
            let text = format!("session {name} cannot be opened: {why}");
            return state.refuse(text);
        }
    }
    if let Some(job) = state.job() {
        let (job, cancel) = (job.kind.name(), state.keymap.label(Action::Cancel).unwrap_or_default());
        return state.refuse(format!(
            "a job is at work ({job}); wait for its end, or go back (Esc) and cancel it ({cancel}), then open the session"
        ));
    }
    let path = path.clone();
    if state.unsaved && state.session.is_none() {
        let ask = Ask {
            question: format!("Open session {name}?"),
            detail: "What was pruned here is in no session and has not been exported (E); it is lost.".into(),
            then: Confirmed::OpenSession { path, then },
        };
        return state.open(Overlay::Ask(ask));
    }
    reopen(state, path, then)
}

/// Asks the engine for a session in place of what is open.
pub fn reopen(state: &mut State, path: PathBuf, then: Then) -> Vec<Effect> {
    state.overlays.clear();
    state.say(NoticeKind::Done, format!("Opening session {}…", words::session_name(&path)));
    state.opening = None;
    state.reopening = Some(Reopening { path: path.clone(), then, warned: false });
    vec![Effect::Command(Command::Reopen { session: path })]
}

/// Has only those listed whose name, model or state holds the words; the cursor goes to the first.
pub fn filter(state: &mut State, typed: String) {
    state.session_filter = typed;
    for overlay in &mut state.overlays {
        if let Overlay::Sessions { at } = overlay {
            *at = 0;
        }
    }
}

/// Asks before the session under the cursor is deleted.
pub fn ask_to_delete(state: &mut State) -> Vec<Effect> {
    let Some(session) = chosen(state) else { return Vec::new() };
    let name = &session.name;
    let asked = state.reopening.as_ref().is_some_and(|asked| asked.path == session.path);
    if state.is_open_session(&session) || (asked && state.is_reopening()) {
        return state.refuse(format!("session {name} is open here; open another one, then delete it"));
    }
    if let SessionStatus::InUse { pid } = session.status {
        let who = pid.map_or("another process".into(), |pid| format!("process {pid}"));
        return state.refuse(format!("{who} works on session {name}; end it there first"));
    }
    let size = crate::config::ByteSize(session.bytes);
    let ask = Ask {
        question: format!("Delete session {name}?"),
        detail: format!(
            "Its attempts and settings ({size}) are gone for good. What was exported from it stays."
        ),
        then: Confirmed::DeleteSession(session.path),
    };
    state.open(Overlay::Ask(ask))
}

/// Copies where the session under the cursor lies.
pub fn copy_path(state: &mut State) -> Vec<Effect> {
    let Some(session) = chosen(state) else { return Vec::new() };
    state.say(NoticeKind::Done, format!("Copied where session {} lies", session.name));
    vec![Effect::Copy(session.path.to_string_lossy().into_owned())]
}
