//! Publishes an export: writes its record and gives the directory its name.

use std::path::Path;

use crate::{
    export::{self, OutputDir},
    model::{Checkpoint, Source},
    protocol::{Event, RunRecord},
};

use super::{Context, Error};

/// Writes `run.json`, calls `before` with its content, and gives the directory its name. Returns the size of the files.
pub fn publish(
    out: OutputDir,
    record: &RunRecord,
    context: &mut Context,
    before: impl FnOnce(&[u8]) -> Result<(), Error>,
) -> Result<u64, Error> {
    let json = serde_json::to_string_pretty(record).map_err(|e| export::Error::Json(e.to_string()))?;
    let json = format!("{json}\n").into_bytes();
    out.write("run.json", &json)?;
    before(&json)?;
    let published = out.publish()?;
    if let Some(leftover) = published.leftover {
        let message =
            format!("the replaced directory could not be removed; it is now {}", leftover.display());
        context.emit(Event::Warning { message });
    }
    context.emit(Event::ExportWritten { path: published.path, bytes: published.bytes });
    Ok(published.bytes)
}

/// The directory of the model, or its file; None for the built-in one.
pub fn directory(checkpoint: &Checkpoint) -> Option<&Path> {
    match checkpoint.source() {
        Source::Directory(path) => Some(path),
        Source::Gguf(file) => Some(file.path()),
        Source::Embedded(_) => None,
    }
}
