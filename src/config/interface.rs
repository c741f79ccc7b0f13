//! `interface.toml`: what the explorer looks like, and how it begins.

use super::Error;
use crate::names::names;

/// What the file says; a flag wins over it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Interface {
    /// The name, and the line that it stands on.
    pub theme: Option<(String, usize)>,
    /// Whether the mouse is captured.
    pub mouse: Option<bool>,
    /// Which characters are drawn.
    pub glyphs: Option<GlyphChoice>,
    /// How many colours are used.
    pub colours: Option<Colours>,
    /// Whether runs start stepwise.
    pub step_mode: Option<bool>,
}

names! {
    /// The characters that lines and marks are made of.
    pub enum GlyphChoice {
        /// Unicode
        Unicode = "unicode",
        /// ASCII alone
        Ascii = "ascii",
    }
}

names! {
    /// The number of colours.
    pub enum Colours, default Auto {
        /// As many as the terminal reports
        Auto = "auto",
        /// 24-bit colours
        True = "true",
        /// 256 colours
        Of256 = "256",
        /// 16 colours
        Of16 = "16",
        /// No colours: bold, underlined and reversed text
        None = "none",
    }
}

const KEYS: &str = "colours, glyphs, mouse, step_mode, theme";

impl Interface {
    /// Parses the text of the file; errors call it `name`.
    ///
    /// # Errors
    /// [`Error::File`] with the line of an unknown or invalid key.
    pub fn parse(text: &str, name: &str) -> Result<Self, Error> {
        let line_of = |at: usize| text[..at.min(text.len())].matches('\n').count() + 1;
        let wrong = |at: usize, what: String| Error::File { file: name.into(), line: line_of(at), what };
        let table = toml::de::DeTable::parse(text)
            .map_err(|e| wrong(e.span().map_or(0, |span| span.start), e.message().to_string()))?
            .into_inner();
        let values: toml::Table = toml::from_str(text).map_err(|e| wrong(0, e.message().to_string()))?;
        let mut interface = Self::default();
        for key in table.keys() {
            let (spelled, at) = (key.get_ref().as_ref(), key.span().start);
            let value = values[spelled].clone();
            let known = match spelled.replace('-', "_").as_str() {
                "theme" => {
                    value.try_into().map(|theme| interface.theme = Some((theme, line_of(at)))).map(Some)
                }
                "mouse" => value.try_into().map(|mouse| interface.mouse = Some(mouse)).map(Some),
                "glyphs" => value.try_into().map(|glyphs| interface.glyphs = Some(glyphs)).map(Some),
                "colours" => as_text(value).try_into().map(|some| interface.colours = Some(some)).map(Some),
                "step_mode" => value.try_into().map(|step| interface.step_mode = Some(step)).map(Some),
                _ => Ok(None),
            };
            match known {
                Ok(Some(())) => {}
                Ok(None) => {
                    return Err(wrong(at, format!("unknown key \"{spelled}\"; expected one of {KEYS}")));
                }
                Err(e) => {
                    return Err(wrong(at, format!("key \"{spelled}\": {}", e.message().replace('\n', " "))));
                }
            }
        }
        Ok(interface)
    }
}

/// `colours = 256` as well as `colours = "256"`.
fn as_text(value: toml::Value) -> toml::Value {
    match value {
        toml::Value::Integer(number) => toml::Value::String(number.to_string()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        Interface::parse(text, "interface.toml").unwrap_err().to_string()
    }

    #[test]
    fn every_key_may_be_said_or_left_out() {
        assert_eq!(Interface::parse("", "").unwrap(), Interface::default());
        let text = "theme = \"light\"\nmouse = false\nglyphs = \"ascii\"\ncolours = 16\nstep-mode = true\n";
        let expected = Interface {
            theme: Some(("light".into(), 1)),
            mouse: Some(false),
            glyphs: Some(GlyphChoice::Ascii),
            colours: Some(Colours::Of16),
            step_mode: Some(true),
        };
        assert_eq!(Interface::parse(text, "").unwrap(), expected);
    }

    #[test]
    fn unknown_keys_and_wrong_values_are_named_with_their_line() {
        assert!(
            error("mouse = true\ncolor = 16").starts_with("interface.toml, line 2: unknown key \"color\"")
        );
        assert!(error("\nmouse = \"yes\"").contains("line 2: key \"mouse\""));
        assert!(error("glyphs = \"emoji\"").contains("unicode"), "{}", error("glyphs = \"emoji\""));
        assert!(error("colours = 8").contains("line 1: key \"colours\""));
        assert!(error("mouse = ").contains("line 1"));
    }
}
