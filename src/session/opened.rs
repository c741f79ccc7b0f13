//! A session that this process has opened for writing.

use std::{
    fs, io,
    path::{Path, PathBuf, absolute},
    time::{SystemTime, UNIX_EPOCH},
};

use super::{
    DraftFile, Error, Journal, PartHead, PartPlace, State, StreamCache, Weight,
    envelope::sha256,
    lock::Lock,
    mirrored_file,
    names::{self, Directory},
    part_file, stream_cache,
    whole_file::{Durability, sync_directory_of, write_whole},
};
use crate::{
    disk::name_meant,
    protocol::{Draft, Label},
};

/// An open session. It holds the lock until it is dropped.
#[derive(Debug)]
pub struct Session {
    path: PathBuf,
    state: State,
    /// Released on drop.
    _lock: Lock,
}

/// Names a session that no process has open, and sets its note.
///
/// # Errors
///
/// As for [`Session::open`] and [`Session::change`].
pub fn label(dir: &Path, label: Label) -> Result<(), Error> {
    let (mut session, _) = Session::open(dir)?;
    session.change(|state| state.label = label)
}

/// Forgets that the last process of a session was killed.
pub fn settle(dir: &Path) {
    // A session in use is settled by its process.
    drop(Lock::take(dir));
}

impl Session {
    /// Creates a session in a directory. The directory is created with its parents.
    ///
    /// # Errors
    ///
    /// If the directory is not empty, except for the files of a process that ended before writing its first
    /// state; or if it cannot be written.
    pub fn create(dir: &Path, state: State) -> Result<Self, Error> {
        let path = absolute(dir).map_err(Error::write(dir))?;
        let made = !path.exists();
        fs::create_dir_all(&path).map_err(|cause| match cause.kind() {
            io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory => Error::Occupied(path.clone()),
            _ => Error::Write { path: path.clone(), cause },
        })?;
        refuse_what_is_there(&path)?;
        let lock = Lock::take(&path)?;
        // Another process may have created a session before the lock was taken.
        refuse_what_is_there(&path)?;
        Self::begin(path, lock, state, made)
    }

    /// Creates the session `ROOT/MODEL-YYYY-MM-DD-HHMMSS`. If the name is taken, `-2`, `-3` … is appended.
    ///
    /// # Errors
    ///
    /// If the directory cannot be written.
    pub fn create_under(root: &Path, model: &str, state: State) -> Result<Self, Error> {
        let root = absolute(root).map_err(Error::write(root))?;
        fs::create_dir_all(&root).map_err(Error::write(&root))?;
        let name = names::of_session(model, SystemTime::now());
        let mut path = root.join(&name);
        let mut number = 1;
        // Creating the directory claims the name.
        while let Err(cause) = fs::create_dir(&path) {
            if cause.kind() != io::ErrorKind::AlreadyExists {
                return Err(Error::Write { path, cause });
            }
            number += 1;
            path = root.join(format!("{name}-{number}"));
        }
        let lock = Lock::take(&path).inspect_err(|_| leave_nothing(&path))?;
        Self::begin(path, lock, state, true)
    }

    /// Writes the first state. If that fails and this process has `made` the directory, the directory is
    /// removed.
    fn begin(path: PathBuf, lock: Lock, state: State, made: bool) -> Result<Self, Error> {
        sweep(&path);
        let mut session = Self { path, state, _lock: lock };
        let begun = make_directory(&session.path.join(names::ATTEMPTS)).and_then(|()| session.change(|_| ()));
        // Makes the name of the directory durable. Its parents need not be readable.
        let _ = sync_directory_of(&session.path);
        if begun.is_err() && made {
            leave_nothing(&session.path);
        }
        begun.map(|()| session)
    }

    /// Locks and reads a session. The strings are warnings about repaired damage.
    ///
    /// # Errors
    ///
    /// If there is no session, it is in use, it is damaged, or a newer version wrote it.
    pub fn open(dir: &Path) -> Result<(Self, Vec<String>), Error> {
        let path = absolute(dir).map_err(Error::unreadable(dir))?;
        if !is_session(&path) {
            return Err(Error::NotFound(path));
        }
        let lock = Lock::take(&path)?;
        let found = mirrored_file::read(&path)?;
        sweep(&path);
        make_directory(&path.join(names::ATTEMPTS))?;
        if !found.whole {
            // One good copy is enough; the next change writes both.
            let _ = mirrored_file::write(&path, &found.state);
        }
        Ok((Self { path, state: found.state, _lock: lock }, found.warnings))
    }

    /// Absolute path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn state(&self) -> &State {
        &self.state
    }

    /// Changes the state and writes it. If writing fails, the state is unchanged.
    ///
    /// # Errors
    ///
    /// If the file cannot be written.
    pub fn change(&mut self, change: impl FnOnce(&mut State)) -> Result<(), Error> {
        let mut state = self.state.clone();
        change(&mut state);
        state.sequence = self.state.sequence + 1;
        state.changed = unix_seconds(SystemTime::now());
        self.with_room(|| mirrored_file::write(&self.path, &state))?;
        self.state = state;
        Ok(())
    }

    /// Writes or replaces the file of a part. The `weight` field of the head is ignored.
    ///
    /// # Errors
    ///
    /// If the file cannot be written.
    pub fn write_part(&self, head: &PartHead, weight: Option<&Weight>) -> Result<(), Error> {
        self.with_room(|| part_file::write(&self.part_path(head.place), head, weight))
    }

    /// Removes the file of a part that no attempt uses. A file that remains is harmless.
    pub fn remove_part(&self, place: PartPlace) {
        let _ = fs::remove_file(self.part_path(place));
    }

    /// Reads and verifies the file of a part. Only the length of the weight is checked.
    ///
    /// # Errors
    ///
    /// If the file is missing, damaged or unreadable, or a newer version wrote it.
    pub fn read_part(&self, place: PartPlace) -> Result<PartHead, Error> {
        part_file::read_head(&self.part_path(place), place)
    }

    /// Reads and verifies the weight of a part; None if no units were removed.
    ///
    /// # Errors
    ///
    /// As for [`Self::read_part`].
    pub fn read_weight(&self, head: &PartHead) -> Result<Option<Weight>, Error> {
        part_file::read_weight(&self.part_path(head.place), head)
    }

    /// If the disk is full, removes the cached layer inputs, which can be recomputed, and writes again.
    fn with_room(&self, write: impl Fn() -> Result<(), Error>) -> Result<(), Error> {
        match write() {
            Err(error) if error.is_full_disk() && stream_cache::clear(&self.path.join(names::STREAMS)) => {
                write()
            }
            written => written,
        }
    }

    fn part_path(&self, place: PartPlace) -> PathBuf {
        self.path.join(names::ATTEMPTS).join(names::part(place))
    }

    /// Writes calibration windows and returns their SHA-256.
    ///
    /// # Errors
    ///
    /// If the file cannot be written.
    pub fn write_windows(&self, number: usize, bytes: &[u8]) -> Result<String, Error> {
        let path = self.path.join(names::windows(number));
        self.with_room(|| write_whole(&path, Durability::Synced, |file| io::Write::write_all(file, bytes)))?;
        Ok(sha256(bytes))
    }

    /// Reads calibration windows.
    ///
    /// # Errors
    ///
    /// If the file is missing or unreadable, or its SHA-256 is not `expected`.
    pub fn read_windows(&self, number: usize, expected: &str) -> Result<Vec<u8>, Error> {
        let path = self.path.join(names::windows(number));
        let damaged = |cause: &str| Error::Damaged {
            path: path.clone(),
            cause: cause.into(),
            remedy: "the windows are drawn from the calibration text again",
        };
        let bytes = match fs::read(&path) {
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Err(damaged("it is missing")),
            read => read.map_err(Error::unreadable(&path))?,
        };
        if sha256(&bytes) == expected { Ok(bytes) } else { Err(damaged("its checksum differs")) }
    }

    /// Opens the log of events.
    ///
    /// # Errors
    ///
    /// If the file cannot be written.
    pub fn journal(&self) -> Result<Journal, Error> {
        Journal::open(&self.path)
    }

    /// The file for saving drafts.
    pub fn draft_file(&self) -> DraftFile {
        DraftFile::of_session(&self.path)
    }

    /// The saved draft; None if there is none.
    ///
    /// # Errors
    ///
    /// As for [`DraftFile::read`].
    pub fn draft(&self) -> Result<Option<Draft>, Error> {
        self.draft_file().read()
    }

    /// The cache of layer inputs, limited to `limit` bytes of files.
    pub fn streams(&self, limit: u64) -> StreamCache {
        StreamCache::open(&self.path.join(names::STREAMS), limit)
    }
}

pub(super) fn is_session(dir: &Path) -> bool {
    [names::STATE, names::STATE_COPY].iter().any(|name| dir.join(name).is_file())
}

/// Last component of a path.
pub(super) fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

fn unix_seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

fn make_directory(path: &Path) -> Result<(), Error> {
    match fs::create_dir(path) {
        Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        made => made.map_err(Error::write(path)),
    }
}

/// Removes the files of a session that could not be created. Failures are ignored, because the earlier error
/// is reported.
fn leave_nothing(dir: &Path) {
    let _ = fs::remove_dir(dir.join(names::ATTEMPTS));
    let _ = fs::remove_file(dir.join(names::LOCK));
    let _ = fs::remove_dir(dir);
}

/// Refuses a directory with files other than those of a process that ended before writing its first state.
fn refuse_what_is_there(dir: &Path) -> Result<(), Error> {
    if is_session(dir) {
        return Err(Error::Exists(dir.into()));
    }
    for entry in fs::read_dir(dir).map_err(Error::unreadable(dir))? {
        let name = entry.map_err(Error::unreadable(dir))?.file_name();
        let name = name.to_string_lossy();
        let left_over = name_meant(&name).is_some() && Directory::Session.owns(&name);
        let empty =
            || fs::read_dir(dir.join(names::ATTEMPTS)).is_ok_and(|mut entries| entries.next().is_none());
        if name != names::LOCK && !left_over && !(name == names::ATTEMPTS && empty()) {
            return Err(Error::Occupied(dir.into()));
        }
    }
    Ok(())
}

/// Removes temporary files of ended processes. The caller holds the lock. Remaining files are harmless.
fn sweep(dir: &Path) {
    let places = [
        (dir.to_owned(), Directory::Session),
        (dir.join(names::ATTEMPTS), Directory::Attempts),
        (dir.join(names::STREAMS), Directory::Streams),
    ];
    for (place, kind) in places {
        for entry in fs::read_dir(&place).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if name_meant(&name).is_some() && kind.owns(&name) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}
