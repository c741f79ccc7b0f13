//! The status of a session as a sign and a few words.

use crate::{
    explorer::{
        JobStatus, State, Status,
        view::{Role, Theme},
    },
    protocol::{SessionStatus, SessionSummary},
    words::session_status,
};

pub struct Words {
    pub sign: &'static str,
    pub text: String,
    pub role: Role,
}

pub fn words(state: &State, session: &SessionSummary, theme: &Theme) -> Words {
    let glyphs = theme.glyphs;
    if state.is_open_session(session) {
        return Words { sign: glyphs.active(), text: "open here".into(), role: Role::Active };
    }
    let (sign, role) = match &session.status {
        SessionStatus::Finished => (glyphs.status(Status::Done), Role::Done),
        SessionStatus::Unfinished { .. } => (glyphs.job(&JobStatus::Paused), Role::Warning),
        SessionStatus::InUse { .. } => (glyphs.job(&JobStatus::Working), Role::Live),
        SessionStatus::Damaged { .. } => (glyphs.status(Status::Failed), Role::Failed),
    };
    Words { sign, text: session_status(session), role }
}
