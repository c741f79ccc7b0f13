//! What can be wrong with a session.

use std::{io, path::PathBuf};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(
        "session {}: there is none (expected a directory with a session.json); see `slimgpt sessions list`",
        .0.display()
    )]
    NotFound(PathBuf),
    #[error(
        "session {}: is a session already; go on with it by `slimgpt resume`, or choose another --session",
        .0.display()
    )]
    Exists(PathBuf),
    #[error(
        "session {}: expected a directory that does not exist yet or is empty, found something else; choose another --session",
        .0.display()
    )]
    Occupied(PathBuf),
    #[error("session {}: {} works on it; wait until it ends, or end it", dir.display(), process(*pid, host.as_deref()))]
    InUse {
        dir: PathBuf,
        /// None where the other did not say.
        pid: Option<u32>,
        /// The machine that the other runs on, where that is another one than this.
        host: Option<String>,
    },
    #[error(
        "session {}: cannot be locked on this file system ({cause}); choose a --session on another disk",
        dir.display()
    )]
    NoLock { dir: PathBuf, cause: io::Error },
    #[error("session file {}: is damaged ({cause}); {remedy}", path.display())]
    Damaged { path: PathBuf, cause: String, remedy: &'static str },
    #[error(
        "session file {}: was made by a newer slimgpt (expected format {} or older, found {format}); use that one",
        path.display(),
        super::FORMAT
    )]
    Newer { path: PathBuf, format: u64 },
    #[error("{}: cannot be read ({cause}); check that it is there and that you may read it", path.display())]
    Unreadable { path: PathBuf, cause: io::Error },
    #[error(
        "session file {}: cannot be written ({cause}); check that the disk has room and that you may write there",
        path.display()
    )]
    Write { path: PathBuf, cause: io::Error },
    #[error("session file {}: cannot be removed ({cause}); check that you may write there", path.display())]
    Remove { path: PathBuf, cause: io::Error },
    #[error("session \"{name}\": there is none; {}", known(candidates))]
    Unknown { name: String, candidates: Vec<String> },
    #[error("session \"{name}\": more than one begins so: {}; give more of the name", candidates.join(", "))]
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

    /// 2 for what a person can put right by saying something else, 1 for what failed.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::NotFound(_)
            | Self::Exists(_)
            | Self::Occupied(_)
            | Self::InUse { .. }
            | Self::NoLock { .. }
            | Self::Damaged { .. }
            | Self::Newer { .. }
            | Self::Unreadable { .. }
            | Self::Unknown { .. }
            | Self::Ambiguous { .. } => 2,
            Self::Write { .. } | Self::Remove { .. } => 1,
        }
    }
}

fn process(pid: Option<u32>, host: Option<&str>) -> String {
    let process = pid.map_or_else(|| "another process".into(), |pid| format!("process {pid}"));
    host.map_or(process.clone(), |host| format!("{process} on {host}"))
}

/// The names that there are, a few of them.
fn known(candidates: &[String]) -> String {
    const SHOWN: usize = 8;
    if candidates.is_empty() {
        return "no sessions are kept yet".into();
    }
    let more = candidates.len().saturating_sub(SHOWN);
    let shown = candidates[..candidates.len() - more].join(", ");
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("there are {shown}{more}")
}
