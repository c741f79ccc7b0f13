//! How a session stands, in a sign and a few words.

use crate::{
    explorer::view::{Role, Theme},
    explorer::{JobStatus, Schedule, State, Status},
    protocol::{SessionContent, SessionStatus, SessionSummary},
};

pub(super) struct Words {
    pub sign: &'static str,
    pub text: String,
    pub role: Role,
}

pub(super) fn words(state: &State, session: &SessionSummary, theme: &Theme) -> Words {
    let glyphs = theme.glyphs;
    if state.is_open_session(session) {
        return Words { sign: glyphs.active(), text: "open here".into(), role: Role::Active };
    }
    let total = session.content.as_ref().map_or(0, |content| content.layers.len());
    let (sign, text, role) = match &session.status {
        SessionStatus::Finished => (glyphs.status(Status::Done), "finished".into(), Role::Done),
        SessionStatus::Unfinished { left } => {
            let text = format!("{}/{total} layers", total.saturating_sub(*left));
            (glyphs.job(&JobStatus::Paused), text, Role::Warning)
        }
        SessionStatus::InUse { pid: Some(pid) } => {
            (glyphs.job(&JobStatus::Working), format!("in use by {pid}"), Role::Live)
        }
        SessionStatus::InUse { pid: None } => (glyphs.job(&JobStatus::Working), "in use".into(), Role::Live),
        SessionStatus::Damaged { .. } => (glyphs.status(Status::Failed), "damaged".into(), Role::Failed),
    };
    Words { sign, text, role }
}

/// Of the attempts active; as it is planned while layers are without one.
pub(super) fn mean_ratio(content: &SessionContent) -> Option<f64> {
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
