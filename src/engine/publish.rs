//! The parts of an output that are written last: what lies beside the blocks, the record, the name.

use std::path::Path;

use crate::{
    calibration::Windows,
    export::{self, OutputDir, ShardWriter},
    model::{Architecture, Checkpoint, Source, end_tensors},
    protocol::{Event, RunRecord},
};

use super::{Control, Error};

/// Everything but `run.json`: the rest of the weights, the configuration, the tokenizer, the windows.
pub fn write_rest<'c>(
    checkpoint: &'c Checkpoint,
    pruned: &Architecture,
    windows: &Windows,
    mut shards: ShardWriter<'c>,
    out: &OutputDir,
) -> Result<(), Error> {
    shards.add(out, end_tensors(checkpoint)?)?;
    shards.finish(out)?;
    export::write_files(checkpoint, pruned, out)?;
    out.write("calibration.safetensors", &windows.to_safetensors())?;
    Ok(())
}

/// Writes `run.json`, of which `before` hears, and gives the output its name. Returns the bytes of its files.
pub fn publish(
    out: OutputDir,
    record: &RunRecord,
    control: &mut Control,
    before: impl FnOnce(&[u8]) -> Result<(), Error>,
) -> Result<u64, Error> {
    let json = serde_json::to_string_pretty(record).map_err(|e| export::Error::Json(e.to_string()))?;
    let json = format!("{json}\n").into_bytes();
    out.write("run.json", &json)?;
    before(&json)?;
    let published = out.publish()?;
    if let Some(leftover) = published.leftover {
        let message = format!("what was replaced could not be removed; it is now {}", leftover.display());
        control.tell(Event::Warning { message });
    }
    control.tell(Event::Written { path: published.path, bytes: published.bytes });
    Ok(published.bytes)
}

/// Where the model lies, if it is not built in.
pub fn directory(checkpoint: &Checkpoint) -> Option<&Path> {
    match checkpoint.source() {
        Source::Directory(path) => Some(path),
        Source::Embedded(_) => None,
    }
}
