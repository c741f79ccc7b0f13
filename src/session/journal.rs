//! What is kept while a process works, beside its results: all that was told, and what lies on a person's draft.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use super::{
    Error,
    envelope::{Unsealed, seal, unseal},
    names,
    whole_file::{Durability, write_whole},
};
use crate::protocol::{Draft, Event, RunRecord, Stamped};

/// `events.jsonl` and `draft.json` of an open session.
#[derive(Debug)]
pub struct Journal {
    events: PathBuf,
    file: File,
    /// Bytes of whole lines.
    length: u64,
    draft: PathBuf,
}

impl Journal {
    /// A last line that was cut off is cut away.
    pub(super) fn open(dir: &Path) -> Result<Self, Error> {
        let events = dir.join(names::EVENTS);
        let open = || {
            let mut file =
                OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&events)?;
            let length = whole_lines(&mut file)?;
            file.set_len(length)?;
            file.seek(SeekFrom::Start(length))?;
            io::Result::Ok((file, length))
        };
        let (file, length) = open().map_err(Error::write(&events))?;
        Ok(Self { events, file, length, draft: dir.join(names::DRAFT) })
    }

    /// Adds a line, which outlasts the process at once. Progress is left out.
    pub fn append(&mut self, stamped: &Stamped) -> Result<(), Error> {
        if matches!(stamped.event, Event::Progress { .. }) {
            return Ok(());
        }
        self.write(stamped).map_err(|cause| {
            // Half a line would spoil the next one; where it can't be cut away, opening does it.
            let _ =
                self.file.set_len(self.length).and_then(|()| self.file.seek(SeekFrom::Start(self.length)));
            Error::Write { path: self.events.clone(), cause }
        })
    }

    fn write(&mut self, stamped: &Stamped) -> io::Result<()> {
        let mut line = serde_json::to_vec(stamped)?;
        line.push(b'\n');
        self.file.write_all(&line)?;
        self.length += line.len() as u64;
        Ok(())
    }

    /// Keeps what is planned but not run.
    pub fn save_draft(&mut self, draft: &Draft) -> Result<(), Error> {
        let text =
            seal(draft).map_err(|cause| Error::Write { path: self.draft.clone(), cause: cause.into() })?;
        write_whole(&self.draft, Durability::Synced, |file| file.write_all(text.as_bytes()))
    }
}

/// The length of a file up to its last line feed.
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

/// The record of the run that ended last, as far as the log goes.
pub(super) fn last_record(dir: &Path) -> Option<RunRecord> {
    let log = fs::read_to_string(dir.join(names::EVENTS)).ok()?;
    let records = log.lines().rev().filter(|line| line.contains("\"event\":{\"run_done\""));
    // A text within another event may say so as well.
    let record = |line: &str| {
        let Event::RunDone { record } = serde_json::from_str::<Stamped>(line).ok()?.event else {
            return None;
        };
        Some(*record)
    };
    records.filter_map(record).next()
}

pub(super) fn read_draft(dir: &Path) -> Result<Option<Draft>, Error> {
    let current = dir.join(names::DRAFT);
    let path = if current.exists() { current } else { dir.join(names::DRAFT_0_1) };
    let bytes = match fs::read(&path) {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(None),
        read => read.map_err(Error::unreadable(&path))?,
    };
    unseal(&bytes).map(Some).map_err(|unsealed| match unsealed {
        Unsealed::Newer { format, .. } => Error::Newer { path, format },
        Unsealed::Damaged(cause) => Error::Damaged { path, cause, remedy: "all that was run is still there" },
    })
}
