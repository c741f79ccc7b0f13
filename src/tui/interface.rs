//! The configuration of the explorer: `interface.toml`, `keys.toml`, theme files, and the flags that override them.

use std::{
    env, fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use super::Error;
use crate::{
    config::{self, Colours, GlyphChoice, Paths},
    explorer::KeyMap,
    explorer::view::{self, Depth, Environment, Glyphs, Theme},
    protocol::Pace,
};

/// Flags of the explorer, which override the files.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Flags {
    pub theme: Option<String>,
    pub glyphs: Option<GlyphChoice>,
    pub mouse: Option<bool>,
    pub colours: Option<Colours>,
}

/// The resolved configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct Interface {
    pub keymap: KeyMap,
    /// The themes, reduced to the colours and glyphs supported by this terminal.
    pub themes: Vec<Theme>,
    /// Index of the initial theme.
    pub theme: usize,
    pub mouse: bool,
    /// Whether error curves are followed past the cut in idle time.
    pub idle_curves: bool,
    pub pace: Pace,
    /// Errors in theme files.
    pub warnings: Vec<String>,
}

/// An available theme.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedTheme {
    pub name: String,
    /// None for a built-in theme.
    pub file: Option<PathBuf>,
    /// Whether it is the default theme.
    pub default: bool,
}

impl Interface {
    /// Reads the existing configuration files.
    ///
    /// # Errors
    /// If a file has an error (with its line) or the theme is unknown. Errors in theme files are warnings.
    pub fn load(paths: Option<&Paths>, flags: &Flags) -> Result<Self, Error> {
        let file = interface_file(paths)?;
        let keymap = keymap(paths)?;
        let Loaded { themes: loaded, own: _, warnings } = load_themes(paths)?;
        let environment = Variables::read();
        let theme = match (&flags.theme, &file.theme) {
            (Some(name), _) => find(&loaded, name, "--theme")?,
            (None, Some((name, line))) => {
                let place = paths.map(|paths| format!("{}, line {line}", paths.interface().display()));
                find(&loaded, name, &place.unwrap_or_default())?
            }
            (None, None) => find(&loaded, environment.of_terminal().theme(), "default")?,
        };
        let depth = environment.depth(flags.colours.or(file.colours).unwrap_or_default());
        let glyphs = match flags.glyphs.or(file.glyphs) {
            Some(GlyphChoice::Unicode) => Glyphs::Unicode,
            Some(GlyphChoice::Ascii) => Glyphs::Ascii,
            None => Glyphs::detect(environment.locale.as_deref(), environment.term.as_deref()),
        };
        Ok(Self {
            keymap,
            themes: loaded.iter().map(|theme| theme.resolved(depth, glyphs)).collect(),
            theme,
            mouse: flags.mouse.or(file.mouse).unwrap_or(true),
            idle_curves: file.idle_curves.unwrap_or(true),
            pace: if file.step_mode.unwrap_or(false) { Pace::Stepwise } else { Pace::Free },
            warnings,
        })
    }
}

/// The key bindings, with the changes from `keys.toml`.
pub fn keymap(paths: Option<&Paths>) -> Result<KeyMap, Error> {
    let Some(path) = paths.map(Paths::keys) else { return Ok(KeyMap::default()) };
    let text = read(&path)?;
    Ok(text.map(|text| KeyMap::parse(&text, &path.display().to_string())).transpose()?.unwrap_or_default())
}

/// All themes, the built-in ones first, and the errors in theme files.
pub fn themes(paths: Option<&Paths>) -> Result<(Vec<ListedTheme>, Vec<String>), Error> {
    let Loaded { themes, own, warnings } = load_themes(paths)?;
    let default = match interface_file(paths)?.theme {
        Some((name, _)) => name,
        None => Variables::read().of_terminal().theme().to_string(),
    };
    let listed = themes.into_iter().map(|theme| ListedTheme {
        file: own.iter().find(|file| file.name == theme.name).map(|file| file.path.clone()),
        default: theme.name == default,
        name: theme.name,
    });
    Ok((listed.collect(), warnings))
}

fn interface_file(paths: Option<&Paths>) -> Result<config::Interface, Error> {
    let Some(path) = paths.map(Paths::interface) else { return Ok(config::Interface::default()) };
    let text = read(&path)?.unwrap_or_default();
    Ok(config::Interface::parse(&text, &path.display().to_string())?)
}

fn find(themes: &[Theme], name: &str, place: &str) -> Result<usize, Error> {
    themes.iter().position(|theme| theme.name == name).ok_or_else(|| Error::NoSuchTheme {
        place: place.into(),
        name: name.into(),
        known: themes.iter().map(|theme| theme.name.as_str()).collect::<Vec<_>>().join(", "),
    })
}

/// A theme file of the user.
struct ThemeFile {
    name: String,
    path: PathBuf,
    text: String,
}

/// All themes, the user's theme files, and the errors in them.
struct Loaded {
    themes: Vec<Theme>,
    own: Vec<ThemeFile>,
    warnings: Vec<String>,
}

fn load_themes(paths: Option<&Paths>) -> Result<Loaded, Error> {
    let own = paths.map_or(Ok(Vec::new()), |paths| theme_files(&paths.themes()))?;
    let names: Vec<String> = own.iter().map(|file| file.path.display().to_string()).collect();
    let source = |(file, path)| source(file, path);
    let sources: Vec<_> = own.iter().zip(&names).map(source).collect();
    let (themes, warnings) = view::load(&sources);
    Ok(Loaded { themes, own, warnings })
}

fn source<'a>(file: &'a ThemeFile, path: &'a String) -> view::Source<'a> {
    view::Source { name: &file.name, text: &file.text, file: path }
}

/// Every `NAME.toml` in the directory, sorted by name.
fn theme_files(dir: &Path) -> Result<Vec<ThemeFile>, Error> {
    let unreadable = |cause| Error::Unreadable { path: dir.into(), cause };
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(cause) if cause.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(cause) => return Err(unreadable(cause)),
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(unreadable)?.path();
        let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
        if let (Some(name), true) = (name, path.extension().is_some_and(|end| end == "toml")) {
            let text = read(&path)?.unwrap_or_default();
            files.push(ThemeFile { name, path, text });
        }
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(files)
}

/// The text of a file; None if it does not exist.
fn read(path: &Path) -> Result<Option<String>, Error> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(cause) if cause.kind() == ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(Error::Unreadable { path: path.into(), cause }),
    }
}

/// The environment variables of the terminal.
struct Variables {
    no_color: Option<String>,
    colorterm: Option<String>,
    term: Option<String>,
    colorfgbg: Option<String>,
    locale: Option<String>,
}

impl Variables {
    fn read() -> Self {
        let get = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
        Self {
            no_color: get("NO_COLOR"),
            colorterm: get("COLORTERM"),
            term: get("TERM"),
            colorfgbg: get("COLORFGBG"),
            locale: get("LC_ALL").or_else(|| get("LC_CTYPE")).or_else(|| get("LANG")),
        }
    }

    fn of_terminal(&self) -> Environment<'_> {
        Environment {
            no_color: self.no_color.as_deref(),
            colorterm: self.colorterm.as_deref(),
            term: self.term.as_deref(),
            colorfgbg: self.colorfgbg.as_deref(),
        }
    }

    fn depth(&self, colours: Colours) -> Depth {
        let chosen = match colours {
            Colours::Auto => None,
            Colours::True => Some(Depth::TrueColour),
            Colours::Of256 => Some(Depth::Ansi256),
            Colours::Of16 => Some(Depth::Ansi16),
            Colours::None => Some(Depth::None),
        };
        Depth::detect(&self.of_terminal(), chosen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Kind;

    /// A configuration directory with these files.
    fn configured(files: &[(&str, &str)]) -> (tempfile::TempDir, Paths) {
        let dir = tempfile::tempdir().unwrap();
        let paths = Paths::within(dir.path());
        fs::create_dir_all(paths.themes()).unwrap();
        for (name, text) in files {
            fs::write(paths.themes().parent().unwrap().join(name), text).unwrap();
        }
        (dir, paths)
    }

    fn refusal(files: &[(&str, &str)], flags: &Flags) -> String {
        let (_dir, paths) = configured(files);
        let error = Interface::load(Some(&paths), flags).unwrap_err();
        assert_eq!(error.kind(), Kind::Input);
        error.to_string()
    }

    #[test]
    fn without_files_the_defaults_apply() {
        for paths in [None, Some(Paths::within(Path::new("nowhere at all")))] {
            let interface = Interface::load(paths.as_ref(), &Flags::default()).unwrap();
            assert_eq!(interface.keymap, KeyMap::default());
            assert!(interface.mouse && interface.warnings.is_empty());
        }
    }

    #[test]
    fn a_flag_overrides_the_file() {
        let text = "theme = \"light\"\nmouse = true\nglyphs = \"unicode\"\nstep_mode = true";
        let (_dir, paths) = configured(&[("interface.toml", text)]);
        let load = |flags: &Flags| Interface::load(Some(&paths), flags).unwrap();
        let shown = |interface: &Interface| interface.themes[interface.theme].clone();
        let from_file = load(&Flags::default());
        assert_eq!((shown(&from_file).name.as_str(), shown(&from_file).glyphs), ("light", Glyphs::Unicode));
        assert_eq!(from_file.pace, Pace::Stepwise);
        let flags = Flags {
            theme: Some("sixteen".into()),
            glyphs: Some(GlyphChoice::Ascii),
            mouse: Some(false),
            colours: Some(Colours::None),
        };
        let flagged = load(&flags);
        assert_eq!((shown(&flagged).name.as_str(), shown(&flagged).glyphs), ("sixteen", Glyphs::Ascii));
        assert_eq!((shown(&flagged).depth(), flagged.mouse), (Depth::None, false));
    }

    #[test]
    fn a_theme_file_can_be_chosen_and_replaces_a_built_in_theme() {
        let (_dir, paths) = configured(&[
            ("themes/mine.toml", "inherits = \"dark\"\n"),
            ("themes/light.toml", "inherits = \"light\"\n"),
            ("interface.toml", "theme = \"mine\""),
        ]);
        let (listed, warnings) = themes(Some(&paths)).unwrap();
        assert!(warnings.is_empty(), "{warnings:?}");
        let of = |name: &str| listed.iter().find(|theme| theme.name == name).unwrap();
        assert!(of("mine").default && of("mine").file.is_some());
        assert!(of("light").file.is_some() && of("dark").file.is_none());
        assert_eq!(listed.iter().filter(|theme| theme.default).count(), 1);
    }

    #[test]
    fn errors_are_reported_with_file_and_line() {
        let none = Flags::default();
        let error = refusal(&[("interface.toml", "mouse = true\nthem = \"light\"")], &none);
        assert!(error.contains("interface.toml, line 2: unknown key \"them\""), "{error}");
        let error = refusal(&[("interface.toml", "\ntheme = \"pink\"")], &none);
        assert!(error.contains("interface.toml, line 2: there is no theme \"pink\""), "{error}");
        let error = refusal(&[("keys.toml", "start = \"s\"\nnonsense = \"x\"")], &none);
        assert!(error.contains("keys.toml, line 2"), "{error}");
        let error = refusal(&[], &Flags { theme: Some("pink".into()), ..none });
        assert!(error.starts_with("--theme: there is no theme \"pink\"; expected one of dark"), "{error}");
    }
}
