//! A dialog of fields: what is typed, chosen or switched before something is done.

use crate::prune::Part;

use super::{Figure, Input};

#[derive(Clone, Debug, PartialEq)]
pub struct Form {
    pub kind: FormKind,
    pub title: String,
    pub fields: Vec<Field>,
    /// The field under the cursor.
    pub at: usize,
    /// Why it could not be taken.
    pub error: Option<String>,
}

/// What a form is for.
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
    Prompt,
    Measure,
    Export,
    Picture {
        figure: Figure,
    },
}

/// One line of a form.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    pub label: &'static str,
    /// What may be said, and the unit.
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

    pub fn field(&self, label: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.label == label)
    }

    /// What was typed under a label.
    pub fn text(&self, label: &str) -> &str {
        match self.field(label).map(|field| &field.value) {
            Some(Value::Text(input)) => input.text().trim(),
            Some(Value::Choice { options, at }) => options.get(*at).map_or("", String::as_str),
            Some(Value::Switch(_)) | None => "",
        }
    }

    pub fn switched(&self, label: &str) -> bool {
        matches!(self.field(label).map(|field| &field.value), Some(Value::Switch(true)))
    }

    /// Moves the cursor by whole fields, around the ends.
    pub fn step(&mut self, fields: isize) {
        let count = self.fields.len().max(1) as isize;
        self.at = (self.at as isize + fields).rem_euclid(count) as usize;
    }

    /// Moves a choice, turns a switch.
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
    pub fn text(label: &'static str, hint: &'static str, value: impl Into<String>) -> Self {
        Self { label, hint, value: Value::Text(Input::new(value)) }
    }

    pub fn choice(label: &'static str, hint: &'static str, options: &[&str], chosen: &str) -> Self {
        let at = options.iter().position(|option| *option == chosen).unwrap_or(0);
        let options = options.iter().map(|option| (*option).to_string()).collect();
        Self { label, hint, value: Value::Choice { options, at } }
    }

    pub fn switch(label: &'static str, hint: &'static str, on: bool) -> Self {
        Self { label, hint, value: Value::Switch(on) }
    }
}
