//! The status of a session as a sign and a few words.

use crate::{
    explorer::{
        JobStatus, Schedule, State, Status,
        view::{Role, Theme},
    },
    protocol::{SessionContent, SessionStatus, SessionSummary},
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

/// Of the active attempts; of the plan while a layer has none.
pub fn mean_ratio(content: &SessionContent) -> Option<f64> {
    let layers = content.layers.len();
    let active: Option<f64> =
        content.layers.iter().map(|layer| layer.active.as_ref().map(|attempt| attempt.ratio.mean())).sum();
    match active {
        _ if layers == 0 => None,
        Some(sum) => Some(sum / layers as f64),
        None => match Schedule::of_settings(layers, &content.settings) {
            (schedule, None) => Some(schedule.mean()),
            (_, Some(_)) => None,
        },
    }
}
