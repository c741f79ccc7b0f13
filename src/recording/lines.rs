//! Events of a recorded file, read one line at a time.

use std::{
    fs::File,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
};

use super::Error;
use crate::protocol::{RecordingHeader, Stamped};

/// The next item of the file.
#[derive(Debug, PartialEq)]
pub enum Next {
    Event(Box<Stamped>),
    /// The last line is incomplete, because the recorded run was killed.
    CutOff {
        line: usize,
    },
    End,
}

/// An open recording.
#[derive(Debug)]
pub struct Lines {
    path: PathBuf,
    reader: BufReader<File>,
    line: usize,
    bytes: Vec<u8>,
}

impl Lines {
    /// # Errors
    ///
    /// If the file cannot be read.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let unreadable = |cause| Error::Unreadable { path: path.into(), cause };
        let file = File::open(path).map_err(unreadable)?;
        Ok(Self { path: path.into(), reader: BufReader::new(file), line: 0, bytes: Vec::new() })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Number of the last line read, from 1.
    pub fn line(&self) -> usize {
        self.line
    }

    /// # Errors
    ///
    /// If the file cannot be read, a line is not an event, or the format is newer than [`RecordingHeader::CURRENT`].
    pub fn next(&mut self) -> Result<Next, Error> {
        loop {
            self.bytes.clear();
            let read = self.reader.read_until(b'\n', &mut self.bytes);
            if read.map_err(|cause| Error::Unreadable { path: self.path.clone(), cause })? == 0 {
                return Ok(Next::End);
            }
            self.line += 1;
            if self.bytes.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            let whole = self.bytes.ends_with(b"\n");
            let cause = match str::from_utf8(&self.bytes) {
                Ok(text) if self.line == 1 && self.is_header(text)? => continue,
                Ok(text) => match serde_json::from_str(text) {
                    Ok(stamped) => return Ok(Next::Event(Box::new(stamped))),
                    Err(cause) if cause.is_eof() && !whole => {
                        return Ok(Next::CutOff { line: self.line });
                    }
                    Err(cause) => cause.to_string(),
                },
                // The line ends in the middle of a character.
                Err(cause) if cause.error_len().is_none() && !whole => {
                    return Ok(Next::CutOff { line: self.line });
                }
                Err(_) => "it is not UTF-8".into(),
            };
            let found = found(&self.bytes, &cause);
            return Err(Error::NoEvent { path: self.path.clone(), line: self.line, found });
        }
    }

    /// True for a header of a supported format.
    fn is_header(&self, text: &str) -> Result<bool, Error> {
        match RecordingHeader::parse(text) {
            Some(RecordingHeader { format }) if format > RecordingHeader::CURRENT.format => {
                Err(Error::Newer { path: self.path.clone(), format })
            }
            header => Ok(header.is_some()),
        }
    }
}

/// The start of a line, and the reason why it is not an event.
fn found(bytes: &[u8], cause: &str) -> String {
    const SHOWN: usize = 40;
    let text = String::from_utf8_lossy(bytes);
    let text = text.trim();
    let mut start: String = text.chars().take(SHOWN).collect();
    if start.len() < text.len() {
        start.push('…');
    }
    // The parser counts lines in its own input, which is always a single line.
    let cause = cause.split(" at line ").next().unwrap_or_default();
    format!("\"{}\" ({cause})", start.escape_debug())
}
