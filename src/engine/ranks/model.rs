//! Opens the first rank's model on the other ranks, and checks that it is the same.

use std::path::{PathBuf, absolute};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    cluster::{self, packet, unpacked},
    demo,
    model::{Checkpoint, Source},
};

use super::super::{Error, describe::hexadecimal};

/// The place of a model, and what tells whether another rank finds the same there.
#[derive(Serialize, Deserialize)]
struct Model {
    place: Place,
    config_sha256: String,
    /// Names and lengths of its files.
    files: Vec<(String, u64)>,
}

#[derive(Serialize, Deserialize)]
enum Place {
    BuiltIn,
    Directory(PathBuf),
    Gguf(PathBuf),
}

/// The command that opens this model.
pub fn command(checkpoint: &Checkpoint) -> Result<Vec<u8>, Error> {
    let whole =
        |path: &std::path::Path| path.canonicalize().or_else(|_| absolute(path)).map_err(Error::CurrentDir);
    let place = match checkpoint.source() {
        Source::Embedded(_) => Place::BuiltIn,
        Source::Directory(path) => Place::Directory(whole(path)?),
        Source::Gguf(file) => Place::Gguf(whole(file.path())?),
    };
    let (config_sha256, files) = identity(checkpoint)?;
    Ok(packet(&Model { place, config_sha256, files }, &[]))
}

/// Opens the model of a command.
pub fn open(command: &[u8]) -> Result<Checkpoint, Error> {
    let unreadable = |cause| cluster::Error::Unreadable { rank: 0, cause };
    let (Model { place, config_sha256, files }, _) = unpacked(command).map_err(unreadable)?;
    let source = match place {
        Place::BuiltIn => Source::Embedded(demo::FILES),
        Place::Directory(path) => Source::Directory(path),
        Place::Gguf(path) => Source::gguf(&path)?,
    };
    let checkpoint = Checkpoint::open(source)?;
    if identity(&checkpoint)? != (config_sha256, files) {
        return Err(Error::OtherModel(checkpoint.source().name()));
    }
    Ok(checkpoint)
}

/// The hash of the configuration, and the names and lengths of all files.
fn identity(checkpoint: &Checkpoint) -> Result<(String, Vec<(String, u64)>), Error> {
    let source = checkpoint.source();
    let config = source.read("config.json", "it was removed in the meantime")?;
    let length = |name: String| {
        let length = source.path_of(&name).and_then(|path| path.metadata().ok()).map_or(0, |file| file.len());
        (name, length)
    };
    let mut files: Vec<_> = source.stored_files()?.into_iter().map(length).collect();
    files.sort();
    Ok((hexadecimal(&Sha256::digest(&config)), files))
}
