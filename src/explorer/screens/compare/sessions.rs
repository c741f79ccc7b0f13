//! Sessions on disk that are compared with the open one.

use std::path::{Path, PathBuf};

use super::SESSIONS;
use crate::{
    explorer::{Action, Effect, NoticeKind, Screen, SessionList, State},
    protocol::{RemovedUnits, SessionContent, SessionStatus, SessionSummary},
};

/// Maximum number of sessions compared with the open one: each has its own colour and letter.
pub const MOST: usize = 5;

#[derive(Clone, Debug, PartialEq)]
pub struct ComparedSession {
    pub path: PathBuf,
    pub name: String,
    /// From 1, and fixed while the session is compared; the open session has place 0.
    pub place: usize,
    /// Its content at the last reading.
    pub content: SessionContent,
    /// The units that it removed, indexed by layer; None until the map has asked for them.
    pub removed: Option<Vec<Option<RemovedUnits>>>,
}

impl State {
    /// The sessions compared with the open one.
    pub fn compared_sessions(&self) -> impl Iterator<Item = &ComparedSession> {
        let open = self.sessions.open.as_ref().filter(|_| !self.is_replay());
        self.screens.compare.sessions.iter().filter(move |compared| Some(&compared.path) != open)
    }

    /// The place of a compared session.
    pub fn compared_place(&self, path: &Path) -> Option<usize> {
        self.compared_sessions().find(|compared| compared.path == path).map(|compared| compared.place)
    }

    pub fn compares_sessions(&self) -> bool {
        self.compared_sessions().next().is_some()
    }
}

/// The letter of a place: `a` for the open session.
pub fn letter(place: usize) -> char {
    ('a'..='z').nth(place).unwrap_or('?')
}

/// Adds a session to the compared ones, or removes it.
pub fn toggle(state: &mut State, session: SessionSummary) -> Vec<Effect> {
    let SessionSummary { path, name, status, content, .. } = session;
    if state.sessions.open.as_ref() == Some(&path) && !state.is_replay() {
        return state.refuse(format!("session {name} is the open one; it is always compared"));
    }
    if state.screens.compare.sessions.iter().any(|compared| compared.path == path) {
        drop_session(state, &path);
        state.say(NoticeKind::Done, format!("Session {name} is no longer compared"));
        return Vec::new();
    }
    let content = match (content, status) {
        (Some(content), _) => content,
        (None, SessionStatus::Damaged { why }) => return state.refuse(unreadable(&name, &why)),
        (None, SessionStatus::Finished | SessionStatus::Unfinished { .. } | SessionStatus::InUse { .. }) => {
            return state.refuse(unreadable(&name, "its content is unknown"));
        }
    };
    let taken = |place: usize| state.screens.compare.sessions.iter().any(|compared| compared.place == place);
    let Some(place) = (1..=MOST).find(|&place| !taken(place)) else {
        return state.refuse(format!("{MOST} sessions are already compared; remove one first (m)"));
    };
    if !state.compares_sessions() {
        state.focus(Screen::Compare, &SESSIONS);
    }
    let at = state.screens.compare.sessions.partition_point(|compared| compared.place < place);
    let compared = ComparedSession { path: path.clone(), name: name.clone(), place, content, removed: None };
    state.screens.compare.sessions.insert(at, compared);
    let (letter, key) =
        (letter(place), state.interface.keymap.label(Action::Show(Screen::Compare)).unwrap_or_default());
    state.say(NoticeKind::Done, format!("Session {name} is compared as {letter} (screen {key})"));
    vec![Effect::ReadSession(path)]
}

/// Requests that the compared sessions be read again, because other processes may have changed them.
pub fn refresh(state: &State) -> Vec<Effect> {
    state.compared_sessions().map(|compared| Effect::ReadSession(compared.path.clone())).collect()
}

/// Stores the removed units of a compared session.
pub fn removed_read(
    state: &mut State,
    path: &Path,
    removed: Result<Vec<Option<RemovedUnits>>, String>,
) -> Vec<Effect> {
    match removed {
        Ok(removed) => {
            let compared = state.screens.compare.sessions.iter_mut().find(|compared| compared.path == path);
            if let Some(compared) = compared {
                compared.removed = Some(removed);
            }
            Vec::new()
        }
        Err(why) => state.refuse(format!("the removed units of a session cannot be read: {why}")),
    }
}

/// Updates a session from its new reading, or removes it if it can no longer be read.
pub fn read(state: &mut State, session: SessionSummary) -> Vec<Effect> {
    let Some(compared) =
        state.screens.compare.sessions.iter_mut().find(|compared| compared.path == session.path)
    else {
        return Vec::new();
    };
    match (session.content, session.status) {
        (Some(content), _) => compared.content = content,
        (None, status) => {
            let why = match status {
                SessionStatus::Damaged { why } => why,
                SessionStatus::Finished | SessionStatus::Unfinished { .. } | SessionStatus::InUse { .. } => {
                    "its content is unknown".into()
                }
            };
            drop_session(state, &session.path);
            let text = format!("{}; it is no longer compared", unreadable(&session.name, &why));
            state.say(NoticeKind::Failed, text);
        }
    }
    Vec::new()
}

/// Updates the compared sessions from the new list.
pub fn listed(state: &mut State) {
    let Some(SessionList { sessions: Ok(sessions), .. }) = &state.sessions.list else { return };
    for compared in &mut state.screens.compare.sessions {
        let same = sessions.iter().find(|session| session.path == compared.path);
        if let Some(content) = same.and_then(|session| session.content.as_ref()) {
            compared.content.clone_from(content);
        }
    }
}

/// Removes a session if it is compared.
pub fn drop_session(state: &mut State, path: &Path) {
    state.screens.compare.sessions.retain(|compared| compared.path != path);
    state.screens.compare.row = state.screens.compare.row.min(state.compared_sessions().count());
}

fn unreadable(name: &str, why: &str) -> String {
    format!("session {name} cannot be read: {why}")
}
