//! Sessions on disk: their list, and opening one in place of the current session.

use std::path::{Path, PathBuf};

use crate::{
    protocol::{Command, Label, SessionStatus, SessionSummary},
    words,
};

use super::{
    Action, Confirm, Confirmed, Dialog, Effect, NoticeKind, State, dialogs::Sessions, idle, screens::compare,
};

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
    /// The session whose name and note are being edited.
    pub naming: Option<PathBuf>,
    /// True from the start until the sessions are listed, to offer a run that was broken off.
    pub offers: bool,
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

/// Stores the sessions that were read; the cursor stays on its session. After the start, offers to go on with a run of
/// the model that was broken off.
pub fn listed(state: &mut State, now: u64, sessions: Result<Vec<SessionSummary>, String>) -> Vec<Effect> {
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
    if std::mem::take(&mut state.sessions.offers) { offer(state) } else { Vec::new() }
}

/// Asks whether to go on with the newest run of the model whose process was killed. It asks once.
fn offer(state: &mut State) -> Vec<Effect> {
    let idle = state.jobs.queue.is_empty() && state.dialogs.is_empty() && state.sessions.open.is_none();
    let (Some(model), Some(SessionList { now, sessions: Ok(sessions) })) =
        (&state.model, &state.sessions.list)
    else {
        return Vec::new();
    };
    let is_of_model = |session: &&SessionSummary| {
        let content = session.content.as_ref();
        content.is_some_and(|content| content.model.config_sha256 == model.record.config_sha256)
    };
    let broken = |session: &&SessionSummary| {
        session.killed && matches!(session.status, SessionStatus::Unfinished { .. })
    };
    let Some(session) =
        sessions.iter().find(|session| broken(session) && is_of_model(session)).filter(|_| idle)
    else {
        return Vec::new();
    };
    let left = match session.status {
        SessionStatus::Unfinished { left: 0 } => "only its last steps are left".into(),
        SessionStatus::Unfinished { left } => {
            format!("{} to prune", words::plural(left, "layer is left", "layers are left"))
        }
        SessionStatus::Finished | SessionStatus::InUse { .. } | SessionStatus::Damaged { .. } => {
            String::new()
        }
    };
    let changed = session.content.as_ref().map_or(0, |content| content.changed);
    let key =
        |action: Action| state.interface.keymap.label(action).unwrap_or_else(|| action.info().name.into());
    let confirm = Confirm {
        question: format!("Go on with the run of session {}?", words::session_title(session)),
        detail: format!(
            "It was broken off {}; {left}. Its finished layers are kept. Otherwise it stays in the list of sessions ({}).",
            words::ago(*now, changed),
            key(Action::Sessions)
        ),
        then: Confirmed::OpenSession { path: session.path.clone(), then: Then::GoOn },
    };
    let path = session.path.clone();
    let mut effects = vec![Effect::SettleSession(path)];
    effects.extend(state.open(Dialog::Confirm(confirm)));
    effects
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

/// Gives a session a name and a note. The engine writes to the open one.
pub fn label(state: &mut State, label: Label) -> Vec<Effect> {
    let Some(path) = state.sessions.naming.take() else { return Vec::new() };
    let path = path.as_path();
    if let Some(SessionList { sessions: Ok(sessions), .. }) = &mut state.sessions.list {
        let same = sessions.iter_mut().find(|session| session.path == path);
        if let Some(content) = same.and_then(|session| session.content.as_mut()) {
            content.label = label.clone();
        }
    }
    compare::listed(state);
    if state.sessions.open.as_deref() == Some(path) && !state.is_replay() {
        state.say(NoticeKind::Done, "The name and the note of the session are saved");
        return vec![Effect::Command(Command::Label(label))];
    }
    vec![Effect::LabelSession { path: path.into(), label }]
}

/// Reports the result of naming a session.
pub fn labelled(state: &mut State, path: &Path, result: Result<(), String>) -> Vec<Effect> {
    match result {
        Ok(()) => state
            .say(NoticeKind::Done, format!("Session {}: name and note are saved", words::session_name(path))),
        Err(why) => state.say(NoticeKind::Failed, why),
    }
    vec![Effect::ListSessions]
}
