//! Prints settings, keys, themes, and the paths of the configuration files.

use slimgpt::application::{
    engine::{self, ModelChoice},
    explorer::{ACTIONS, Key},
    headless, tui,
};
use slimgpt::config::{Interface, Paths, Settings};

use crate::{cli::InspectArgs, resolve::resolve};

/// Prints the active settings as a file for `--config`.
pub fn settings(args: InspectArgs, paths: Option<&Paths>) -> Result<(), engine::Error> {
    let (model, options) = resolve(args.model, args.config, args.settings.options, paths)?;
    let settings = Settings::new(options)?;
    let text = match model {
        ModelChoice::Demo => settings.to_file(None),
        ModelChoice::Named(name) => settings.to_file(Some(&name)),
    };
    headless::print_text(&text)
}

/// Prints every action with its help and its keys.
pub fn keys(paths: Option<&Paths>) -> Result<(), tui::Error> {
    let keymap = tui::keymap(paths)?;
    let mut text = String::from(
        "# An action listed here has only these keys; an action without a line has its default keys.\n",
    );
    for info in ACTIONS.iter() {
        let keys: Vec<_> = keymap.keys(info.action).map(|key| toml::Value::String(spelled(key))).collect();
        text += &format!("\n# {}\n{} = {}\n", info.help, info.name, toml::Value::Array(keys));
    }
    Ok(headless::print_text(&text)?)
}

/// A key in its written form: `G` for a capital, `ctrl-r`, `f5`, `space`.
fn spelled(key: Key) -> String {
    let text = key.to_string();
    match text.strip_prefix("Shift-") {
        Some(letter) if letter.chars().count() == 1 => letter.to_uppercase(),
        Some(_) | None if text == "Hyphen" => "-".into(),
        Some(_) | None => text.to_lowercase(),
    }
}

/// Prints the paths of the configuration files, and whether each exists.
pub fn paths(paths: Option<&Paths>) -> Result<(), engine::Error> {
    let Some(paths) = paths else {
        return headless::print_text(
            "no home directory is known, so no file is read; set HOME or XDG_CONFIG_HOME\n",
        );
    };
    let interface = Interface::keys().collect::<Vec<_>>().join(", ");
    let listed = [
        ("interface", paths.interface(), interface.as_str()),
        ("keys", paths.keys(), "key bindings; slimgpt config keys prints such a file"),
        (
            "defaults",
            paths.defaults(),
            "settings that flags and --config override; slimgpt config print prints such a file",
        ),
        ("themes", paths.themes(), "your own themes, NAME.toml"),
        ("sessions", paths.sessions(), "recorded runs; slimgpt sessions list"),
        ("reports", paths.reports(), "reports of panics"),
    ];
    let mut text = String::new();
    for (name, path, what) in listed {
        let there = if path.exists() { "exists" } else { "missing" };
        text += &format!("{name:<10} {}  ({there}: {what})\n", path.display());
    }
    headless::print_text(&text)
}

/// Prints the names of the themes, and the file of each.
pub fn themes(paths: Option<&Paths>) -> Result<(), tui::Error> {
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
