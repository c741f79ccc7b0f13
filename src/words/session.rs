//! Names and states of sessions.

use std::path::Path;

use crate::protocol::{PartSummary, SessionContent, SessionStatus, SessionSummary};

/// The name of a session: the last component of its path.
pub fn session_name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

/// The status in one or a few words: `finished`, `3 left`, `in use by 1234`.
pub fn session_status(session: &SessionSummary) -> String {
    match &session.status {
        SessionStatus::Finished if is_empty(session) => "empty".into(),
        SessionStatus::Finished => "finished".into(),
        SessionStatus::Unfinished { left: 0 } => "unfinished".into(),
        SessionStatus::Unfinished { left } => format!("{left} left"),
        SessionStatus::InUse { pid: Some(pid) } => format!("in use by {pid}"),
        SessionStatus::InUse { pid: None } => "in use".into(),
        SessionStatus::Damaged { .. } => "damaged".into(),
    }
}

/// True of a readable session without any attempt.
pub fn is_empty(session: &SessionSummary) -> bool {
    session.content.as_ref().is_some_and(|content| content.layers.iter().all(|layer| layer.attempts == 0))
}

/// Layers with an active attempt, of all layers: `3/12`.
pub fn layers_pruned(content: &SessionContent) -> String {
    let pruned = content.layers.iter().filter(|layer| layer.active.is_some()).count();
    format!("{pruned}/{}", content.layers.len())
}

/// Kept units of a part, of all units: `3/4`.
pub fn kept(part: &PartSummary) -> String {
    format!("{}/{}", part.kept, part.units)
}
