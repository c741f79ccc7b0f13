//! A row a session.

use std::path::Path;

use super::super::{
    Output,
    columns::{Columns, Side},
    print_json, print_text, say,
    words::{ago, layers, mean_ratio, now, or_dash, perplexity, status},
};
use crate::{
    config::ByteSize,
    engine::Error,
    protocol::{SessionStatus, SessionSummary},
    session,
};

/// Prints the sessions under `root`, the one changed last first.
pub fn list(root: &Path, output: Output) -> Result<(), Error> {
    let sessions = session::list(root)?;
    match output {
        Output::Json => return print_json(&sessions),
        Output::Text if sessions.is_empty() => {
            say(&format!("No sessions in {} yet; every run makes one.", root.display()));
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
    let now = now();
    let mut columns = Columns::new([
        ("session", Side::Left),
        ("changed", Side::Left),
        ("state", Side::Left),
        ("layers", Side::Right),
        ("ratio", Side::Right),
        ("perplexity", Side::Left),
        ("size", Side::Right),
        ("model", Side::Left),
    ]);
    for session in sessions {
        let content = session.content.as_ref();
        columns.row([
            session.name.clone(),
            or_dash(content, |content| ago(now, content.changed)),
            status(session),
            or_dash(content, layers),
            or_dash(content.and_then(mean_ratio), |ratio| format!("{ratio:.4}")),
            perplexity(content.and_then(|content| content.perplexity.as_ref())),
            ByteSize(session.bytes).to_string(),
            or_dash(content, |content| content.model.name.clone()),
        ]);
    }
    columns.to_string()
}
