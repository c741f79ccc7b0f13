//! Sessions and their results as text.

use std::path::Path;

use super::perplexity;
use crate::{
    protocol::{PartSummary, PerplexityRecord, SessionContent, SessionStatus, SessionSummary},
    prune::Part,
};

/// The name of a session: the last component of its path.
pub fn session_name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

/// The name that the user gave to a session, otherwise that of its directory.
pub fn session_title(session: &SessionSummary) -> &str {
    let given = session.content.as_ref().map(|content| content.label.name.as_str());
    given.filter(|name| !name.is_empty()).unwrap_or(&session.name)
}

/// The status in a few words: `finished`, `3 layers left`, `in use by 1234`.
pub fn session_status(session: &SessionSummary) -> String {
    match &session.status {
        SessionStatus::Finished if is_empty(session) => "empty".into(),
        SessionStatus::Finished => "finished".into(),
        SessionStatus::Unfinished { left: 0 } => "unfinished".into(),
        SessionStatus::Unfinished { left } => {
            format!("{left} {} left", if *left == 1 { "layer" } else { "layers" })
        }
        SessionStatus::InUse { pid: Some(pid) } => format!("in use by {pid}"),
        SessionStatus::InUse { pid: None } => "in use".into(),
        // Damaged, or written by a newer version.
        SessionStatus::Damaged { .. } => "unreadable".into(),
    }
}

/// True if the session is readable and has no attempts.
pub fn is_empty(session: &SessionSummary) -> bool {
    session.content.as_ref().is_some_and(|content| content.layers.iter().all(|layer| layer.attempts == 0))
}

/// The number of layers with an active attempt, out of all layers: `3/12`.
pub fn layers_pruned(content: &SessionContent) -> String {
    let pruned = content.layers.iter().filter(|layer| layer.active.is_some()).count();
    format!("{pruned}/{}", content.layers.len())
}

/// A perplexity before and after pruning: `12.3456 → 13.4567`; only the first if the pruned model was not
/// measured.
pub fn perplexities(record: &PerplexityRecord) -> String {
    let before = perplexity(record.before);
    record.after.map_or(before.clone(), |after| format!("{before} → {}", perplexity(after)))
}

/// Like [`perplexities`], each with its standard error if it is known, and the divergence in nats per token if it was
/// measured: `12.3456 ± 0.12 → 13.4567 ± 0.14, KL 0.0812 ± 0.0021`.
pub fn perplexities_and_errors(record: &PerplexityRecord) -> String {
    let of = |value: f64, error: Option<f64>| perplexity(value) + &super::plus_minus(error);
    let before = of(record.before, record.before_error);
    record.after.map_or(before.clone(), |after| {
        let error = record.divergence_error.map_or(String::new(), |error| format!(" ± {error:.4}"));
        let divergence = record.divergence.map_or(String::new(), |kl| format!(", KL {kl:.4}{error}"));
        format!("{before} → {}{divergence}", of(after, record.after_error))
    })
}

/// The name of a part in running text.
pub fn part(part: Part) -> &'static str {
    match part {
        Part::Attention => "attention",
        Part::Mlp => "MLP",
    }
}

/// The number of kept units of a part, out of all units: `3/4`.
pub fn kept(part: &PartSummary) -> String {
    format!("{}/{}", part.kept, part.units)
}
