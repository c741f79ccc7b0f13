//! Files written while a process runs: the log of events, and the draft.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use super::{
    Error,
    envelope::{DecodeError, decode, encode},
    names,
    whole_file::{Durability, write_whole},
};
use crate::protocol::{Draft, Event, RecordingHeader, RunRecord, Stamped};

/// `events.jsonl` of an open session, in the format of recordings.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    /// Length of the complete lines in bytes.
    length: u64,
}

/// `draft.json` of an open session.
#[derive(Clone, Debug)]
pub struct DraftFile {
    path: PathBuf,
}

impl Journal {
    /// Removes an incomplete last line.
    pub(super) fn open(dir: &Path) -> Result<Self, Error> {
        let path = dir.join(names::EVENTS);
        let open = || {
            let mut file =
                OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path)?;
            let length = whole_lines(&mut file)?;
            file.set_len(length)?;
            file.seek(SeekFrom::Start(length))?;
            io::Result::Ok((file, length))
        };
        let (file, length) = open().map_err(Error::write(&path))?;
        Ok(Self { path, file, length })
    }

    /// Appends an event, unless it is progress. The line survives the end of the process.
    pub fn append(&mut self, stamped: &Stamped) -> Result<(), Error> {
        if matches!(stamped.event, Event::Progress { .. }) {
            return Ok(());
        }
        self.write(stamped).map_err(|cause| {
            // A partial line would corrupt the next one. If it cannot be removed now, opening the log removes
            // it.
            let _ =
                self.file.set_len(self.length).and_then(|()| self.file.seek(SeekFrom::Start(self.length)));
            Error::Write { path: self.path.clone(), cause }
        })
    }

    fn write(&mut self, stamped: &Stamped) -> io::Result<()> {
        let mut line = Vec::new();
        if self.length == 0 {
            writeln!(line, "{}", RecordingHeader::CURRENT.line())?;
        }
        serde_json::to_writer(&mut line, stamped)?;
        line.push(b'\n');
        self.file.write_all(&line)?;
        self.length += line.len() as u64;
        Ok(())
    }
}

impl DraftFile {
    pub fn of_session(dir: &Path) -> Self {
        Self { path: dir.join(names::DRAFT) }
    }

    /// The saved draft; None if there is none.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, is damaged, or was written by a newer version.
    pub fn read(&self) -> Result<Option<Draft>, Error> {
        let old_name = self.path.with_file_name(names::DRAFT_0_1);
        let path = if self.path.exists() { &self.path } else { &old_name };
        let bytes = match fs::read(path) {
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(None),
            read => read.map_err(Error::unreadable(path))?,
        };
        decode(&bytes).map(Some).map_err(|error| match error {
            DecodeError::Newer { format, .. } => Error::Newer { path: path.clone(), format },
            DecodeError::Damaged(cause) => {
                Error::Damaged { path: path.clone(), cause, remedy: "no result of a run is lost" }
            }
        })
    }

    /// Replaces the saved draft.
    ///
    /// # Errors
    ///
    /// If the file cannot be written.
    pub fn save(&self, draft: &Draft) -> Result<(), Error> {
        let text =
            encode(draft).map_err(|cause| Error::Write { path: self.path.clone(), cause: cause.into() })?;
        write_whole(&self.path, Durability::Synced, |file| file.write_all(text.as_bytes()))
    }
}

/// Length in bytes of a file up to and including its last line feed.
fn whole_lines(file: &mut File) -> io::Result<u64> {
    const PIECE: u64 = 64 << 10;
    let mut end = file.metadata()?.len();
    let mut piece = Vec::new();
    while end > 0 {
        let begin = end.saturating_sub(PIECE);
        file.seek(SeekFrom::Start(begin))?;
        piece.clear();
        Read::by_ref(file).take(end - begin).read_to_end(&mut piece)?;
        if let Some(at) = piece.iter().rposition(|&byte| byte == b'\n') {
            return Ok(begin + at as u64 + 1);
        }
        end = begin;
    }
    Ok(0)
}

/// Record of the last run that ended, according to the log.
pub(super) fn last_record(dir: &Path) -> Option<RunRecord> {
    let log = fs::read_to_string(dir.join(names::EVENTS)).ok()?;
    let records = log.lines().rev().filter(|line| line.contains("\"event\":{\"run_done\""));
    // The text of another event may contain the same characters.
    let record = |line: &str| {
        let Event::RunDone { record } = serde_json::from_str::<Stamped>(line).ok()?.event else {
            return None;
        };
        Some(*record)
    };
    records.filter_map(record).next()
}
