//! Lists, finds and removes the sessions of a directory.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{
    Error,
    lock::Lock,
    names::{self, Directory},
    opened::{is_session, name_of},
    stream_cache, summary,
};
use crate::protocol::SessionSummary;

/// Result of removing a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removed {
    /// Size of the removed files.
    pub bytes: u64,
    /// Files that do not belong to a session. They are kept together with the directory. Empty if the
    /// directory was removed.
    pub foreign: Vec<PathBuf>,
}

/// The sessions under `root`, the most recently changed first; none if `root` does not exist.
///
/// # Errors
///
/// If the directory cannot be read.
pub fn list(root: &Path) -> Result<Vec<SessionSummary>, Error> {
    let mut sessions: Vec<SessionSummary> = directories(root)?.iter().map(|path| summary(path)).collect();
    let changed = |session: &SessionSummary| session.content.as_ref().map(|content| content.changed);
    sessions.sort_by(|a, b| changed(b).cmp(&changed(a)).then_with(|| b.name.cmp(&a.name)));
    Ok(sessions)
}

/// Removes the cached layer inputs of all sessions under `root` except `but`, because they are large and can
/// be recomputed. Sessions in use are skipped.
pub fn clear_other_streams(root: &Path, but: &Path) {
    // Files that cannot be removed are harmless.
    for dir in directories(root).unwrap_or_default() {
        let streams = dir.join(names::STREAMS);
        if dir != but
            && streams.is_dir()
            && let Ok(_lock) = Lock::take(&dir)
        {
            stream_cache::clear(&streams);
        }
    }
}

/// Directories under `root` that are complete or incomplete sessions, sorted by name.
fn directories(root: &Path) -> Result<Vec<PathBuf>, Error> {
    let entries = match fs::read_dir(root) {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(Error::unreadable(root))?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(Error::unreadable(root))?.path();
        if is_session(&path) || is_begun(&path) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// True for an incomplete session, whose process ended before it wrote the first state or while it removed
/// the session. Its directory has a lock and no files other than those of a session.
fn is_begun(dir: &Path) -> bool {
    let own = |entry: io::Result<fs::DirEntry>| {
        entry.is_ok_and(|entry| {
            let name = entry.file_name();
            Directory::Session.owns(&name.to_string_lossy())
                || [names::ATTEMPTS, names::STREAMS].iter().any(|own| name == *own)
        })
    };
    dir.join(names::LOCK).is_file() && fs::read_dir(dir).is_ok_and(|mut entries| entries.all(own))
}

/// The session with this path, with this name or unique start of a name under `root`, or the most recent one
/// for `last`.
///
/// # Errors
///
/// If no session matches, or several names start like this.
pub fn find(root: Option<&Path>, name: &str) -> Result<PathBuf, Error> {
    let path = Path::new(name);
    if !name.is_empty() && is_session(path) {
        return Ok(path.into());
    }
    let sessions = root.map(directories).transpose()?.unwrap_or_default();
    if let Some(exact) = sessions.iter().find(|session| name_of(session) == name) {
        return Ok(exact.clone());
    }
    if let (Some(root), "last") = (root, name)
        && let Some(last) = list(root)?.into_iter().next()
    {
        return Ok(last.path);
    }
    let names = |sessions: &[&PathBuf]| sessions.iter().map(|session| name_of(session)).collect();
    let begin = |session: &&PathBuf| !name.is_empty() && name_of(session).starts_with(name);
    let found: Vec<&PathBuf> = sessions.iter().filter(begin).collect();
    match found[..] {
        [session] => Ok(session.clone()),
        [] if !name.is_empty() && path.exists() => Err(Error::NotFound(path.into())),
        [] => {
            Err(Error::Unknown { name: name.into(), candidates: names(&sessions.iter().collect::<Vec<_>>()) })
        }
        _ => Err(Error::Ambiguous { name: name.into(), candidates: names(&found) }),
    }
}

/// Removes the files of a session, and then its directory if it is empty.
///
/// # Errors
///
/// If there is no session, it is in use, or a file cannot be removed.
pub fn remove(dir: &Path) -> Result<Removed, Error> {
    // A link is removed together with its target.
    let link = dir.is_symlink().then_some(dir);
    let dir = match dir.canonicalize() {
        Ok(dir) if is_session(&dir) || is_begun(&dir) => dir,
        Ok(_) | Err(_) => return Err(Error::NotFound(dir.into())),
    };
    let lock = Lock::take(&dir)?;
    let mut removed = Removed { bytes: 0, foreign: Vec::new() };
    // The state is removed first, so a partly removed session does not look complete.
    for name in [names::STATE, names::STATE_COPY] {
        removed.file(&dir.join(name))?;
    }
    for (name, kind) in [(names::ATTEMPTS, Directory::Attempts), (names::STREAMS, Directory::Streams)] {
        removed.directory(&dir.join(name), kind)?;
    }
    removed.files(&dir, Directory::Session)?;
    let path = dir.join(names::LOCK);
    fs::remove_file(&path).map_err(|cause| Error::Remove { path, cause })?;
    drop(lock);
    if removed.foreign.is_empty() {
        fs::remove_dir(&dir).map_err(|cause| Error::Remove { path: dir.clone(), cause })?;
        if let Some(path) = link {
            fs::remove_file(path).map_err(|cause| Error::Remove { path: path.into(), cause })?;
        }
    }
    Ok(removed)
}

impl Removed {
    /// Removes a directory of the session. Links are not followed.
    fn directory(&mut self, dir: &Path, kind: Directory) -> Result<(), Error> {
        if !dir.symlink_metadata().is_ok_and(|found| found.is_dir()) {
            return Ok(());
        }
        let before = self.foreign.len();
        self.files(dir, kind)?;
        if self.foreign.len() == before {
            fs::remove_dir(dir).map_err(|cause| Error::Remove { path: dir.into(), cause })?;
        }
        Ok(())
    }

    /// Removes the files of a directory except the lock.
    fn files(&mut self, dir: &Path, kind: Directory) -> Result<(), Error> {
        for entry in fs::read_dir(dir).map_err(Error::unreadable(dir))? {
            let entry = entry.map_err(Error::unreadable(dir))?;
            let (path, name) = (entry.path(), entry.file_name());
            let name = name.to_string_lossy();
            let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
            if is_file && kind.owns(&name) {
                if (kind, &*name) != (Directory::Session, names::LOCK) {
                    self.file(&path)?;
                }
            } else if !self.foreign.iter().any(|foreign| foreign.starts_with(&path)) {
                self.foreign.push(path);
            }
        }
        Ok(())
    }

    fn file(&mut self, path: &Path) -> Result<(), Error> {
        let bytes = path.symlink_metadata().map_or(0, |file| file.len());
        match fs::remove_file(path) {
            Ok(()) => self.bytes += bytes,
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => {}
            Err(cause) => return Err(Error::Remove { path: path.into(), cause }),
        }
        Ok(())
    }
}
