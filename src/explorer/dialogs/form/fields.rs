//! A dialog of fields: typed texts, choices and switches.

use crate::{
    config::{self, Options, Setting, Settings},
    prune::Part,
};

use crate::explorer::{Figure, Input, screens::layers::Column};

#[derive(Clone, Debug, PartialEq)]
pub struct Form {
    pub kind: FormKind,
    pub title: String,
    pub fields: Vec<Field>,
    /// The field under the cursor.
    pub at: usize,
    /// The reason for refusing the form.
    pub error: Option<String>,
}

/// The purpose of a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FormKind {
    /// Schedule, mean, or first and last.
    Shape,
    /// One layer's ratio.
    Ratio {
        layer: usize,
    },
    /// The mean that unlocked ratios are scaled to.
    Renormalise,
    Retry {
        layer: usize,
        part: Part,
    },
    Settings,
    /// Columns of the table of layers.
    Columns,
    Prompt,
    Measure,
    Export,
    /// Name and note of a session: the one in `SessionsOnDisk::naming`.
    Label,
    Picture {
        figure: Figure,
    },
}

/// The identity of a field. Fields of settings are made from the table of settings; each other field belongs
/// to one form.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum FieldId {
    Setting(&'static Setting),
    /// Whether the table of layers has a column.
    Column(Column),
    /// Shape of the curve.
    Schedule,
    GivenBy,
    /// Of a session.
    Name,
    Note,
    Mean,
    First,
    Last,
    /// Ratio of a layer, and retry.
    Ratio,
    Parts,
    /// Prompt.
    Prompt,
    Tokens,
    Temperature,
    Seed,
    /// Perplexity.
    Text,
    SeqLen,
    Bos,
    /// Export.
    Directory,
    /// Export and picture.
    Replace,
    /// Picture.
    File,
    Look,
}

/// One line of a form.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    pub id: FieldId,
    pub label: &'static str,
    /// The allowed values and their unit.
    pub hint: &'static str,
    pub value: Value,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Text(Input),
    Choice { options: Vec<String>, at: usize },
    Switch(bool),
}

impl Form {
    pub fn new(kind: FormKind, title: impl Into<String>, fields: Vec<Field>) -> Self {
        Self { kind, title: title.into(), fields, at: 0, error: None }
    }

    fn value(&self, id: FieldId) -> Option<&Value> {
        self.fields.iter().find(|field| field.id == id).map(|field| &field.value)
    }

    /// The typed or chosen text of a field, trimmed.
    ///
    /// # Errors
    /// If the form has no such field, or it is a switch.
    pub fn text(&self, id: FieldId) -> Result<&str, String> {
        self.whole_text(id).map(str::trim)
    }

    /// The typed or chosen text of a field, untrimmed.
    ///
    /// # Errors
    /// As for [`Form::text`].
    pub fn whole_text(&self, id: FieldId) -> Result<&str, String> {
        match self.value(id) {
            Some(Value::Text(input)) => Ok(input.text()),
            Some(Value::Choice { options, at }) => Ok(options.get(*at).map_or("", String::as_str)),
            Some(Value::Switch(_)) | None => Err(self.lacks("text", id)),
        }
    }

    /// True if a switch is on.
    ///
    /// # Errors
    /// If the form has no such field, or it is not a switch.
    pub fn switched(&self, id: FieldId) -> Result<bool, String> {
        match self.value(id) {
            Some(Value::Switch(on)) => Ok(*on),
            Some(Value::Text(_) | Value::Choice { .. }) | None => Err(self.lacks("switch", id)),
        }
    }

    /// The error for a field that the form does not have. A test submits every form, so this is never shown.
    fn lacks(&self, what: &str, id: FieldId) -> String {
        format!("the form \"{}\" has no {what} {id:?}; please report this", self.title)
    }

    /// The options set by the fields of settings.
    ///
    /// # Errors
    /// If a text is not a value of its setting; the error names the label of the field.
    pub fn options(&self) -> Result<Options, String> {
        let mut options = Options::default();
        for field in &self.fields {
            field.read(&mut options).map_err(|why| format!("{}: {why}", field.label))?;
        }
        Ok(options)
    }

    /// `old` with the settings of the form. An empty field removes the value of an optional setting.
    ///
    /// # Errors
    /// As for [`Form::options`], and for values that the settings refuse.
    pub fn settings(&self, old: &Settings) -> Result<Settings, String> {
        let mut others = old.options();
        self.fields.iter().filter_map(Field::setting).for_each(|setting| setting.clear(&mut others));
        Settings::new(self.options()?.or(others)).map_err(|error| error.to_string())
    }

    /// Moves the cursor by whole fields, wrapping around.
    pub fn step(&mut self, fields: isize) {
        let count = self.fields.len().max(1) as isize;
        self.at = (self.at as isize + fields).rem_euclid(count) as usize;
    }

    /// Moves a choice, or toggles a switch.
    pub fn turn(&mut self, by: isize) {
        if let Some(field) = self.fields.get_mut(self.at) {
            match &mut field.value {
                Value::Text(_) => {}
                Value::Choice { options, at } => {
                    *at = (*at as isize + by).rem_euclid(options.len().max(1) as isize) as usize;
                }
                Value::Switch(on) => *on = !*on,
            }
        }
    }
}

impl Field {
    pub fn text(id: FieldId, label: &'static str, hint: &'static str, value: impl Into<String>) -> Self {
        Self { id, label, hint, value: Value::Text(Input::suggestion(value)) }
    }

    pub fn choice(
        id: FieldId,
        label: &'static str,
        hint: &'static str,
        options: &[&str],
        chosen: &str,
    ) -> Self {
        let at = options.iter().position(|option| *option == chosen).unwrap_or(0);
        let options = options.iter().map(|option| (*option).to_string()).collect();
        Self { id, label, hint, value: Value::Choice { options, at } }
    }

    pub fn switch(id: FieldId, label: &'static str, hint: &'static str, on: bool) -> Self {
        Self { id, label, hint, value: Value::Switch(on) }
    }

    /// The field of a setting with its current value; `None` for a setting without a field.
    pub fn of_setting(setting: &'static Setting, settings: &Settings) -> Option<Self> {
        let config::FormField { label, hint, choices, .. } = setting.form?;
        let (id, text) = (FieldId::Setting(setting), setting.text(settings));
        if setting.kind == config::Kind::Switch && choices.is_empty() {
            return Some(Self::switch(id, label, hint, (text == "true") != setting.negated));
        }
        if let Some((chosen, _)) = choices.iter().find(|(_, meant)| *meant == text).or(choices.first()) {
            let labels: Vec<&str> = choices.iter().map(|(label, _)| *label).collect();
            return Some(Self::choice(id, label, hint, &labels, chosen));
        }
        let names: Vec<&str> = (setting.choices)().into_iter().map(|(name, _)| name).collect();
        Some(match names.is_empty() {
            true => Self::text(id, label, hint, text),
            false => Self::choice(id, label, hint, &names, &text),
        })
    }

    fn setting(&self) -> Option<&'static Setting> {
        match self.id {
            FieldId::Setting(setting) => Some(setting),
            FieldId::Column(_)
            | FieldId::Schedule
            | FieldId::GivenBy
            | FieldId::Mean
            | FieldId::First
            | FieldId::Last
            | FieldId::Ratio
            | FieldId::Parts
            | FieldId::Prompt
            | FieldId::Tokens
            | FieldId::Temperature
            | FieldId::Seed
            | FieldId::Text
            | FieldId::SeqLen
            | FieldId::Bos
            | FieldId::Directory
            | FieldId::Replace
            | FieldId::File
            | FieldId::Name
            | FieldId::Note
            | FieldId::Look => None,
        }
    }

    /// The typed or chosen text, trimmed.
    fn typed(&self) -> &str {
        match &self.value {
            Value::Text(input) => input.text().trim(),
            Value::Choice { options, at } => options.get(*at).map_or("", String::as_str),
            Value::Switch(_) => "",
        }
    }

    /// Sets the option of the setting; other fields set nothing.
    fn read(&self, options: &mut Options) -> Result<(), String> {
        let Some(setting) = self.setting() else { return Ok(()) };
        let choices = setting.form.map_or(&[][..], |form| form.choices);
        let text = match &self.value {
            Value::Switch(on) => (*on != setting.negated).to_string(),
            Value::Text(_) | Value::Choice { .. } => {
                let typed = self.typed();
                choices.iter().find(|(label, _)| *label == typed).map_or(typed, |(_, meant)| meant).into()
            }
        };
        match setting.kind {
            config::Kind::List { .. } => setting.set_texts(options, &config::items(&text)?),
            config::Kind::One if text.is_empty() && setting.optional => Ok(()),
            config::Kind::One | config::Kind::Switch => setting.set_texts(options, &[text]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(form: config::SettingsForm, settings: &Settings) -> Form {
        let fields = config::form_settings(form).into_iter();
        let fields = fields.filter_map(|setting| Field::of_setting(setting, settings)).collect();
        Form::new(FormKind::Settings, "Settings", fields)
    }

    #[test]
    fn an_unchanged_form_keeps_all_settings_even_a_path_with_a_comma() {
        let text = "calibration = [\"a, b.txt\", \"c.txt\"]\nparts = [\"mlp\"]\nno_compensation = true\n\
                    seq_len = 64\nformat = [\"padded\", \"gguf\"]\nexport_dtype = \"bf16\"\nstream_weight = 0.25";
        for settings in [Settings::default(), text.parse().unwrap()] {
            for kind in [config::SettingsForm::Run, config::SettingsForm::Export] {
                assert_eq!(form(kind, &settings).settings(&settings), Ok(settings.clone()));
            }
        }
    }

    #[test]
    fn an_empty_optional_field_removes_the_value_and_other_fields_need_one() {
        let settings: Settings = "seq_len = 64".parse().unwrap();
        let emptied = |label: &str| {
            let mut form = form(config::SettingsForm::Run, &settings);
            for field in form.fields.iter_mut().filter(|field| field.label == label) {
                field.value = Value::Text(Input::new(""));
            }
            form.settings(&settings)
        };
        assert_eq!(emptied("seq-len").unwrap().calibration.seq_len, None);
        assert!(emptied("samples").unwrap_err().starts_with("samples: expected a whole number"));
    }
}
