//! The list of sessions on disk: inspect, open, resume, compare or delete one.

mod view;

use super::{Confirm, Confirmed, Dialog, Filter, Reply, Slice, lines};
use crate::{
    config::ByteSize,
    explorer::{
        Action, Effect, Hint, NoticeKind, SessionList, State, Then,
        dialogs::form::forms,
        movement::FAR,
        screens::compare,
        sessions_on_disk::argument,
        view::{Frame, Hits, Position, Rect, Theme},
    },
    protocol::{SessionStatus, SessionSummary},
    words,
};

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sessions {
    /// Index of the session under the cursor, among the listed ones.
    pub at: usize,
    /// Lists only sessions whose name, model or state contains this.
    pub filter: String,
}

/// The effect of an action on the chosen session.
type OnSession = fn(&mut State, SessionSummary) -> Reply;

impl Slice for Sessions {
    fn hints(&self, state: &State) -> Vec<Hint> {
        let hints: &[(Action, &str)] = match self.listed(state).len() {
            0 => &[(Action::CloseDialog, "close")],
            _ => &[
                (Action::Accept, "open"),
                (Action::ResumeSession, "resume"),
                (Action::CompareSession, "compare"),
                (Action::LabelSession, "name and note"),
                (Action::DeleteSession, "delete"),
                (Action::CopySessionPath, "copy path"),
                (Action::FilterSessions, "filter"),
                (Action::CloseDialog, "close"),
            ],
        };
        hints.iter().filter_map(|&(action, label)| Hint::of(state, action, label)).collect()
    }

    fn act(&mut self, state: &mut State, action: Action) -> Option<Reply> {
        if action == Action::CloseDialog && !self.filter.is_empty() {
            self.set_filter(String::new());
            return Some(Reply::Stay(Vec::new()));
        }
        if [Action::CloseDialog, Action::CloseSessions].contains(&action) {
            return Some(Reply::Close(Vec::new()));
        }
        let moves = [
            (Action::SessionUp, -1),
            (Action::SessionDown, 1),
            (Action::FirstSession, -FAR),
            (Action::LastSession, FAR),
        ];
        let moved = moves.into_iter().find(|(step, _)| *step == action).map(|(_, lines)| lines);
        if let Some(lines) = moved.or_else(|| lines(action)) {
            self.step(state, lines);
            return Some(Reply::Stay(Vec::new()));
        }
        if action == Action::FilterSessions {
            return Some(Reply::Stay(state.open(Dialog::Filter(Filter::new(self.filter.clone())))));
        }
        let acts: [(Action, OnSession); 6] = [
            (Action::LabelSession, Self::label),
            (Action::Accept, Self::look),
            (Action::ResumeSession, Self::resume),
            (Action::CompareSession, Self::compare),
            (Action::DeleteSession, Self::ask_to_delete),
            (Action::CopySessionPath, Self::copy_path),
        ];
        let (_, does) = acts.into_iter().find(|(of, _)| *of == action)?;
        Some(match self.chosen(state) {
            Some(session) => does(state, session),
            None => Reply::Stay(Vec::new()),
        })
    }

    fn click(&mut self, state: &mut State, line: usize) -> Reply {
        let again = self.at == line;
        self.at = line;
        match self.chosen(state).filter(|_| again) {
            Some(session) => Self::look(state, session),
            None => Reply::Stay(Vec::new()),
        }
    }

    fn step(&mut self, state: &State, lines: isize) {
        let last = self.listed(state).len().saturating_sub(1);
        self.at = self.at.saturating_add_signed(lines).min(last);
    }

    fn draw(
        &self,
        frame: &mut Frame<'_>,
        body: Rect,
        state: &State,
        theme: &Theme,
        hits: &mut Hits,
    ) -> Option<Position> {
        view::draw(frame, body, self, state, theme, hits);
        None
    }
}

impl Sessions {
    /// All sessions, or those whose name, model or state contains the filter.
    pub fn listed<'s>(&self, state: &'s State) -> Vec<&'s SessionSummary> {
        let Some(SessionList { sessions: Ok(sessions), .. }) = &state.sessions.list else {
            return Vec::new();
        };
        let filter = self.filter.trim().to_lowercase();
        let holds = |text: &str| text.to_lowercase().contains(&filter);
        let shown = |session: &&SessionSummary| {
            let model = session.content.as_ref().map(|content| content.model.name.as_str());
            filter.is_empty()
                || holds(&session.name)
                || holds(words::session_title(session))
                || model.is_some_and(holds)
                || holds(&words::session_status(session))
        };
        sessions.iter().filter(shown).collect()
    }

    /// Filters the list; the cursor moves to the first entry.
    pub fn set_filter(&mut self, text: String) {
        (self.filter, self.at) = (text, 0);
    }

    /// The session under the cursor.
    fn chosen(&self, state: &State) -> Option<SessionSummary> {
        let sessions = self.listed(state);
        sessions.get(self.at.min(sessions.len().saturating_sub(1))).map(|&session| session.clone())
    }

    fn look(state: &mut State, session: SessionSummary) -> Reply {
        open(state, session, Then::Look)
    }

    fn resume(state: &mut State, session: SessionSummary) -> Reply {
        open(state, session, Then::GoOn)
    }

    fn compare(state: &mut State, session: SessionSummary) -> Reply {
        Reply::Stay(compare::toggle(state, session))
    }

    /// Asks for confirmation before the session is deleted.
    fn ask_to_delete(state: &mut State, session: SessionSummary) -> Reply {
        let name = &session.name;
        let asked = state.sessions.reopening.as_ref().is_some_and(|asked| asked.path == session.path);
        if state.is_open_session(&session) || (asked && state.is_reopening()) {
            let why = format!("session {name} is open here; open another one, then delete it");
            return Reply::Stay(state.refuse(why));
        }
        if let SessionStatus::InUse { pid } = session.status {
            return Reply::Stay(state.refuse(in_use(name, pid)));
        }
        let size = ByteSize(session.bytes);
        Reply::Stay(state.open(Dialog::Confirm(Confirm {
            question: format!("Delete session {name}?"),
            detail: format!("Its attempts and settings ({size}) are deleted for good. Its exports are kept."),
            then: Confirmed::DeleteSession(session.path),
        })))
    }

    fn label(state: &mut State, session: SessionSummary) -> Reply {
        if session.content.is_none() {
            return Reply::Stay(state.refuse(format!("session {} cannot be read", session.name)));
        }
        if let SessionStatus::InUse { pid } = session.status
            && !state.is_open_session(&session)
        {
            return Reply::Stay(state.refuse(in_use(&session.name, pid)));
        }
        let form = forms::label(&session);
        state.sessions.naming = Some(session.path);
        Reply::Stay(state.open(Dialog::Form(form)))
    }

    fn copy_path(state: &mut State, session: SessionSummary) -> Reply {
        state.say(NoticeKind::Done, format!("Copied the path of session {}", session.name));
        Reply::Stay(vec![Effect::Copy(session.path.to_string_lossy().into_owned())])
    }
}

/// Opens the session, or refuses with the reason.
fn open(state: &mut State, session: SessionSummary, then: Then) -> Reply {
    if state.is_open_session(&session) {
        return match then {
            Then::GoOn => Reply::Perform(Action::Rerun),
            Then::Look => {
                state.say(NoticeKind::Done, format!("Session {} is already open", session.name));
                Reply::Close(Vec::new())
            }
        };
    }
    if let Some(why) = refused(state, &session) {
        return Reply::Stay(state.refuse(why));
    }
    let SessionSummary { path, name, .. } = session;
    if state.unsaved && state.sessions.open.is_none() {
        return Reply::Stay(state.open(Dialog::Confirm(Confirm {
            question: format!("Open session {name}?"),
            detail: "The current results are in no session and have not been exported (E); they would be lost.".into(),
            then: Confirmed::OpenSession { path, then },
        })));
    }
    Reply::Close(state.reopen(path, then))
}

/// Why the session cannot be opened now.
fn refused(state: &State, session: &SessionSummary) -> Option<String> {
    let SessionSummary { path, name, status, .. } = session;
    if state.is_replay() {
        let place = argument(state, path);
        return Some(format!("this is a recording; slimgpt --session {place} opens the session"));
    }
    let unready = state.unready().or(match status {
        SessionStatus::Finished | SessionStatus::Unfinished { .. } => None,
        SessionStatus::InUse { pid } => Some(in_use(name, *pid)),
        SessionStatus::Damaged { why } => Some(format!("session {name} cannot be opened: {why}")),
    });
    unready.or_else(|| {
        let asked_for = state.job().filter(|job| job.asked == crate::explorer::Asked::User)?;
        let (job, cancel) = (asked_for.kind.name(), state.interface.keymap.label(Action::Cancel).unwrap_or_default());
        Some(format!(
            "a job is running ({job}); wait for its end, or go back (Esc) and cancel it ({cancel}), then open the session"
        ))
    })
}

fn in_use(name: &str, pid: Option<u32>) -> String {
    let who = pid.map_or("another process".into(), |pid| format!("process {pid}"));
    format!("{who} is working on session {name}; end it there first")
}
