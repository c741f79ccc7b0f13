//! Errors of sessions.

use std::{io, path::PathBuf};

use crate::failure::{Advice, Kind};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(
        "session {}: expected a directory with a session.json, found none",
        .0.display()
    )]
    NotFound(PathBuf),
    #[error(
        "session {}: it already exists",
        .0.display()
    )]
    Exists(PathBuf),
    #[error(
        "session {}: expected a new or empty directory, found other files",
        .0.display()
    )]
    Occupied(PathBuf),
    #[error("session {}: {} is using it; wait until it ends, or stop it", dir.display(), process(*pid, host.as_deref()))]
    InUse {
        dir: PathBuf,
        /// None if the other process did not record its ID.
        pid: Option<u32>,
        /// The machine of the other process, if it differs from this one.
        host: Option<String>,
    },
    #[error(
        "session {}: it cannot be locked on this file system ({cause}); use another disk",
        dir.display()
    )]
    NoLock { dir: PathBuf, cause: io::Error },
    #[error("session file {}: it is damaged ({cause}); {remedy}", path.display())]
    Damaged { path: PathBuf, cause: String, remedy: &'static str },
    #[error(
        "session file {}: a newer slimgpt wrote it (expected format {} or older, found {format}); use that version",
        path.display(),
        super::FORMAT
    )]
    Newer { path: PathBuf, format: u64 },
    #[error("{}: cannot be read ({cause}); check the path and the permissions", path.display())]
    Unreadable { path: PathBuf, cause: io::Error },
    #[error(
        "session file {}: cannot be written ({cause}); check the free space and the permissions",
        path.display()
    )]
    Write { path: PathBuf, cause: io::Error },
    #[error("session file {}: cannot be removed ({cause}); check the permissions", path.display())]
    Remove { path: PathBuf, cause: io::Error },
    #[error("session \"{name}\": no session has this name; {}", known(candidates))]
    Unknown { name: String, candidates: Vec<String> },
    #[error("session \"{name}\": expected the start of a single name, found {}; give more of the name", candidates.join(", "))]
    Ambiguous { name: String, candidates: Vec<String> },
}

impl Error {
    pub(super) fn write(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |cause| Self::Write { path, cause }
    }

    pub(super) fn unreadable(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |cause| Self::Unreadable { path, cause }
    }

    pub(super) fn is_full_disk(&self) -> bool {
        let full = [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded];
        matches!(self, Self::Write { cause, .. } if full.contains(&cause.kind()))
    }

    /// The kind of the error: input, failure or cancellation.
    pub fn kind(&self) -> Kind {
        match self {
            Self::NoLock { cause, .. }
            | Self::Unreadable { cause, .. }
            | Self::Write { cause, .. }
            | Self::Remove { cause, .. } => Kind::of_io(cause),
            Self::NotFound(_)
            | Self::Exists(_)
            | Self::Occupied(_)
            | Self::InUse { .. }
            | Self::Damaged { .. }
            | Self::Newer { .. }
            | Self::Unknown { .. }
            | Self::Ambiguous { .. } => Kind::Input,
        }
    }

    /// Advice whose wording depends on the frontend.
    pub fn advice(&self) -> Option<Advice> {
        match self {
            Self::NotFound(_) => Some(Advice::ListSessions),
            Self::Exists(dir) => Some(Advice::ResumeSession(dir.clone())),
            Self::Occupied(_) | Self::NoLock { .. } => Some(Advice::OtherSession),
            Self::InUse { .. }
            | Self::Damaged { .. }
            | Self::Newer { .. }
            | Self::Unreadable { .. }
            | Self::Write { .. }
            | Self::Remove { .. }
            | Self::Unknown { .. }
            | Self::Ambiguous { .. } => None,
        }
    }
}

fn process(pid: Option<u32>, host: Option<&str>) -> String {
    let process = pid.map_or_else(|| "another process".into(), |pid| format!("process {pid}"));
    host.map_or(process.clone(), |host| format!("{process} on {host}"))
}

/// The first few existing names, as text.
fn known(candidates: &[String]) -> String {
    const SHOWN: usize = 8;
    if candidates.is_empty() {
        return "there are no sessions yet".into();
    }
    let more = candidates.len().saturating_sub(SHOWN);
    let shown = candidates[..candidates.len() - more].join(", ");
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("expected one of {shown}{more}")
}
