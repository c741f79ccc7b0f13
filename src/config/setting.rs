//! One setting: its key, its help, its form field, and how it is parsed, written and merged.

use super::{
    Options, Settings,
    value::{Given, Resolve, Value, typed},
};

/// An entry of the table of settings. The command line, settings files, printing, merging, forms and the
/// comparison of attempts are made from these entries.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Key in a settings file. The flag has `-` in place of `_`.
    pub key: &'static str,
    /// The heading under which it is listed.
    pub heading: Heading,
    /// The key that this one follows in the table, if it differs from the previous entry of its group.
    pub after: Option<&'static str>,
    /// One sentence, without the default.
    pub help: &'static str,
    /// Placeholder of the value in the help.
    pub value_name: &'static str,
    /// The default shown in the help, if it differs from the default value.
    pub default: Option<&'static str>,
    /// The extent of its effect.
    pub scope: Scope,
    /// The key is the negation of the stored value.
    pub negated: bool,
    /// True if a run does not need a value.
    pub optional: bool,
    /// Keys that cannot be combined with this one. If a stronger source sets one of them, the others are
    /// removed.
    pub excludes: &'static [&'static str],
    /// Key that must be combined with this one.
    pub requires: Option<&'static str>,
    /// Its field in a form, if it has one.
    pub form: Option<FormField>,
    /// False if the other settings make this one meaningless; it is then not printed.
    pub applies: fn(&Settings) -> bool,
    /// The form in which a value is given.
    pub kind: Kind,
    /// The allowed values with one sentence each; empty if they cannot be listed.
    pub choices: fn() -> Vec<(&'static str, &'static str)>,
    pub(super) read: fn(&mut Options, Given<'_>) -> Result<(), String>,
    pub(super) write: fn(&Settings) -> Option<toml::Value>,
    pub(super) is_given: fn(&Options) -> bool,
    pub(super) clear: fn(&mut Options),
}

/// Headings of the help and of printed settings, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "each variant has the name of its heading")]
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

    /// The heading as shown in the help.
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

/// The effect of a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The run as a whole: ratios, evaluation, export. It has no effect on a layer with a known ratio.
    Run,
    /// The solve of every layer.
    Layer,
    /// The solve of one layer. A retry can change it.
    Method,
    /// Only time and memory; results do not depend on it.
    Machine,
    /// A single invocation of the program; it is not part of the settings.
    Launch,
}

/// The form in which a value is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// True or false; the bare flag means true.
    Switch,
    /// A single value.
    One,
    /// A list.
    List {
        /// True if commas separate the items of a flag.
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
    /// Labels and the texts that they mean, if the field's choices are not the names of the values.
    pub choices: &'static [(&'static str, &'static str)],
    /// The key whose field precedes this one in the form, if the order of the table would separate related
    /// fields.
    pub after: Option<&'static str>,
}

impl FormField {
    pub(super) const fn new(form: SettingsForm, label: &'static str, hint: &'static str) -> Self {
        Self { form, label, hint, choices: &[], after: None }
    }

    pub(super) const fn with_choices(self, choices: &'static [(&'static str, &'static str)]) -> Self {
        Self { choices, ..self }
    }

    pub(super) const fn after(self, key: &'static str) -> Self {
        Self { after: Some(key), ..self }
    }
}

/// The forms made from the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SettingsForm {
    /// The settings of the next run. Those of scope `Method` are also in the form of a retry.
    Run,
    /// The form of an export.
    Export,
}

impl PartialEq for Setting {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Setting {
    /// An entry with the columns that most settings share.
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

    /// The name of the flag, without the leading dashes.
    pub fn flag(&self) -> String {
        self.key.replace('_', "-")
    }

    /// Sets the option to a value from a settings file.
    ///
    /// # Errors
    /// If the value has the wrong type, or the name is not allowed.
    pub fn set(&self, options: &mut Options, value: &toml::Value) -> Result<(), String> {
        match value {
            toml::Value::Boolean(on) if self.negated => {
                (self.read)(options, Given::Toml(&toml::Value::Boolean(!on)))
            }
            value => (self.read)(options, Given::Toml(value)),
        }
    }

    /// Sets the option to the texts of a flag: a single text, except for a list.
    ///
    /// # Errors
    /// If a text is not a value of the setting.
    pub fn set_texts(&self, options: &mut Options, texts: &[String]) -> Result<(), String> {
        match texts {
            [text] if self.negated => {
                let on = !bool::of_text(text)?;
                (self.read)(options, Given::Texts(&[on.to_string()]))
            }
            texts => (self.read)(options, Given::Texts(texts)),
        }
    }

    /// The value in the form of a settings file; `None` if there is none.
    pub fn value(&self, settings: &Settings) -> Option<toml::Value> {
        match (self.write)(settings) {
            Some(toml::Value::Boolean(on)) if self.negated => Some(toml::Value::Boolean(!on)),
            value => value,
        }
    }

    /// The value as the user types it. Items of a list are separated by commas.
    pub fn text(&self, settings: &Settings) -> String {
        self.value(settings).map(|value| typed(&value)).unwrap_or_default()
    }

    /// The default for the help; `None` if there is none.
    pub fn default_text(&self) -> Option<String> {
        let text = match self.default {
            Some(text) => text.to_owned(),
            None if self.kind == Kind::Switch => return None,
            // In the form of a flag.
            None => self.text(&Settings::default()).replace(", ", ","),
        };
        (!text.is_empty()).then_some(text)
    }

    /// True if the options contain a value.
    pub fn is_given(&self, options: &Options) -> bool {
        (self.is_given)(options)
    }

    /// Removes the value from the options.
    pub fn clear(&self, options: &mut Options) {
        (self.clear)(options);
    }
}
