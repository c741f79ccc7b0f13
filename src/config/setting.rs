//! One setting: its key, its help, its form field, and how it is read, written and merged.

use super::{
    Options, Settings,
    value::{Given, Resolve, Value, typed},
};

/// An entry of the table of settings. The command line, settings files, printing, merging, forms and the comparison of attempts
/// are made from these entries.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Key in a settings file. The flag has `-` in place of `_`.
    pub key: &'static str,
    /// The heading it is listed under.
    pub heading: Heading,
    /// The key that this one follows in the table, if that is not the previous entry of its group.
    pub after: Option<&'static str>,
    /// One sentence, without the default.
    pub help: &'static str,
    /// Placeholder of the value in the help.
    pub value_name: &'static str,
    /// The default that the help shows, if it differs from the default of the value.
    pub default: Option<&'static str>,
    /// What it decides.
    pub scope: Scope,
    /// The key is the negation of the stored value.
    pub negated: bool,
    /// True if a run can do without a value.
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
    /// Only time and memory; no result depends on it.
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
    /// Labels and the texts that they stand for, if the field's choices are not the names of the values.
    pub choices: &'static [(&'static str, &'static str)],
    /// The key whose field this one follows in the form, if the order of the table would separate related fields.
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

/// The forms that are made from the table.
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
    /// A value of the wrong type, or a name that is not allowed.
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
    /// A text that is not a value of the setting.
    pub fn set_texts(&self, options: &mut Options, texts: &[String]) -> Result<(), String> {
        match texts {
            [text] if self.negated => {
                let on = !bool::of_text(text)?;
                (self.read)(options, Given::Texts(&[on.to_string()]))
            }
            texts => (self.read)(options, Given::Texts(texts)),
        }
    }

    /// The value as it is written in a settings file; `None` if there is none.
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

    /// The default for the help; `None` if there is none.
    pub fn default_text(&self) -> Option<String> {
        let text = match self.default {
            Some(text) => text.to_owned(),
            None if self.kind == Kind::Switch => return None,
            // As a flag takes it.
            None => self.text(&Settings::default()).replace(", ", ","),
        };
        (!text.is_empty()).then_some(text)
    }

    /// True if the options give a value.
    pub fn is_given(&self, options: &Options) -> bool {
        (self.is_given)(options)
    }

    /// Removes the value from the options.
    pub fn clear(&self, options: &mut Options) {
        (self.clear)(options);
    }
}
