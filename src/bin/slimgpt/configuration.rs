//! What holds: settings from flags and files, keys and themes, and where the files lie.

use std::{fs, io::ErrorKind, path::PathBuf};

use slimgpt::application::{
    engine::{self, ModelChoice},
    explorer::{ACTIONS, Key},
    headless, tui,
};
use slimgpt::config::{self, Options, Paths, Settings};

use crate::cli::InspectArgs;

/// The model and the options: flags win over the settings file, that over the person's defaults, and the built-in model has a
/// settings file of its own behind them.
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

/// What `defaults.toml` says, where it is there.
pub fn defaults(paths: Option<&Paths>) -> Result<Options, config::Error> {
    let Some(path) = paths.map(Paths::defaults) else { return Ok(Options::default()) };
    match fs::read_to_string(&path) {
        Ok(text) => config::parse_file(&text, &path.display().to_string()),
        Err(cause) if cause.kind() == ErrorKind::NotFound => Ok(Options::default()),
        Err(cause) => Err(config::Error::Unreadable { path, cause }),
    }
}

pub fn print_settings(args: InspectArgs, paths: Option<&Paths>) -> Result<(), engine::Error> {
    let (model, options) = resolve(args.model, args.config, args.settings.options, paths)?;
    let settings = Settings::new(options)?;
    let text = match model {
        ModelChoice::Demo => settings.to_file(None),
        ModelChoice::Named(name) => settings.to_file(Some(&name)),
    };
    headless::print_text(&text)
}

/// Every action with its help and its keys.
pub fn print_keys(paths: Option<&Paths>) -> Result<(), tui::Error> {
    let keymap = tui::keymap(paths)?;
    let mut text = String::from(
        "# An action that stands here has these keys alone; one without a line has its default keys.\n",
    );
    for info in ACTIONS.iter() {
        let keys: Vec<_> = keymap.keys(info.action).map(|key| toml::Value::String(spelled(key))).collect();
        text += &format!("\n# {}\n{} = {}\n", info.help, info.name, toml::Value::Array(keys));
    }
    Ok(headless::print_text(&text)?)
}

/// A key as people write it: `G` for a capital, `ctrl-r`, `f5`, `space`.
fn spelled(key: Key) -> String {
    let text = key.to_string();
    match text.strip_prefix("Shift-") {
        Some(letter) if letter.chars().count() == 1 => letter.to_uppercase(),
        Some(_) | None if text == "Hyphen" => "-".into(),
        Some(_) | None => text.to_lowercase(),
    }
}

pub fn print_paths(paths: Option<&Paths>) -> Result<(), engine::Error> {
    let Some(paths) = paths else {
        return headless::print_text(
            "no home directory is known, so nothing is read; set HOME or XDG_CONFIG_HOME\n",
        );
    };
    let listed = [
        ("interface", paths.interface(), "theme, mouse, glyphs, colours, step_mode"),
        ("keys", paths.keys(), "which key does what; slimgpt config keys prints one"),
        (
            "defaults",
            paths.defaults(),
            "settings, weaker than flags and --config; slimgpt config print prints one",
        ),
        ("themes", paths.themes(), "themes of your own, NAME.toml"),
        ("sessions", paths.sessions(), "runs that can be gone on with; slimgpt sessions list"),
        ("reports", paths.reports(), "what a panic leaves"),
    ];
    let mut text = String::new();
    for (name, path, what) in listed {
        let there = if path.exists() { "there" } else { "not there" };
        text += &format!("{name:<10} {}  ({there}: {what})\n", path.display());
    }
    headless::print_text(&text)
}

pub fn list_themes(paths: Option<&Paths>) -> Result<(), tui::Error> {
    let (themes, warnings) = tui::themes(paths)?;
    let widest = themes.iter().map(|theme| theme.name.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for theme in themes {
        let place = theme.file.map_or("built in".into(), |file| file.display().to_string());
        let default = if theme.default { "  (default)" } else { "" };
        text += &format!("{:<widest$}  {place}{default}\n", theme.name);
    }
    headless::print_text(&text)?;
    for warning in warnings {
        headless::say(&format!("slimgpt: {warning}"));
    }
    Ok(())
}
