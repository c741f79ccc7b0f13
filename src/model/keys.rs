//! Typed access to the keys of a JSON object.

use serde_json::{Map, Value};

use super::{Error, Result};

/// Limit of a size. It exceeds all real models and keeps products of three sizes from overflowing.
pub const MOST: usize = 1 << 24;

/// The keys of a JSON object. `null` counts as absent.
pub struct Keys<'a>(pub &'a Map<String, Value>);

impl<'a> Keys<'a> {
    pub fn get(&self, key: &str) -> Option<&'a Value> {
        self.0.get(key).filter(|value| !value.is_null())
    }

    pub fn required(&self, key: &str) -> Result<&'a Value> {
        self.get(key).ok_or_else(|| Error::MissingKey { key: key.to_owned() })
    }

    pub fn count(&self, key: &str) -> Result<usize> {
        count(key, self.required(key)?, MOST)
    }

    pub fn count_or(&self, key: &str, default: usize) -> Result<usize> {
        self.count_up_to(key, MOST, default)
    }

    pub fn count_up_to(&self, key: &str, most: usize, default: usize) -> Result<usize> {
        self.get(key).map_or(Ok(default), |value| count(key, value, most))
    }

    pub fn optional_count(&self, key: &str) -> Result<Option<usize>> {
        self.get(key).map(|value| count(key, value, MOST)).transpose()
    }

    /// A number of at least 0.
    pub fn whole_or(&self, key: &str, default: usize) -> Result<usize> {
        let Some(value) = self.get(key) else { return Ok(default) };
        let number = value.as_u64().and_then(|number| usize::try_from(number).ok());
        number.ok_or_else(|| wrong(key, "a whole number, 0 or more", value))
    }

    pub fn positive(&self, key: &str) -> Result<f64> {
        let value = self.required(key)?;
        let number = value.as_f64().filter(|number| number.is_finite() && *number > 0.0);
        number.ok_or_else(|| wrong(key, "a number above 0", value))
    }

    pub fn positive_or(&self, key: &str, default: f64) -> Result<f64> {
        if self.get(key).is_some() { self.positive(key) } else { Ok(default) }
    }

    /// Any finite number.
    pub fn number(&self, key: &str) -> Result<Option<f64>> {
        let Some(value) = self.get(key) else { return Ok(None) };
        let number = value.as_f64().filter(|number| number.is_finite());
        number.map(Some).ok_or_else(|| wrong(key, "a number", value))
    }

    pub fn flag_or(&self, key: &str, default: bool) -> Result<bool> {
        let Some(value) = self.get(key) else { return Ok(default) };
        value.as_bool().ok_or_else(|| wrong(key, "true or false", value))
    }

    pub fn text(&self, key: &str) -> Result<Option<&'a str>> {
        let Some(value) = self.get(key) else { return Ok(None) };
        value.as_str().map(Some).ok_or_else(|| wrong(key, "a string", value))
    }

    /// One token id, a list of them, or `null` for none.
    pub fn tokens_or(&self, key: &str, default: Option<u32>) -> Result<Vec<u32>> {
        if !self.0.contains_key(key) {
            return Ok(default.into_iter().collect());
        }
        let one = |value: &Value| value.as_u64().and_then(|id| u32::try_from(id).ok());
        let Some(value) = self.get(key) else { return Ok(Vec::new()) };
        let ids = match value {
            Value::Array(values) => values.iter().map(one).collect(),
            single => one(single).map(|id| vec![id]),
        };
        ids.ok_or_else(|| wrong(key, "a token id or a list of them", value))
    }
}

pub fn count(key: &str, value: &Value, most: usize) -> Result<usize> {
    let number = value.as_u64().and_then(|number| usize::try_from(number).ok());
    number
        .filter(|number| (1..=most).contains(number))
        .ok_or_else(|| wrong(key, &format!("a whole number from 1 to {most}"), value))
}

pub fn wrong(key: &str, expected: &str, found: &Value) -> Error {
    let mut found = found.to_string();
    if found.chars().count() > 60 {
        found = found.chars().take(60).chain(['…']).collect();
    }
    Error::Key { key: key.to_owned(), expected: expected.to_owned(), found }
}
