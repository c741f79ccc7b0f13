//! Opens the model named by the user.

use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};

use crate::{
    demo,
    model::{Architecture, Checkpoint, Source, hub},
    protocol::{Event, Stage},
};

use super::{Context, Error};

/// A model as named by the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModelChoice {
    /// The built-in model.
    Demo,
    /// A directory, a GGUF file or a hub id.
    Named(String),
}

impl ModelChoice {
    pub fn new(name: Option<String>) -> Self {
        name.map_or(Self::Demo, Self::Named)
    }

    /// Opens the checkpoint. A hub model is first downloaded to the hub cache.
    ///
    /// # Errors
    ///
    /// If there is no such model, it is not supported, or the download fails.
    pub fn open(&self, context: &mut Context) -> Result<Checkpoint, Error> {
        let source = match self {
            Self::Demo => Source::Embedded(demo::FILES),
            Self::Named(name) if Path::new(name).is_dir() => Source::Directory(name.into()),
            Self::Named(name) if is_gguf(Path::new(name)) => Source::gguf(Path::new(name))?,
            Self::Named(name) if Path::new(name).exists() => return Err(Error::NotAModel(name.clone())),
            Self::Named(name) if hub::looks_like_hub_id(name) => Source::Directory(download(name, context)?),
            Self::Named(name) => return Err(Error::NoSuchModel(name.clone())),
        };
        let checkpoint = Checkpoint::open(source)?;
        for warning in checkpoint.warnings() {
            context.emit(Event::Warning { message: warning.to_string() });
        }
        Ok(checkpoint)
    }
}

/// True for a file with the name or the first bytes of a GGUF file.
fn is_gguf(path: &Path) -> bool {
    let begins = || {
        let mut magic = [0; 4];
        let read = File::open(path).and_then(|mut file| file.read_exact(&mut magic));
        read.is_ok() && &magic == b"GGUF"
    };
    path.is_file() && (path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("gguf")) || begins())
}

fn download(name: &str, context: &mut Context) -> Result<PathBuf, Error> {
    let failed = |cause| Error::Hub { name: name.into(), cause };
    let id = name.parse().map_err(failed)?;
    let mut progress = |transfer: hub::Transfer<'_>| {
        context.progress(Stage::Download { file: transfer.file.into() }, transfer.done, transfer.total)
    };
    let checkpoint = hub::open(&id, &hub::Options::from_env(), &mut progress).map_err(failed)?;
    // Unsupported families are refused before the weights are downloaded.
    Architecture::from_config(checkpoint.config())?;
    checkpoint.fetch(&mut progress).map_err(failed)
}
