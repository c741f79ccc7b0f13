//! Lists sessions, one per row.

use std::path::Path;

use super::super::{
    Output,
    columns::{
        Columns,
        Side::{Left, Right},
    },
    print_json, print_text, say,
};
use crate::{
    engine::Error,
    protocol::{SessionStatus, SessionSummary},
    session,
    words::{self, ago, bytes, layers_pruned, or_dash, ratio, session_status},
};

/// Prints the sessions under `root`, the most recently changed one first.
///
/// # Errors
/// If `root` cannot be read or stdout cannot be written.
pub fn list(root: &Path, output: Output) -> Result<(), Error> {
    let sessions = session::list(root)?;
    match output {
        Output::Json => return print_json(&sessions),
        Output::Text if sessions.is_empty() => {
            say(&format!("No sessions in {} yet; every run creates one.", root.display()));
            return Ok(());
        }
        Output::Text => {}
    }
    print_text(&table(&sessions))?;
    for session in &sessions {
        if let SessionStatus::Damaged { why } = &session.status {
            say(&format!("{}: {why}", session.name));
        }
    }
    Ok(())
}

pub fn table(sessions: &[SessionSummary]) -> String {
    let now = super::now();
    let mut columns = Columns::new([
        ("session", Left),
        ("changed", Left),
        ("status", Left),
        ("layers", Right),
        ("ratio", Right),
        ("perplexity", Left),
        ("size", Right),
        ("model", Left),
    ]);
    for session in sessions {
        let content = session.content.as_ref();
        columns.row([
            session.name.clone(),
            or_dash(content, |content| ago(now, content.changed)),
            session_status(session),
            or_dash(content, layers_pruned),
            or_dash(content.and_then(|content| content.ratio), |mean| ratio(mean.mean())),
            or_dash(content.and_then(|content| content.perplexity.as_ref()), words::perplexities),
            bytes(session.bytes),
            or_dash(content, |content| content.model.name.clone()),
        ]);
    }
    columns.to_string()
}
