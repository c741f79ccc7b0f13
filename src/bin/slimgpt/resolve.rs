//! Resolves the model and the options of a command from flags, settings files and the built-in model.

use std::{fs, io::ErrorKind, path::PathBuf};

use slimgpt::application::engine::{self, ModelChoice};
use slimgpt::config::{self, Options, Paths};

/// The model and the options. Flags override the settings file, which overrides `defaults.toml`. All of these
/// override the settings file of the built-in model.
pub fn resolve(
    model: Option<String>,
    file: Option<PathBuf>,
    flags: Options,
    paths: Option<&Paths>,
) -> Result<(ModelChoice, Options), engine::Error> {
    let options = match file {
        Some(path) => flags.or(config::read_file(&path)?),
        None => flags,
    };
    let options = options.or(defaults(paths)?);
    let model = ModelChoice::new(model.or(options.launch.model.clone()));
    let options = match model {
        ModelChoice::Demo => options.or(config::demo()?),
        ModelChoice::Named(_) => options,
    };
    Ok((model, options))
}

/// The options of `defaults.toml`; none if the file does not exist.
pub fn defaults(paths: Option<&Paths>) -> Result<Options, config::Error> {
    let Some(path) = paths.map(Paths::defaults) else { return Ok(Options::default()) };
    match fs::read_to_string(&path) {
        Ok(text) => config::parse_file(&text, &path.display().to_string()),
        Err(cause) if cause.kind() == ErrorKind::NotFound => Ok(Options::default()),
        Err(cause) => Err(config::Error::Unreadable { path, cause }),
    }
}
