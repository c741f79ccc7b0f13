//! `--events FILE`: every event as a line of JSON.

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::{Path, PathBuf},
};

use crate::{engine::Error, protocol::Stamped};

pub struct Recorder {
    path: PathBuf,
    file: BufWriter<File>,
    failed: Option<std::io::Error>,
}

impl Recorder {
    pub fn create(path: &Path) -> Result<Self, Error> {
        let file = File::create(path).map_err(|cause| Error::Events { path: path.into(), cause })?;
        Ok(Self { path: path.into(), file: BufWriter::new(file), failed: None })
    }

    /// Remembers the first failure; the run itself goes on.
    pub fn record(&mut self, stamped: &Stamped) {
        if self.failed.is_none() {
            let line = serde_json::to_string(stamped).map_err(std::io::Error::from);
            self.failed = line.and_then(|line| writeln!(self.file, "{line}")).err();
        }
    }

    pub fn finish(mut self) -> Result<(), Error> {
        match self.failed.take().map_or_else(|| self.file.flush(), Err) {
            Ok(()) => Ok(()),
            Err(cause) => Err(Error::Events { path: self.path, cause }),
        }
    }
}
