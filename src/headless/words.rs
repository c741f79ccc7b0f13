//! Words for sessions: how they stand, how old they are, how a shell names them.

use std::{
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

use crate::{
    config::Settings,
    protocol::{PartSummary, PerplexityRecord, SessionContent, SessionStatus, SessionSummary},
    prune::Schedule,
    session,
};

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// Unix seconds.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// How long ago something was: `just now`, `5 min ago`, `2 h ago`, `3 days ago`.
pub fn ago(now: u64, then: u64) -> String {
    let seconds = now.saturating_sub(then);
    match seconds {
        0..MINUTE => "just now".into(),
        MINUTE..HOUR => format!("{} min ago", seconds / MINUTE),
        HOUR..DAY => format!("{} h ago", seconds / HOUR),
        _ if seconds / DAY == 1 => "1 day ago".into(),
        _ => format!("{} days ago", seconds / DAY),
    }
}

/// True of a session whose first run came to nothing.
pub fn is_empty(session: &SessionSummary) -> bool {
    session.content.as_ref().is_some_and(|content| content.layers.iter().all(|layer| layer.attempts == 0))
}

pub fn status(session: &SessionSummary) -> String {
    match &session.status {
        SessionStatus::Finished if is_empty(session) => "empty".into(),
        SessionStatus::Finished => "finished".into(),
        SessionStatus::Unfinished { left: 0 } => "unfinished".into(),
        SessionStatus::Unfinished { left } => format!("{left} left"),
        SessionStatus::InUse { pid: Some(pid) } => format!("in use by {pid}"),
        SessionStatus::InUse { pid: None } => "in use".into(),
        SessionStatus::Damaged { .. } => match session::look(&session.path) {
            Err(session::Error::Newer { .. }) => "newer".into(),
            Ok(_) | Err(_) => "damaged".into(),
        },
    }
}

/// Layers with an attempt active, of all.
pub fn layers(content: &SessionContent) -> String {
    let solved = content.layers.iter().filter(|layer| layer.active.is_some()).count();
    format!("{solved}/{}", content.layers.len())
}

/// Mean ratio of the attempts active; None where there is none.
pub fn mean_ratio(content: &SessionContent) -> Option<f64> {
    let ratios: Vec<f64> =
        content.layers.iter().filter_map(|layer| Some(layer.active.as_ref()?.ratio.mean())).collect();
    (!ratios.is_empty()).then(|| ratios.iter().sum::<f64>() / ratios.len() as f64)
}

pub fn perplexity(record: Option<&PerplexityRecord>) -> String {
    match record {
        None => "-".into(),
        Some(PerplexityRecord { before, after: None, .. }) => format!("{before:.4}"),
        Some(PerplexityRecord { before, after: Some(after), .. }) => format!("{before:.4} → {after:.4}"),
    }
}

pub fn kept(part: &PartSummary) -> String {
    format!("{}/{}", part.kept, part.units)
}

/// A share in per cent, as the table of a run has it.
pub fn error(error: f64) -> String {
    format!("{:.4}%", 100.0 * error)
}

/// Where there may be none.
pub fn or_dash<T>(value: Option<T>, text: impl FnOnce(T) -> String) -> String {
    value.map_or_else(|| "-".into(), text)
}

/// The settings as a file for --config has them, one `(key, value)` each; ratios by hand are counted only.
pub fn settings(settings: &Settings) -> Vec<(String, String)> {
    let value = |key: &str, value: &str| match &settings.schedule {
        Schedule::Custom(_) if key == "schedule" => settings.schedule.to_string(),
        Schedule::Custom(_)
        | Schedule::Log
        | Schedule::Linear
        | Schedule::Uniform
        | Schedule::LogDecrease
        | Schedule::LinearDecrease
        | Schedule::Auto => value.into(),
    };
    let file = settings.to_file(None);
    let settings = file.lines().filter_map(|line| line.split_once(" = "));
    settings.map(|(key, text)| (key.into(), value(key, text))).collect()
}

/// The session as a shell takes it: its name alone where it lies among slimgpt's own.
pub fn argument(root: Option<&Path>, path: &Path) -> String {
    let name = path.file_name().filter(|_| root.is_some() && path.parent() == root);
    let text = name.unwrap_or(path.as_os_str()).to_string_lossy();
    let plain = |c: char| c.is_alphanumeric() || "-_./@:+,%=".contains(c);
    if text.chars().all(plain) { text.into() } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_is_told_as_a_person_would() {
        let now = 1_800_000_000;
        for (before, text) in [(59, "just now"), (300, "5 min ago"), (7200, "2 h ago"), (DAY, "1 day ago")] {
            assert_eq!(ago(now, now - before), text);
        }
        assert_eq!(ago(5, 9), "just now");
    }

    #[test]
    fn a_session_of_slimgpt_s_own_is_called_by_its_name() {
        let root = Some(Path::new("/state/sessions"));
        assert_eq!(argument(root, Path::new("/state/sessions/demo-1")), "demo-1");
        assert_eq!(argument(root, Path::new("/other/demo-1")), "/other/demo-1");
        assert_eq!(argument(None, Path::new("/it's here")), "'/it'\\''s here'");
    }
}
