//! Sessions on disk: their list, and opening one in place of the current session.

use std::path::{Path, PathBuf};

use crate::{
    protocol::{Command, SessionSummary},
    words,
};

use super::{Dialog, Effect, NoticeKind, State, dialogs::Sessions, idle, screens::compare};

/// The open session, and the sessions on disk.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SessionsOnDisk {
    /// Directory of the open session.
    pub open: Option<PathBuf>,
    /// Directory that contains sessions given by name.
    pub root: Option<PathBuf>,
    /// The sessions on disk, once they have been read.
    pub list: Option<SessionList>,
    /// A session that the engine was asked to open.
    pub reopening: Option<Reopening>,
}

/// The sessions found on disk.
#[derive(Clone, Debug, PartialEq)]
pub struct SessionList {
    /// Time of reading, in Unix seconds.
    pub now: u64,
    /// Most recently changed first, or the reason they cannot be listed.
    pub sessions: Result<Vec<SessionSummary>, String>,
}

/// A session that the engine was asked to open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reopening {
    pub path: PathBuf,
    pub then: Then,
    /// True if the engine has sent a warning, which may explain why the session was not opened.
    pub warned: bool,
}

/// The step that follows opening.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    Look,
    /// Prunes the remaining layers.
    GoOn,
}

impl Reopening {
    /// True for the directory of this session. The engine may spell the path differently.
    pub fn is_of(&self, path: &Path) -> bool {
        self.path == path || self.path.file_name() == path.file_name()
    }
}

impl State {
    /// True from the request for a session until it is open or refused.
    pub fn is_reopening(&self) -> bool {
        self.sessions.reopening.as_ref().is_some_and(|asked| !asked.warned)
    }

    /// True for the session in which the current work is recorded.
    pub fn is_open_session(&self, summary: &SessionSummary) -> bool {
        !self.is_replay() && self.sessions.open.as_ref() == Some(&summary.path)
    }

    /// Asks the engine to open a session in place of the current one.
    pub(super) fn reopen(&mut self, path: PathBuf, then: Then) -> Vec<Effect> {
        self.dialogs.clear();
        self.say(NoticeKind::Done, format!("Opening session {}…", words::session_name(&path)));
        self.opening = None;
        self.sessions.reopening = Some(Reopening { path: path.clone(), then, warned: false });
        let mut effects = idle::make_way(self);
        effects.push(Effect::Command(Command::Reopen { session: path }));
        effects
    }
}

/// The argument that names a session on the command line.
pub fn argument(state: &State, path: &Path) -> String {
    words::session_argument(state.sessions.root.as_deref(), path)
}

/// Opens the list and requests that the sessions be read.
pub fn show(state: &mut State) -> Vec<Effect> {
    state.open(Dialog::Sessions(Sessions::default()));
    vec![Effect::ListSessions]
}

/// Stores the sessions that were read; the cursor stays on its session.
pub fn listed(state: &mut State, now: u64, sessions: Result<Vec<SessionSummary>, String>) {
    let paths = |state: &State, list: &Sessions| -> Vec<PathBuf> {
        list.listed(state).into_iter().map(|session| session.path.clone()).collect()
    };
    let mut dialogs = std::mem::take(&mut state.dialogs);
    let before: Vec<Vec<PathBuf>> = lists(&mut dialogs).map(|list| paths(state, list)).collect();
    state.sessions.list = Some(SessionList { now, sessions });
    compare::listed(state);
    for (list, before) in lists(&mut dialogs).zip(before) {
        let after = paths(state, list);
        let same = before.get(list.at).and_then(|old| after.iter().position(|path| path == old));
        list.at = same.unwrap_or(list.at).min(after.len().saturating_sub(1));
    }
    state.dialogs = dialogs;
}

fn lists(dialogs: &mut [Dialog]) -> impl Iterator<Item = &mut Sessions> {
    dialogs.iter_mut().filter_map(|dialog| match dialog {
        Dialog::Sessions(list) => Some(list),
        Dialog::Form(_)
        | Dialog::Palette(_)
        | Dialog::Help(_)
        | Dialog::Filter(_)
        | Dialog::Confirm(_)
        | Dialog::Refusal(_)
        | Dialog::Commands(_)
        | Dialog::Explain(_) => None,
    })
}

/// Reports the result of deleting a session, and requests that the list be read again.
pub fn deleted(state: &mut State, path: &Path, result: Result<(), String>) -> Vec<Effect> {
    match result {
        Ok(()) => {
            compare::drop_session(state, path);
            state.say(NoticeKind::Done, format!("Session {} was deleted", words::session_name(path)));
        }
        Err(why) => state.say(NoticeKind::Failed, why),
    }
    vec![Effect::ListSessions]
}
