//! One setting: its key, its help, its form field, and how it is read, written and merged.

use std::path::PathBuf;

use serde::{Serialize, de::DeserializeOwned};

use super::{ByteSize, LayerRange, Options, ScheduleChoice, Settings};
use crate::{
    calibration::TextSource,
    model::ComputeDevice,
    names::Named,
    prune::{GroupSize, Schedule},
};

/// An entry of the table of settings. The command line, settings files, printing, merging, forms and the comparison of attempts
/// are made from these entries.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Key in a settings file. The flag has `-` in place of `_`.
    pub key: &'static str,
    /// The heading it is listed under.
    pub heading: Heading,
    /// The key that this one follows in the table, where it does not follow the entry before it in its group.
    pub after: Option<&'static str>,
    /// One sentence, without the default.
    pub help: &'static str,
    /// Placeholder of the value in the help.
    pub value_name: &'static str,
    /// Default as the help shows it, where it is not the default of the value.
    pub default: Option<&'static str>,
    /// What it decides.
    pub scope: Scope,
    /// The key is the negation of the stored value.
    pub negated: bool,
    /// True where a run does without a value.
    pub optional: bool,
    /// Keys that cannot be given together with this one. A stronger source that gives one of them replaces the others.
    pub excludes: &'static [&'static str],
    /// Key that must be given together with this one.
    pub requires: Option<&'static str>,
    /// Its field in a form, if it has one.
    pub form: Option<FormField>,
    /// False where the other settings make this one meaningless; it is not printed then.
    pub applies: fn(&Settings) -> bool,
    /// How a value is given.
    pub kind: Kind,
    /// The allowed values with one sentence each; empty where they cannot be listed.
    pub choices: fn() -> Vec<(&'static str, &'static str)>,
    pub(super) read: fn(&mut Options, Given<'_>) -> Result<(), String>,
    pub(super) write: fn(&Settings) -> Option<toml::Value>,
    pub(super) is_given: fn(&Options) -> bool,
    pub(super) clear: fn(&mut Options),
}

/// Headings of the help and of printed settings, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "a variant is named as its heading")]
pub enum Heading {
    Calibration,
    Ratios,
    Method,
    Evaluation,
    Output,
    Session,
    Machine,
}

impl Heading {
    /// All headings, in order.
    pub const ALL: [Self; 7] = [
        Self::Calibration,
        Self::Ratios,
        Self::Method,
        Self::Evaluation,
        Self::Output,
        Self::Session,
        Self::Machine,
    ];

    /// The heading in the help.
    pub fn name(self) -> &'static str {
        match self {
            Self::Calibration => "Calibration",
            Self::Ratios => "Ratios",
            Self::Method => "Method",
            Self::Evaluation => "Evaluation",
            Self::Output => "Output",
            Self::Session => "Session",
            Self::Machine => "Machine",
        }
    }
}

/// What a setting decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The run as a whole: ratios, evaluation, export. It has no effect on a layer whose ratio is known.
    Run,
    /// The solve of every layer.
    Layer,
    /// The solve of one layer. A retry can change it.
    Method,
    /// Time and memory alone; no result depends on it.
    Machine,
    /// One invocation of the program; it is not part of the settings.
    Launch,
}

/// How a value is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// True or false; the flag alone means true.
    Switch,
    /// A single value.
    One,
    /// A list.
    List {
        /// Whether a comma separates the items of a flag.
        separated: bool,
    },
}

/// A setting's field in a form.
#[derive(Clone, Copy, Debug)]
pub struct FormField {
    /// The form.
    pub form: SettingsForm,
    /// The label of the field.
    pub label: &'static str,
    /// A hint about its values.
    pub hint: &'static str,
    /// Labels and the texts that they stand for, where the field offers other choices than the values' names.
    pub choices: &'static [(&'static str, &'static str)],
}

/// The forms that are made from the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SettingsForm {
    /// The settings of the next run. Those of scope `Method` are also in the form of a retry.
    Run,
    /// The form of an export.
    Export,
}

/// A value before it is read.
#[derive(Clone, Copy, Debug)]
pub enum Given<'a> {
    /// Items of a flag; one, except for a list.
    Texts(&'a [String]),
    Toml(&'a toml::Value),
}

/// A value of a setting, as a person gives it.
pub trait Value: Clone + PartialEq + Serialize + DeserializeOwned + 'static {
    const KIND: Kind = Kind::One;
    /// True where the text may hold a comma, as a path may.
    const HOLDS_COMMAS: bool = false;

    /// Reads one text.
    ///
    /// # Errors
    /// What was expected and what was found.
    fn of_text(text: &str) -> Result<Self, String>;

    /// The allowed values with one sentence each; empty where they cannot be listed.
    fn choices() -> Vec<(&'static str, &'static str)> {
        Vec::new()
    }

    /// Reads the texts of a flag, or a TOML value.
    ///
    /// # Errors
    /// As [`Value::of_text`].
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

/// A value as the settings hold it, made from the value that was given.
pub trait Resolve: Sized {
    type Given: Value;
    /// True where a run does without a value.
    const OPTIONAL: bool = false;

    /// # Errors
    /// A given value that names a file which cannot be read.
    fn resolve(given: Self::Given) -> Result<Self, super::Error>;

    /// The value that resolves to this one; `None` where nothing does.
    fn given(&self) -> Option<Self::Given>;
}

impl<T: Value> Resolve for T {
    type Given = T;

    fn resolve(given: T) -> Result<Self, super::Error> {
        Ok(given)
    }

    fn given(&self) -> Option<T> {
        Some(self.clone())
    }
}

impl<T: Value> Resolve for Option<T> {
    type Given = T;
    const OPTIONAL: bool = true;

    fn resolve(given: T) -> Result<Self, super::Error> {
        Ok(Some(given))
    }

    fn given(&self) -> Option<T> {
        self.clone()
    }
}

impl Resolve for Schedule {
    type Given = ScheduleChoice;

    fn resolve(given: ScheduleChoice) -> Result<Self, super::Error> {
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

impl PartialEq for Setting {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Setting {
    /// The columns that most settings share.
    pub(super) const fn new<T: Resolve>(key: &'static str, heading: Heading) -> Self {
        Self {
            key,
            heading,
            after: None,
            help: "",
            value_name: "",
            default: None,
            scope: Scope::Run,
            negated: false,
            optional: T::OPTIONAL,
            excludes: &[],
            requires: None,
            form: None,
            applies: |_| true,
            kind: T::Given::KIND,
            choices: T::Given::choices,
            read: |_, _| Ok(()),
            write: |_| None,
            is_given: |_| false,
            clear: |_| {},
        }
    }

    /// The name of the flag, without the dashes before it.
    pub fn flag(&self) -> String {
        self.key.replace('_', "-")
    }

    /// Sets the option to a value of a settings file.
    ///
    /// # Errors
    /// A value of another type or out of the allowed names.
    pub fn set(&self, options: &mut Options, value: &toml::Value) -> Result<(), String> {
        match value {
            toml::Value::Boolean(on) if self.negated => {
                (self.read)(options, Given::Toml(&toml::Value::Boolean(!on)))
            }
            value => (self.read)(options, Given::Toml(value)),
        }
    }

    /// Sets the option to the texts of a flag: one, except for a list.
    ///
    /// # Errors
    /// A text that is no value of the setting.
    pub fn set_texts(&self, options: &mut Options, texts: &[String]) -> Result<(), String> {
        match texts {
            [text] if self.negated => {
                let on = !bool::of_text(text)?;
                (self.read)(options, Given::Texts(&[on.to_string()]))
            }
            texts => (self.read)(options, Given::Texts(texts)),
        }
    }

    /// The value as a settings file holds it; `None` where there is none.
    pub fn value(&self, settings: &Settings) -> Option<toml::Value> {
        match (self.write)(settings) {
            Some(toml::Value::Boolean(on)) if self.negated => Some(toml::Value::Boolean(!on)),
            value => value,
        }
    }

    /// The value as a person types it; items of a list are separated by commas.
    pub fn text(&self, settings: &Settings) -> String {
        self.value(settings).map(|value| typed(&value)).unwrap_or_default()
    }

    /// The default for the help; `None` where there is none.
    pub fn default_text(&self) -> Option<String> {
        let text = match self.default {
            Some(text) => text.to_owned(),
            None if self.kind == Kind::Switch => return None,
            None => self.text(&Settings::default()),
        };
        (!text.is_empty()).then_some(text)
    }

    /// True where the options give a value.
    pub fn is_given(&self, options: &Options) -> bool {
        (self.is_given)(options)
    }

    /// Takes the value out of the options.
    pub fn clear(&self, options: &mut Options) {
        (self.clear)(options);
    }
}

/// The TOML form of the option that resolves to a value.
pub(super) fn given<T: Resolve>(value: &T) -> Option<toml::Value> {
    value.given().and_then(|given| toml::Value::try_from(given).ok())
}

fn typed(value: &toml::Value) -> String {
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

/// An item of a list in quotes, where it would be split without them.
fn quoted(item: &str) -> String {
    if item.contains([',', '"']) || item.trim() != item {
        format!("\"{}\"", item.replace('"', "\"\""))
    } else {
        item.into()
    }
}

/// The items of a list that commas separate. An item in quotes may hold commas, and a doubled quote for a quote.
///
/// # Errors
/// A quote without its end.
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
        return Err("a quotation mark has no second one".into());
    }
    end(&mut item, &mut was_quoted);
    Ok(items)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_with_commas_and_quotes_survive_as_text() {
        let paths = ["a.txt", "b, c.txt", "say \"x\".txt", " d.txt"].map(String::from).to_vec();
        let value = toml::Value::Array(paths.iter().map(|path| toml::Value::String(path.clone())).collect());
        assert_eq!(items(&typed(&value)).unwrap(), paths);
        assert_eq!(items(" a , ,b ").unwrap(), ["a", "b"]);
        assert!(items("\"a, b").is_err());
    }
}
