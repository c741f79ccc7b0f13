//! Removes sessions: the named ones, or the old ones.

use std::{
    io::{BufRead, IsTerminal, stdin},
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    super::{print_text, say},
    list::table,
    now,
};
use crate::{
    engine::Error,
    protocol::{SessionStatus, SessionSummary},
    session,
    words::{bytes, plural},
};

/// Confirmation of a removal by the user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confirmation {
    /// Ask on the terminal.
    Ask,
    /// Confirmed by a flag.
    Given,
    /// List the sessions to remove without removing them.
    DryRun,
}

/// The result of a removal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removal {
    /// The sessions were removed, or the user declined.
    Done,
    /// Nothing was removed, because stdin is not a terminal and cannot be asked.
    NoTerminal,
}

/// Removes sessions. If any of them is in use, none is removed.
///
/// # Errors
/// If a session is in use or its files cannot be removed, or stdout cannot be written.
pub fn remove(dirs: Vec<PathBuf>, confirmation: Confirmation) -> Result<Removal, Error> {
    let sessions: Vec<SessionSummary> = dirs.iter().map(|dir| session::summary(dir)).collect();
    for session in &sessions {
        if let SessionStatus::InUse { pid } = session.status {
            return Err(session::Error::InUse { dir: session.path.clone(), pid, host: None }.into());
        }
    }
    remove_listed(&sessions, confirmation)
}

/// Removes the sessions under `root` that were not changed for `older_than`, except the `keep` most recently changed ones.
/// Sessions that are in use or unreadable are kept.
///
/// # Errors
/// If `root` cannot be read, files cannot be removed, or stdout cannot be written.
pub fn prune_old(
    root: &Path,
    older_than: Duration,
    keep: usize,
    confirmation: Confirmation,
) -> Result<Removal, Error> {
    let latest = now().saturating_sub(older_than.as_secs());
    let mut sessions = session::list(root)?;
    let all = sessions.len();
    sessions.retain(|session| session.content.is_some());
    let unreadable = all - sessions.len();
    let is_old = |session: &SessionSummary| {
        let changed = session.content.as_ref().map(|content| content.changed);
        let in_use = matches!(session.status, SessionStatus::InUse { .. });
        !in_use && changed.is_some_and(|changed| changed <= latest)
    };
    let old: Vec<SessionSummary> = sessions.into_iter().skip(keep).filter(is_old).collect();
    if unreadable > 0 {
        let kept = plural(unreadable, "unreadable session is", "unreadable sessions are");
        say(&format!("{kept} kept. Remove them by name with: slimgpt sessions remove NAME"));
    }
    if old.is_empty() {
        say("No session is old enough to be removed.");
        return Ok(Removal::Done);
    }
    remove_listed(&old, confirmation)
}

fn remove_listed(sessions: &[SessionSummary], confirmation: Confirmation) -> Result<Removal, Error> {
    let size = bytes(sessions.iter().map(|session| session.bytes).sum());
    let count = plural(sessions.len(), "session", "sessions");
    print_text(&table(sessions))?;
    match confirmation {
        Confirmation::DryRun => {
            say(&format!("{count} would be removed, which frees {size}."));
            return Ok(Removal::Done);
        }
        Confirmation::Given => {}
        Confirmation::Ask if !stdin().is_terminal() => return Ok(Removal::NoTerminal),
        Confirmation::Ask => {
            say(&format!("Remove {count}, which frees {size}? [y/N]"));
            if !answer_is_yes() {
                say("Nothing was removed.");
                return Ok(Removal::Done);
            }
        }
    }
    let mut freed = 0;
    for session in sessions {
        let removed = session::remove(&session.path)?;
        freed += removed.bytes;
        for path in removed.foreign {
            say(&format!("{}: kept, because it is not a session file", path.display()));
        }
    }
    say(&format!("Removed {count}, which freed {}.", bytes(freed)));
    Ok(Removal::Done)
}

fn answer_is_yes() -> bool {
    let mut answer = String::new();
    // An unreadable answer counts as a no.
    let _ = stdin().lock().read_line(&mut answer);
    ["y", "yes"].contains(&answer.trim().to_lowercase().as_str())
}
