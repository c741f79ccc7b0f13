//! The parts of an output that are written last: what lies beside the blocks, the record, the name.

use std::path::Path;

use crate::{
    export::{self, OutputDir},
    model::{Checkpoint, Source},
    protocol::{Event, RunRecord},
};

use super::{Context, Error};

/// Writes `run.json`, of which `before` hears, and gives the output its name. Returns the bytes of its files.
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
        let message = format!("what was replaced could not be removed; it is now {}", leftover.display());
        context.emit(Event::Warning { message });
    }
    context.emit(Event::ExportWritten { path: published.path, bytes: published.bytes });
    Ok(published.bytes)
}

/// Where the model lies, if it is not built in.
pub fn directory(checkpoint: &Checkpoint) -> Option<&Path> {
    match checkpoint.source() {
        Source::Directory(path) => Some(path),
        Source::Embedded(_) => None,
    }
}
