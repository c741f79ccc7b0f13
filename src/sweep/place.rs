//! The directory of a sweep: its files, and the status of its cells.

use std::{
    ffi::OsStr,
    fs,
    io::{ErrorKind, Write},
    path::{Path, PathBuf},
};

use super::{Cell, Error, Sweep};
use crate::{
    config::{self, Settings},
    disk::{name_meant, temporary},
    protocol, session,
};

const SWEEP: &str = "sweep.json";

/// The directory of a sweep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    root: PathBuf,
}

/// The status of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionStatus {
    /// It has no session, or an empty one.
    Fresh,
    Begun,
    Finished,
    /// Another process is working on it.
    InUse(Option<u32>),
}

impl Place {
    /// The directory of a sweep. It may be new, empty, or that of an earlier sweep.
    ///
    /// # Errors
    /// If the directory contains other files or cannot be read.
    pub fn new(root: &Path) -> Result<Self, Error> {
        let place = Self { root: root.into() };
        let occupied = || Error::Occupied(root.into());
        match fs::read_dir(root) {
            Err(cause) if cause.kind() == ErrorKind::NotFound => {}
            Err(cause) if cause.kind() == ErrorKind::NotADirectory => return Err(occupied()),
            Err(cause) => return Err(Error::Unreadable { path: root.into(), cause }),
            Ok(entries) => {
                // A sweep that was killed before it was written leaves a temporary file.
                let unfinished = |name: &OsStr| name.to_str().and_then(name_meant) == Some(SWEEP);
                for entry in entries {
                    let entry = entry.map_err(|cause| Error::Unreadable { path: root.into(), cause })?;
                    if !unfinished(&entry.file_name()) && !place.file(SWEEP).is_file() {
                        return Err(occupied());
                    }
                }
            }
        }
        Ok(place)
    }

    /// Opens the directory of an existing sweep.
    ///
    /// # Errors
    /// If the directory contains no sweep, or the sweep cannot be read.
    pub fn open(root: &Path) -> Result<(Self, Sweep), Error> {
        let place = Self { root: root.into() };
        let path = place.file(SWEEP);
        let text = match fs::read_to_string(&path) {
            Err(cause) if [ErrorKind::NotFound, ErrorKind::NotADirectory].contains(&cause.kind()) => {
                return Err(Error::NotASweep(root.into()));
            }
            read => read.map_err(|cause| Error::Unreadable { path: path.clone(), cause })?,
        };
        let sweep =
            serde_json::from_str(&text).map_err(|cause| Error::Damaged { path, cause: cause.to_string() })?;
        Ok((place, sweep))
    }

    /// Writes the sweep, then the settings of its cells, so a killed sweep leaves a directory that can be
    /// opened. Call [`Place::refuse_changed`] first.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn write_settings(&self, sweep: &Sweep) -> Result<(), Error> {
        let json = serde_json::to_string_pretty(sweep)
            .map_err(|cause| Error::Damaged { path: self.file(SWEEP), cause: cause.to_string() })?;
        self.write(&self.file(SWEEP), (json + "\n").as_bytes())?;
        sweep.cells.iter().try_for_each(|cell| self.write(&self.settings_of(cell), cell.file().as_bytes()))
    }

    /// Checks that no cell was started with other settings.
    ///
    /// # Errors
    /// [`Error::Changed`] for the first such cell.
    pub fn refuse_changed(&self, sweep: &Sweep) -> Result<(), Error> {
        sweep.cells.iter().try_for_each(|cell| self.refuse_changed_cell(cell, sweep.export))
    }

    fn refuse_changed_cell(&self, cell: &Cell, export: bool) -> Result<(), Error> {
        let path = self.session_of(cell);
        if !path.exists() {
            return Ok(());
        }
        // Settings unknown to an older version have their defaults.
        let before = config::read_file(&self.settings_of(cell)).and_then(|options| {
            let model = options.launch.model.clone();
            Ok(Cell { settings: Settings::new(options)?, model, ..cell.clone() })
        });
        let Ok(before) = before else { return Ok(()) };
        let (was, is) = (before.identity(export), cell.identity(export));
        if was == is {
            return Ok(());
        }
        let value = |of: &[(String, String)], key: &str| {
            let found = of.iter().find(|(other, _)| other == key);
            found.map_or_else(|| "nothing".to_owned(), |(_, value)| value.clone())
        };
        let mut keys: Vec<&String> = was.iter().chain(&is).map(|(key, _)| key).collect();
        keys.retain(|key| value(&was, key) != value(&is, key));
        keys.dedup();
        let mut what: Vec<String> = Vec::new();
        for key in keys {
            let change = format!("{key} was {}, now is {}", value(&was, key), value(&is, key));
            if !what.contains(&change) {
                what.push(change);
            }
        }
        Err(Error::Changed { name: cell.name.clone(), what: what.join("; "), path })
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    pub fn settings_of(&self, cell: &Cell) -> PathBuf {
        self.root.join("settings").join(format!("{}.toml", cell.name))
    }

    pub fn session_of(&self, cell: &Cell) -> PathBuf {
        self.root.join("cells").join(&cell.name)
    }

    pub fn log_of(&self, cell: &Cell) -> PathBuf {
        self.root.join("logs").join(format!("{}.log", cell.name))
    }

    pub fn model_of(&self, cell: &Cell) -> PathBuf {
        self.root.join("models").join(&cell.name)
    }

    /// The status of a cell. A session without a run counts as fresh.
    ///
    /// # Errors
    /// If the session is damaged or was written by a newer version.
    pub fn status(&self, cell: &Cell, export: bool) -> Result<SessionStatus, Error> {
        let dir = self.session_of(cell);
        let summary = session::summary(&dir);
        if let protocol::SessionStatus::InUse { pid } = summary.status {
            return Ok(SessionStatus::InUse(pid));
        }
        let state = match session::look(&dir) {
            Ok(state) => state,
            Err(session::Error::NotFound(_)) => return Ok(SessionStatus::Fresh),
            Err(_) if !dir.exists() || session::find(None, &dir.to_string_lossy()).is_err() => {
                return Ok(SessionStatus::Fresh);
            }
            Err(error) => return Err(error.into()),
        };
        let written = summary.content.is_some_and(|content| content.output.is_some());
        Ok(match summary.status {
            _ if !state.has_run() => SessionStatus::Fresh,
            protocol::SessionStatus::Finished if written || !export => SessionStatus::Finished,
            _ => SessionStatus::Begun,
        })
    }

    /// Removes the session of a fresh cell, in which no run was started, so the cell can start.
    ///
    /// # Errors
    /// If its files cannot be removed.
    pub fn make_room(&self, cell: &Cell) -> Result<(), Error> {
        let dir = self.session_of(cell);
        match session::look(&dir) {
            Ok(state) if !state.has_run() => Ok(session::remove(&dir).map(drop)?),
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// The last error printed by the cell's newest process.
    pub fn last_error(&self, cell: &Cell) -> Option<String> {
        const ERROR: &str = "slimgpt: error: ";
        let log = fs::read(self.log_of(cell)).ok()?;
        let log = String::from_utf8_lossy(&log);
        let mut errors = log.lines().rev();
        errors.find_map(|line| line.strip_prefix(ERROR)).map(str::to_owned)
    }

    /// Writes a file completely or not at all, and creates its directory.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), Error> {
        let fail = || Error::write(path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(fail())?;
        }
        let mut file = temporary(path).map_err(fail())?;
        file.write_all(bytes).map_err(fail())?;
        file.persist(path).map_err(|error| fail()(error.error))?;
        Ok(())
    }
}
