//! The location of a session, and the fingerprints of its model and texts.

use std::{
    env,
    ops::ControlFlow,
    path::{Path, PathBuf, absolute},
};

use crate::{
    calibration::TextSource,
    demo, export,
    model::{Checkpoint, Source},
    protocol::Stage,
    session::{self, Check, FileStamp, Fingerprint, ModelPlace, PendingRun, StampCheck},
};

use super::{Context, Error, ModelChoice};

/// The location of a session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum SessionPlace {
    /// No recording.
    #[default]
    None,
    /// A new session in this directory.
    New(PathBuf),
    /// A new session in a new directory under this one.
    Under(PathBuf),
    /// An existing session.
    Open(PathBuf),
}

/// True for model files that a session fingerprints: configuration, weights, and files that an export copies.
fn is_fingerprinted(source: &Source, name: &str) -> bool {
    name == "config.json" || is_weights(source, name) || export::is_companion(name)
}

fn is_weights(source: &Source, name: &str) -> bool {
    match source {
        Source::Directory(_) | Source::Embedded(_) => name.ends_with(".safetensors"),
        Source::Gguf(_) => name.ends_with(".gguf"),
    }
}

/// The location of the model, in the form a session stores.
pub fn model_place(choice: &ModelChoice, checkpoint: &Checkpoint) -> Result<ModelPlace, Error> {
    Ok(match (choice, checkpoint.source()) {
        (ModelChoice::Demo, _) | (_, Source::Embedded(_)) => ModelPlace::BuiltIn,
        (ModelChoice::Named(name), Source::Directory(path)) if Path::new(name).is_dir() => {
            ModelPlace::Directory(path.canonicalize().or_else(|_| absolute(path)).map_err(Error::CurrentDir)?)
        }
        (ModelChoice::Named(name), Source::Directory(_)) => ModelPlace::Hub(name.clone()),
        (ModelChoice::Named(_), Source::Gguf(file)) => {
            let path = file.path();
            ModelPlace::File(path.canonicalize().or_else(|_| absolute(path)).map_err(Error::CurrentDir)?)
        }
    })
}

/// The model of a session. `moved` gives its current location.
pub fn model_choice(place: &ModelPlace, moved: Option<String>) -> ModelChoice {
    match (moved, place) {
        (Some(name), _) => ModelChoice::Named(name),
        (None, ModelPlace::BuiltIn) => ModelChoice::Demo,
        (None, ModelPlace::Directory(path) | ModelPlace::File(path)) => {
            ModelChoice::Named(path.display().to_string())
        }
        (None, ModelPlace::Hub(id)) => ModelChoice::Named(id.clone()),
    }
}

/// Fingerprints of the model's files.
pub fn model_files(checkpoint: &Checkpoint, context: &mut Context) -> Result<Vec<Fingerprint>, Error> {
    let source = checkpoint.source();
    let stored = source.stored_files()?.into_iter();
    let names: Vec<String> = stored.filter(|name| is_fingerprinted(source, name)).collect();
    let mut bytes = Bytes::of_files(source, &names);
    let mut fingerprints = Vec::with_capacity(names.len());
    for name in &names {
        let found = match source.path_of(name) {
            Some(path) => Fingerprint::of_file(name, &path, &mut |more| bytes.count(more, context))?,
            None => Some(Fingerprint::of_bytes(name, &source.read(name, "it was removed in the meantime")?)),
        };
        fingerprints.push(found.ok_or(Error::Cancelled)?);
    }
    Ok(fingerprints)
}

/// Fails if the files of the model differ from their fingerprints.
pub fn check_model(
    session: &Path,
    remembered: &[Fingerprint],
    checkpoint: &Checkpoint,
    context: &mut Context,
) -> Result<(), Error> {
    let source = checkpoint.source();
    let names: Vec<String> = remembered.iter().map(|file| file.name.clone()).collect();
    let mut bytes = Bytes::of_files(source, &names);
    let mut differ = Vec::new();
    for file in remembered {
        let check = match source.path_of(&file.name) {
            Some(path) => file.check_file(&path, &mut |more| bytes.count(more, context))?,
            None if !source.has(&file.name) => Check::Missing,
            None => file.check_bytes(&source.read(&file.name, "it was removed in the meantime")?),
        };
        match check {
            Check::Same => {}
            Check::Changed => differ.push(format!("{} has changed", file.name)),
            Check::Missing => differ.push(format!("{} is missing", file.name)),
            Check::Cancelled => return Err(Error::Cancelled),
        }
    }
    // Among new files, only weights count as a change: the version that created the session may have
    // fingerprinted fewer kinds of files.
    let stored = source.stored_files()?.into_iter();
    let added = stored.filter(|name| is_weights(source, name) && !names.contains(name));
    differ.extend(added.map(|name| format!("{name} was added")));
    if differ.is_empty() {
        return Ok(());
    }
    let what = format!(
        "the model {source} differs from the one that the session was created with: {}",
        differ.join(", ")
    );
    Err(Error::Changed { session: session.into(), what })
}

/// Fingerprints of texts.
pub fn text_files(
    sources: &[TextSource],
    base: &Path,
    context: &mut Context,
) -> Result<Vec<Fingerprint>, Error> {
    let fingerprint = |source: &TextSource| {
        let name = source.to_string();
        match built_in(source) {
            Ok(text) => Ok(Fingerprint::of_bytes(&name, text.as_bytes())),
            Err(path) => {
                let found = Fingerprint::of_file(&name, &base.join(path), &mut |_| context.checkpoint())?;
                found.ok_or(Error::Cancelled)
            }
        }
    };
    sources.iter().map(fingerprint).collect()
}

/// Fails if a calibration text differs from its fingerprint. A missing text is accepted, because the session
/// has the windows.
pub fn check_texts(
    session: &Path,
    calibration: &session::Calibration,
    base: &Path,
    context: &mut Context,
) -> Result<(), Error> {
    for (source, file) in calibration.sources.iter().zip(&calibration.texts) {
        let check = match built_in(source) {
            Ok(text) => file.check_bytes(text.as_bytes()),
            Err(path) => file.check_file(&base.join(path), &mut |_| context.checkpoint())?,
        };
        match check {
            Check::Same | Check::Missing => {}
            Check::Changed => {
                let what = format!("the calibration text {source} has changed");
                return Err(Error::Changed { session: session.into(), what });
            }
            Check::Cancelled => return Err(Error::Cancelled),
        }
    }
    Ok(())
}

/// Stamps of the texts in files. A text that cannot be read has none; the run will report it.
pub fn text_stamps(sources: &[TextSource], base: Option<&Path>) -> Vec<FileStamp> {
    let stamp = |source: &TextSource| match source {
        TextSource::DemoStories | TextSource::DemoHeldOut | TextSource::Written(_) => None,
        TextSource::File(path) => {
            let place = base.map_or_else(|| path.clone(), |base| base.join(path));
            FileStamp::of_file(&source.to_string(), &place)
        }
    };
    sources.iter().filter_map(stamp).collect()
}

/// Fails if a text of a run that has not read it has another length. Returns warnings about other times.
pub fn check_stamps(session: &Path, pending: &PendingRun, base: &Path) -> Result<Vec<String>, Error> {
    let mut warnings = Vec::new();
    for text in &pending.texts {
        match text.check_file(&base.join(&text.name)) {
            // A missing text is an error of the run that reads it.
            StampCheck::Same | StampCheck::Missing => {}
            StampCheck::Touched => warnings.push(format!(
                "the calibration text {} has another time than when the run was started; the run uses it as it is now",
                text.name
            )),
            StampCheck::Changed => {
                let what = format!("the calibration text {} has changed", text.name);
                return Err(Error::Changed { session: session.into(), what });
            }
        }
    }
    Ok(warnings)
}

fn built_in(source: &TextSource) -> Result<String, &Path> {
    match source {
        TextSource::DemoStories => Ok(demo::calibration_text()),
        TextSource::DemoHeldOut => Ok(demo::HELD_OUT.to_string()),
        // The model and the seed fix the text.
        TextSource::Written(_) => Ok(source.to_string()),
        TextSource::File(path) => Err(path),
    }
}

/// The directory that relative paths start from.
pub fn base() -> Result<PathBuf, Error> {
    env::current_dir().map_err(Error::CurrentDir)
}

/// Progress of reading the model files.
struct Bytes {
    done: u64,
    total: u64,
}

impl Bytes {
    fn of_files(source: &Source, names: &[String]) -> Self {
        let length = |name: &String| {
            let file = source.path_of(name).and_then(|path| path.metadata().ok());
            file.map_or(0, |file| file.len())
        };
        Self { done: 0, total: names.iter().map(length).sum() }
    }

    fn count(&mut self, more: u64, context: &mut Context) -> ControlFlow<()> {
        self.done += more;
        context.progress(Stage::Fingerprint, self.done, self.total.max(self.done))
    }
}
