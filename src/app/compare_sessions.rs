//! Sessions on disk that are held on the Compare screen, beside the open one.

use std::path::{Path, PathBuf};

use crate::protocol::{SessionContent, SessionSummary, Standing};

use super::{Action, Effect, NoticeKind, Panel, Quantity, Screen, SessionList, State, sessions};

/// So many beside the open one: each has a colour and a letter of its own.
pub const MOST: usize = 5;

/// What the Compare screen holds of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Held {
    /// In the order of their places; the open one is never drawn from here.
    sessions: Vec<HeldSession>,
    /// The row of their table under the cursor; the open session has the first.
    pub row: usize,
    /// What their curves show.
    pub quantity: Quantity,
}

#[derive(Clone, Debug, PartialEq)]
pub struct HeldSession {
    pub path: PathBuf,
    pub name: String,
    /// From 1, and its own until it is let go; the open session has place 0.
    pub place: usize,
    /// As it was read last.
    pub content: SessionContent,
}

impl Held {
    fn find(&self, path: &Path) -> Option<&HeldSession> {
        self.sessions.iter().find(|held| held.path == path)
    }
}

impl State {
    /// The sessions beside the open one.
    pub fn held_sessions(&self) -> impl Iterator<Item = &HeldSession> {
        let open = self.session.as_ref().filter(|_| !self.is_replay());
        self.held.sessions.iter().filter(move |held| Some(&held.path) != open)
    }

    /// The place of a session that is held beside the open one.
    pub fn held_place(&self, path: &Path) -> Option<usize> {
        self.held_sessions().find(|held| held.path == path).map(|held| held.place)
    }

    pub fn holds_sessions(&self) -> bool {
        self.held_sessions().next().is_some()
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
    let Some(SessionSummary { path, name, standing, content, .. }) = sessions::chosen(state) else {
        return Vec::new();
    };
    if state.session.as_ref() == Some(&path) && !state.is_replay() {
        return state.refuse(format!("session {name} is the one that is open; it is always compared"));
    }
    if state.held.find(&path).is_some() {
        drop_session(state, &path);
        state.say(NoticeKind::Done, format!("Session {name} is not compared any more"));
        return Vec::new();
    }
    let content = match (content, standing) {
        (Some(content), _) => content,
        (None, Standing::Damaged { why }) => return state.refuse(unreadable(&name, &why)),
        (None, Standing::Finished | Standing::Unfinished { .. } | Standing::InUse { .. }) => {
            return state.refuse(unreadable(&name, "nothing is told of it"));
        }
    };
    let taken = |place: usize| state.held.sessions.iter().any(|held| held.place == place);
    let Some(place) = (1..=MOST).find(|&place| !taken(place)) else {
        return state.refuse(format!("{MOST} sessions are compared already; take one of them off first (m)"));
    };
    if !state.holds_sessions() {
        state.focus[Screen::Compare as usize] = Panel::Sessions;
    }
    let at = state.held.sessions.partition_point(|held| held.place < place);
    let held = HeldSession { path: path.clone(), name: name.clone(), place, content };
    state.held.sessions.insert(at, held);
    let (letter, key) = (letter(place), state.keymap.label(Action::ShowCompare).unwrap_or_default());
    state.say(NoticeKind::Done, format!("Session {name} is compared as {letter} (screen {key})"));
    vec![Effect::ReadSession(path)]
}

/// Has the held sessions read anew, since others may work on them.
pub fn refresh(state: &State) -> Vec<Effect> {
    state.held_sessions().map(|held| Effect::ReadSession(held.path.clone())).collect()
}

/// Takes in what was read; one that cannot be read any more is left out.
pub fn read(state: &mut State, session: SessionSummary) -> Vec<Effect> {
    let Some(held) = state.held.sessions.iter_mut().find(|held| held.path == session.path) else {
        return Vec::new();
    };
    match (session.content, session.standing) {
        (Some(content), _) => held.content = content,
        (None, standing) => {
            let why = match standing {
                Standing::Damaged { why } => why,
                Standing::Finished | Standing::Unfinished { .. } | Standing::InUse { .. } => {
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

/// Takes over what the list of sessions tells of those that are held.
pub fn listed(state: &mut State) {
    let Some(SessionList { sessions: Ok(sessions), .. }) = &state.sessions else { return };
    for held in &mut state.held.sessions {
        let same = sessions.iter().find(|session| session.path == held.path);
        if let Some(content) = same.and_then(|session| session.content.as_ref()) {
            held.content.clone_from(content);
        }
    }
}

/// Lets a session go, if it is held.
pub fn drop_session(state: &mut State, path: &Path) {
    state.held.sessions.retain(|held| held.path != path);
    state.held.row = state.held.row.min(state.held_sessions().count());
}

fn unreadable(name: &str, why: &str) -> String {
    format!("session {name} cannot be read: {why}")
}
