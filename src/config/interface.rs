//! `interface.toml`: the appearance of the explorer and its initial state.

use toml::Value;

use super::Error;
use crate::names::names;

/// The values of the file. Flags override them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Interface {
    /// The name and its line in the file.
    pub theme: Option<(String, usize)>,
    /// Whether the mouse is captured.
    pub mouse: Option<bool>,
    /// The set of characters for drawing.
    pub glyphs: Option<GlyphChoice>,
    /// The number of colours.
    pub colours: Option<Colours>,
    /// Whether runs start stepwise.
    pub step_mode: Option<bool>,
    /// Whether error curves are followed past the cut in idle time.
    pub idle_curves: Option<bool>,
}

names! {
    /// The characters used for lines and marks.
    pub enum GlyphChoice {
        /// Unicode
        Unicode = "unicode",
        /// ASCII only
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

/// A key of the file, and the function that sets its field from a value on a line.
type Key = (&'static str, fn(&mut Interface, Value, usize) -> Result<(), toml::de::Error>);

const KEYS: [Key; 6] = [
    ("theme", |interface, value, line| {
        interface.theme = Some((value.try_into()?, line));
        Ok(())
    }),
    ("mouse", |interface, value, _| {
        interface.mouse = Some(value.try_into()?);
        Ok(())
    }),
    ("glyphs", |interface, value, _| {
        interface.glyphs = Some(value.try_into()?);
        Ok(())
    }),
    ("colours", |interface, value, _| {
        interface.colours = Some(as_text(value).try_into()?);
        Ok(())
    }),
    ("idle_curves", |interface, value, _| {
        interface.idle_curves = Some(value.try_into()?);
        Ok(())
    }),
    ("step_mode", |interface, value, _| {
        interface.step_mode = Some(value.try_into()?);
        Ok(())
    }),
];

impl Interface {
    /// The keys of the file.
    pub fn keys() -> impl Iterator<Item = &'static str> {
        KEYS.into_iter().map(|(key, _)| key)
    }

    /// Parses the text of the file; errors name the file `name`.
    ///
    /// # Errors
    /// If the text is not TOML, a key is unknown, or a value has the wrong type; the error includes the line.
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
            let known = spelled.replace('-', "_");
            let Some((_, set)) = KEYS.into_iter().find(|(key, _)| *key == known) else {
                let keys = Self::keys().collect::<Vec<_>>().join(", ");
                return Err(wrong(at, format!("unknown key \"{spelled}\"; expected one of {keys}")));
            };
            set(&mut interface, values[spelled].clone(), line_of(at))
                .map_err(|e| wrong(at, format!("key \"{spelled}\": {}", e.message().replace('\n', " "))))?;
        }
        Ok(interface)
    }
}

/// Accepts `colours = 256` as well as `colours = "256"`.
fn as_text(value: Value) -> Value {
    match value {
        Value::Integer(number) => Value::String(number.to_string()),
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
    fn every_key_is_optional() {
        assert_eq!(Interface::parse("", "").unwrap(), Interface::default());
        let text = "theme = \"light\"\nmouse = false\nglyphs = \"ascii\"\ncolours = 16\nstep-mode = true\n";
        let expected = Interface {
            theme: Some(("light".into(), 1)),
            mouse: Some(false),
            glyphs: Some(GlyphChoice::Ascii),
            colours: Some(Colours::Of16),
            step_mode: Some(true),
            idle_curves: None,
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
