//! Values of settings: converting texts and TOML to values, and values to texts.

use std::path::PathBuf;

use serde::{Serialize, de::DeserializeOwned};

use super::{ByteSize, Error, Kind, LayerRange, ScheduleChoice};
use crate::{
    calibration::TextSource,
    model::ComputeDevice,
    names::Named,
    prune::{GroupSize, Schedule},
};

/// A value before it is parsed.
#[derive(Clone, Copy, Debug)]
pub enum Given<'a> {
    /// Items of a flag; a single one, except for a list.
    Texts(&'a [String]),
    Toml(&'a toml::Value),
}

/// A value of a setting in the form that the user gives.
pub trait Value: Clone + PartialEq + Serialize + DeserializeOwned + 'static {
    const KIND: Kind = Kind::One;
    /// True if the text may contain a comma, for example a path.
    const HOLDS_COMMAS: bool = false;

    /// Parses one text.
    ///
    /// # Errors
    /// A description of the expected and the found value.
    fn of_text(text: &str) -> Result<Self, String>;

    /// The allowed values with one sentence each; empty if they cannot be listed.
    fn choices() -> Vec<(&'static str, &'static str)> {
        Vec::new()
    }

    /// Parses the texts of a flag, or a TOML value.
    ///
    /// # Errors
    /// As for [`Value::of_text`].
    fn read(given: Given<'_>) -> Result<Self, String> {
        match given {
            Given::Texts([text]) => Self::of_text(text),
            Given::Texts(texts) => Err(format!("expected one value, found {}", texts.len())),
            Given::Toml(value) => of_toml(value),
        }
    }
}

fn of_toml<T: DeserializeOwned>(value: &toml::Value) -> Result<T, String> {
    value.clone().try_into().map_err(|e: toml::de::Error| e.message().replace('\n', " "))
}

/// A stored value, made from the given value.
pub trait Resolve: Sized {
    type Given: Value;
    /// True if a run does not need a value.
    const OPTIONAL: bool = false;

    /// # Errors
    /// If a file named by the value cannot be read.
    fn resolve(given: Self::Given) -> Result<Self, Error>;

    /// The value that resolves to this one; `None` if there is none.
    fn given(&self) -> Option<Self::Given>;
}

impl<T: Value> Resolve for T {
    type Given = T;

    fn resolve(given: T) -> Result<Self, Error> {
        Ok(given)
    }

    fn given(&self) -> Option<T> {
        Some(self.clone())
    }
}

impl<T: Value> Resolve for Option<T> {
    type Given = T;
    const OPTIONAL: bool = true;

    fn resolve(given: T) -> Result<Self, Error> {
        Ok(Some(given))
    }

    fn given(&self) -> Option<T> {
        self.clone()
    }
}

impl Resolve for Schedule {
    type Given = ScheduleChoice;

    fn resolve(given: ScheduleChoice) -> Result<Self, Error> {
        given.read()
    }

    fn given(&self) -> Option<ScheduleChoice> {
        Some(ScheduleChoice::Schedule(self.clone()))
    }
}

macro_rules! value {
    ($($kind:ty),+ : $text:ident => $read:expr) => {$(
        impl Value for $kind {
            fn of_text($text: &str) -> Result<Self, String> {
                $read
            }
        }
    )+};
}
value!(usize, u64: text => text.parse().map_err(|_| format!("expected a whole number, found \"{text}\"")));
value!(f64: text => text.parse().map_err(|_| format!("expected a number, found \"{text}\"")));
value!(String, PathBuf: text => Ok(text.into()));
value!(ByteSize, LayerRange, ScheduleChoice, GroupSize, ComputeDevice: text => text.parse());

impl Value for bool {
    const KIND: Kind = Kind::Switch;

    fn of_text(text: &str) -> Result<Self, String> {
        text.parse().map_err(|_| format!("expected true or false, found \"{text}\""))
    }
}

impl<T: Named + Serialize + DeserializeOwned> Value for T {
    fn of_text(text: &str) -> Result<Self, String> {
        Self::named(text)
    }

    fn choices() -> Vec<(&'static str, &'static str)> {
        Self::ALL.iter().map(|value| (value.name(), value.help())).collect()
    }
}

impl Value for TextSource {
    const HOLDS_COMMAS: bool = true;

    fn of_text(text: &str) -> Result<Self, String> {
        text.parse()
    }
}

impl<T: Value> Value for Vec<T> {
    const KIND: Kind = Kind::List { separated: !T::HOLDS_COMMAS };

    fn of_text(text: &str) -> Result<Self, String> {
        Ok(vec![T::of_text(text)?])
    }

    fn choices() -> Vec<(&'static str, &'static str)> {
        T::choices()
    }

    fn read(given: Given<'_>) -> Result<Self, String> {
        match given {
            Given::Texts(texts) => texts.iter().map(|text| T::of_text(text)).collect(),
            Given::Toml(toml::Value::Array(items)) => items.iter().map(of_toml).collect(),
            Given::Toml(one) => Ok(vec![of_toml(one)?]),
        }
    }
}

/// The TOML form of the option that resolves to a value.
pub(super) fn given<T: Resolve>(value: &T) -> Option<toml::Value> {
    value.given().and_then(|given| toml::Value::try_from(given).ok())
}

pub(super) fn typed(value: &toml::Value) -> String {
    match value {
        toml::Value::String(text) => text.clone(),
        toml::Value::Float(number) => number.to_string(),
        toml::Value::Array(items) => {
            items.iter().map(|item| quoted(&typed(item))).collect::<Vec<_>>().join(", ")
        }
        toml::Value::Integer(_)
        | toml::Value::Boolean(_)
        | toml::Value::Datetime(_)
        | toml::Value::Table(_) => value.to_string(),
    }
}

/// An item of a list, quoted if it would otherwise be split.
fn quoted(item: &str) -> String {
    if item.contains([',', '"']) || item.trim() != item {
        format!("\"{}\"", item.replace('"', "\"\""))
    } else {
        item.into()
    }
}

/// The items of a comma-separated list. An item in quotes may contain commas, and a quote in it is doubled.
///
/// # Errors
/// If a quote is not closed.
pub fn items(text: &str) -> Result<Vec<String>, String> {
    let (mut items, mut item, mut inside, mut was_quoted) = (Vec::new(), String::new(), false, false);
    let mut chars = text.chars().peekable();
    let mut end = |item: &mut String, was_quoted: &mut bool| {
        let text = std::mem::take(item);
        let text = if *was_quoted { text } else { text.trim().to_owned() };
        if !text.is_empty() {
            items.push(text);
        }
        *was_quoted = false;
    };
    while let Some(c) = chars.next() {
        match c {
            '"' if inside && chars.peek() == Some(&'"') => {
                item.push('"');
                chars.next();
            }
            '"' if inside => inside = false,
            '"' if item.trim().is_empty() => {
                (inside, was_quoted) = (true, true);
                item.clear();
            }
            ',' if !inside => end(&mut item, &mut was_quoted),
            c if was_quoted && !inside && c.is_whitespace() => {}
            c => item.push(c),
        }
    }
    if inside {
        return Err("a quotation mark is not closed".into());
    }
    end(&mut item, &mut was_quoted);
    Ok(items)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_with_commas_and_quotes_are_read_back_from_text() {
        let paths = ["a.txt", "b, c.txt", "say \"x\".txt", " d.txt"].map(String::from).to_vec();
        let value = toml::Value::Array(paths.iter().map(|path| toml::Value::String(path.clone())).collect());
        assert_eq!(items(&typed(&value)).unwrap(), paths);
        assert_eq!(items(" a , ,b ").unwrap(), ["a", "b"]);
        assert!(items("\"a, b").is_err());
    }
}
