//! The number of colours of the terminal, from its environment.

use ratatui::style::Color;

use super::colour;

/// Colours that a terminal can show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depth {
    /// Text attributes only.
    None,
    Ansi16,
    Ansi256,
    #[default]
    TrueColour,
}

/// Environment variables of the terminal; None if not set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Environment<'a> {
    pub no_color: Option<&'a str>,
    pub colorterm: Option<&'a str>,
    pub term: Option<&'a str>,
    /// `foreground;background`, set by some terminals.
    pub colorfgbg: Option<&'a str>,
}

/// Values of `TERM` that mean true colour. They are needed over ssh, which drops `COLORTERM`.
const TRUE_COLOUR: [&str; 6] = ["-direct", "kitty", "alacritty", "wezterm", "ghostty", "foot"];

impl Depth {
    /// Detects the depth. An explicit choice takes precedence, then NO_COLOR (<https://no-color.org>), then
    /// COLORTERM and TERM.
    pub fn detect(environment: &Environment<'_>, chosen: Option<Self>) -> Self {
        if let Some(depth) = chosen {
            return depth;
        }
        if environment.no_color.is_some_and(|value| !value.is_empty()) {
            return Self::None;
        }
        let term = environment.term.unwrap_or_default().to_ascii_lowercase();
        if term == "dumb" || term.starts_with("vt1") || term.starts_with("vt2") {
            return Self::None;
        }
        // The Linux console and GNU screen pass COLORTERM on but do not support true colour.
        let most = match term.as_str() {
            "linux" => Self::Ansi16,
            screen if screen.starts_with("screen") => Self::Ansi256,
            _ => Self::TrueColour,
        };
        let colorterm = environment.colorterm.unwrap_or_default().to_ascii_lowercase();
        let said = if ["truecolor", "24bit"].contains(&colorterm.as_str())
            || TRUE_COLOUR.iter().any(|name| term.contains(name))
        {
            Self::TrueColour
        } else if term.contains("256") || !colorterm.is_empty() {
            Self::Ansi256
        } else {
            Self::Ansi16
        };
        said.min(most)
    }

    /// Parses the name of an explicit choice.
    pub fn named(name: &str) -> Option<Self> {
        [Self::None, Self::Ansi16, Self::Ansi256, Self::TrueColour]
            .into_iter()
            .find(|depth| depth.name() == name)
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Ansi16 => "16",
            Self::Ansi256 => "256",
            Self::TrueColour => "true",
        }
    }

    /// The nearest colour of this depth. Without colours, it is the terminal's default.
    pub(super) fn nearest(self, colour: Color) -> Color {
        match self {
            Self::TrueColour => colour,
            Self::Ansi256 => colour::nearest_of_256(colour),
            Self::Ansi16 => colour::nearest_of_16(colour),
            Self::None => Color::Reset,
        }
    }
}

impl Environment<'_> {
    /// The built-in theme for the background that the terminal reports; the default theme if it reports none.
    pub fn theme(&self) -> &'static str {
        let background = self.colorfgbg.and_then(|value| value.rsplit(';').next()?.parse::<u8>().ok());
        match background {
            Some(7 | 9..=15) => "light",
            Some(_) | None => "dark",
        }
    }
}
