//! Sessions on disk that are compared on the Compare screen, beside the open one.

use std::path::{Path, PathBuf};

use crate::protocol::{SessionContent, SessionStatus, SessionSummary};

use super::{Action, Effect, NoticeKind, Panel, Quantity, Screen, SessionList, State, sessions};

/// So many beside the open one: each has a colour and a letter of its own.
pub const MOST: usize = 5;

/// What the Compare screen holds of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ComparedSessions {
    /// In the order of their places; the open one is never drawn from here.
    sessions: Vec<ComparedSession>,
    /// The row of their table under the cursor; the open session has the first.
    pub row: usize,
    /// What their curves show.
    pub quantity: Quantity,
}

#[derive(Clone, Debug, PartialEq)]
pub struct ComparedSession {
    pub path: PathBuf,
    pub name: String,
    /// From 1, and its own until it is let go; the open session has place 0.
    pub place: usize,
    /// As it was read last.
    pub content: SessionContent,
}

impl ComparedSessions {
    fn find(&self, path: &Path) -> Option<&ComparedSession> {
        self.sessions.iter().find(|compared| compared.path == path)
    }
}

impl State {
    /// The sessions beside the open one.
    pub fn compared_sessions(&self) -> impl Iterator<Item = &ComparedSession> {
        let open = self.session.as_ref().filter(|_| !self.is_replay());
        self.compared.sessions.iter().filter(move |compared| Some(&compared.path) != open)
    }

    /// The place of a session that is compared beside the open one.
    pub fn compared_place(&self, path: &Path) -> Option<usize> {
        self.compared_sessions().find(|compared| compared.path == path).map(|compared| compared.place)
    }

    pub fn holds_sessions(&self) -> bool {
        self.compared_sessions().next().is_some()
    }

    /// The panels of the screen that is shown: without other sessions there is none of them on the Compare screen.
    pub fn panels(&self) -> &'static [Panel] {
        match self.screen {
            Screen::Compare if !self.holds_sessions() => &[Panel::Texts, Panel::Perplexity],
            screen => screen.panels(),
        }
    }
}

/// The letter of a place: `a` of the open session.
pub fn letter(place: usize) -> char {
    ('a'..='z').nth(place).unwrap_or('?')
}

/// Holds the session under the cursor of the list, or lets it go.
pub fn mark(state: &mut State) -> Vec<Effect> {
    let Some(SessionSummary { path, name, status, content, .. }) = sessions::chosen(state) else {
        return Vec::new();
    };
    if state.session.as_ref() == Some(&path) && !state.is_replay() {
        return state.refuse(format!("session {name} is the one that is open; it is always compared"));
    }
    if state.compared.find(&path).is_some() {
        drop_session(state, &path);
        state.say(NoticeKind::Done, format!("Session {name} is not compared any more"));
        return Vec::new();
    }
    let content = match (content, status) {
        (Some(content), _) => content,
        (None, SessionStatus::Damaged { why }) => return state.refuse(unreadable(&name, &why)),
        (None, SessionStatus::Finished | SessionStatus::Unfinished { .. } | SessionStatus::InUse { .. }) => {
            return state.refuse(unreadable(&name, "nothing is told of it"));
        }
    };
    let taken = |place: usize| state.compared.sessions.iter().any(|compared| compared.place == place);
    let Some(place) = (1..=MOST).find(|&place| !taken(place)) else {
        return state.refuse(format!("{MOST} sessions are compared already; take one of them off first (m)"));
    };
    if !state.holds_sessions() {
        state.focus[Screen::Compare as usize] = Panel::Sessions;
    }
    let at = state.compared.sessions.partition_point(|compared| compared.place < place);
    let compared = ComparedSession { path: path.clone(), name: name.clone(), place, content };
    state.compared.sessions.insert(at, compared);
    let (letter, key) = (letter(place), state.keymap.label(Action::ShowCompare).unwrap_or_default());
    state.say(NoticeKind::Done, format!("Session {name} is compared as {letter} (screen {key})"));
    vec![Effect::ReadSession(path)]
}

/// Has the compared sessions read anew, since others may work on them.
pub fn refresh(state: &State) -> Vec<Effect> {
    state.compared_sessions().map(|compared| Effect::ReadSession(compared.path.clone())).collect()
}

/// Takes in what was read; one that cannot be read any more is left out.
pub fn read(state: &mut State, session: SessionSummary) -> Vec<Effect> {
    let Some(compared) = state.compared.sessions.iter_mut().find(|compared| compared.path == session.path)
    else {
        return Vec::new();
    };
    match (session.content, session.status) {
        (Some(content), _) => compared.content = content,
        (None, status) => {
            let why = match status {
                SessionStatus::Damaged { why } => why,
                SessionStatus::Finished | SessionStatus::Unfinished { .. } | SessionStatus::InUse { .. } => {
                    "nothing is told of it".into()
                }
            };
            drop_session(state, &session.path);
            let text = format!("{}; it is not compared any more", unreadable(&session.name, &why));
            state.say(NoticeKind::Failed, text);
        }
    }
    Vec::new()
}

/// Takes over what the list of sessions tells of those that are compared.
pub fn listed(state: &mut State) {
    let Some(SessionList { sessions: Ok(sessions), .. }) = &state.sessions else { return };
    for compared in &mut state.compared.sessions {
        let same = sessions.iter().find(|session| session.path == compared.path);
        if let Some(content) = same.and_then(|session| session.content.as_ref()) {
            compared.content.clone_from(content);
        }
    }
}

/// Lets a session go, if it is compared.
pub fn drop_session(state: &mut State, path: &Path) {
    state.compared.sessions.retain(|compared| compared.path != path);
    state.compared.row = state.compared.row.min(state.compared_sessions().count());
}

fn unreadable(name: &str, why: &str) -> String {
    format!("session {name} cannot be read: {why}")
}
