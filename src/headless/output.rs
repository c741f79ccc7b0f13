//! Writes results to stdout and messages to stderr.

use std::io::{ErrorKind, Write, stderr, stdout};

use serde::Serialize;

use crate::engine::Error;

/// The format of printed results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    Text,
    Json,
}

/// Whether stdout still has a reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    Reading,
    /// The pipe is closed, for example by `| head`.
    Closed,
}

/// Prints a line to stderr. A failure means that nobody reads it, so it is ignored.
pub fn say(line: &str) {
    let _ = writeln!(stderr().lock(), "{line}");
}

/// Prints a textual result.
///
/// # Errors
/// If stdout cannot be written. A closed pipe is not an error.
pub fn print_text(text: &str) -> Result<(), Error> {
    print(text).map(drop)
}

/// Prints a result as JSON.
///
/// # Errors
/// As for [`print_text`].
pub fn print_json(value: &impl Serialize) -> Result<(), Error> {
    let text = serde_json::to_string_pretty(value).map_err(|cause| Error::Stdout(cause.into()))?;
    print_text(&(text + "\n"))
}

/// Prints text and reports whether it still has a reader.
///
/// # Errors
/// As for [`print_text`].
pub fn print(text: &str) -> Result<Reader, Error> {
    let mut stdout = stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Ok(()) => Ok(Reader::Reading),
        Err(cause) if cause.kind() == ErrorKind::BrokenPipe => Ok(Reader::Closed),
        Err(cause) => Err(Error::Stdout(cause)),
    }
}
