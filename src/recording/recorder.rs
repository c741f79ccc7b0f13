//! Writes events to the file of `--events FILE`.

use std::{
    fs::{File, OpenOptions},
    io::{BufWriter, Write},
    path::{Path, PathBuf, absolute},
};

use super::Error;
use crate::protocol::{Event, RecordingHeader, Stamped};

pub struct Recorder {
    path: PathBuf,
    file: BufWriter<File>,
    begun: bool,
    failed: Option<std::io::Error>,
}

impl Recorder {
    /// Opens the file. Its old content is removed only when the first model is opened, so a refused run does
    /// not change it.
    ///
    /// # Errors
    ///
    /// If the file cannot be opened for writing.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let opened = OpenOptions::new().write(true).create(true).truncate(false).open(path);
        let file = opened.map_err(|cause| Error::Unwritable { path: path.into(), cause })?;
        Ok(Self { path: path.into(), file: BufWriter::new(file), begun: false, failed: None })
    }

    /// Like [`open`](Self::open), for a run that writes a model to the directory `out`.
    ///
    /// # Errors
    ///
    /// If the file cannot be opened for writing, or it is inside `out`, which does not exist until the model is
    /// complete.
    pub fn open_beside(path: &Path, out: &Path) -> Result<Self, Error> {
        let fail = |cause| Error::Unwritable { path: path.into(), cause };
        if absolute(path).map_err(fail)?.starts_with(absolute(out).map_err(fail)?) {
            return Err(Error::InOutput(path.into()));
        }
        Self::open(path)
    }

    /// Records an event. The first failure is returned by [`finish`](Self::finish); the run continues.
    pub fn record(&mut self, stamped: &Stamped) {
        if self.failed.is_none() {
            self.failed = self.write(stamped).err();
        }
    }

    fn write(&mut self, stamped: &Stamped) -> std::io::Result<()> {
        if !self.begun && matches!(stamped.event, Event::ModelOpened { .. }) {
            self.begun = true;
            // A device file has no length.
            if self.file.get_ref().metadata()?.is_file() {
                self.file.get_ref().set_len(0)?;
            }
            writeln!(self.file, "{}", RecordingHeader::CURRENT.line())?;
        }
        if self.begun {
            writeln!(self.file, "{}", serde_json::to_string(stamped)?)?;
        }
        // Results must survive a kill of the process; progress may be lost.
        if matches!(stamped.event, Event::Progress { .. }) { Ok(()) } else { self.file.flush() }
    }

    /// Ends the recording.
    ///
    /// # Errors
    ///
    /// If an event could not be written.
    pub fn finish(mut self) -> Result<(), Error> {
        match self.failed.take().map_or_else(|| self.file.flush(), Err) {
            Ok(()) => Ok(()),
            Err(cause) => Err(Error::Unwritable { path: self.path, cause }),
        }
    }
}
