//! Deleting sessions: those named, or those that are old.

use std::{
    io::{BufRead, IsTerminal, stdin},
    path::{Path, PathBuf},
    time::Duration,
};

use super::super::{print_text, say, words::now};
use super::list::table;
use crate::{
    config::ByteSize,
    engine::Error,
    protocol::{SessionStatus, SessionSummary},
    session,
};

/// Whether a person is asked first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asking {
    Ask,
    /// They have said yes already.
    Said,
    /// Nothing is deleted.
    OnlyTell,
}

/// Why nothing was deleted, or that it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leave {
    Done,
    /// There is no terminal to ask on.
    NobodyToAsk,
}

/// Deletes sessions; one in use is refused before any goes.
pub fn remove(dirs: Vec<PathBuf>, asking: Asking) -> Result<Leave, Error> {
    let sessions: Vec<SessionSummary> = dirs.iter().map(|dir| session::summary(dir)).collect();
    for session in &sessions {
        if let SessionStatus::InUse { pid } = session.status {
            return Err(session::Error::InUse { dir: session.path.clone(), pid, host: None }.into());
        }
    }
    delete(&sessions, asking)
}

/// Deletes the sessions under `root` that were not changed for `older_than`, but not the `keep` changed last. Those in use
/// and those that cannot be read stay.
pub fn prune_old(root: &Path, older_than: Duration, keep: usize, asking: Asking) -> Result<Leave, Error> {
    let latest = now().saturating_sub(older_than.as_secs());
    let mut sessions = session::list(root)?;
    let damaged = sessions.iter().filter(|session| session.content.is_none()).count();
    sessions.retain(|session| session.content.is_some());
    let old = |session: &SessionSummary| {
        let changed = session.content.as_ref().map(|content| content.changed);
        let in_use = matches!(session.status, SessionStatus::InUse { .. });
        !in_use && changed.is_some_and(|changed| changed <= latest)
    };
    let old: Vec<SessionSummary> = sessions.into_iter().skip(keep).filter(old).collect();
    if damaged > 0 {
        say(&format!("{damaged} that cannot be read stay; slimgpt sessions remove deletes them by name."));
    }
    if old.is_empty() {
        say("Nothing is old enough to be deleted.");
        return Ok(Leave::Done);
    }
    delete(&old, asking)
}

fn delete(sessions: &[SessionSummary], asking: Asking) -> Result<Leave, Error> {
    let bytes = ByteSize(sessions.iter().map(|session| session.bytes).sum());
    let count = match sessions.len() {
        1 => "1 session".to_string(),
        count => format!("{count} sessions"),
    };
    print_text(&table(sessions))?;
    match asking {
        Asking::OnlyTell => {
            say(&format!("{count} would be deleted, which frees {bytes}."));
            return Ok(Leave::Done);
        }
        Asking::Said => {}
        Asking::Ask if !stdin().is_terminal() => return Ok(Leave::NobodyToAsk),
        Asking::Ask => {
            say(&format!("Delete {count}, which frees {bytes}? [y/N]"));
            if !is_yes() {
                say("Nothing was deleted.");
                return Ok(Leave::Done);
            }
        }
    }
    let mut freed = 0;
    for session in sessions {
        let removed = session::remove(&session.path)?;
        freed += removed.bytes;
        for path in removed.foreign {
            say(&format!("{}: left, since it is not a session's file", path.display()));
        }
    }
    say(&format!("Deleted {count}, which freed {}.", ByteSize(freed)));
    Ok(Leave::Done)
}

fn is_yes() -> bool {
    let mut answer = String::new();
    // An answer that cannot be read is none.
    let _ = stdin().lock().read_line(&mut answer);
    ["y", "yes"].contains(&answer.trim().to_lowercase().as_str())
}
