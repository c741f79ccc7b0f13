//! Typed access to the metadata of a GGUF file.

use super::super::{Error, Result, keys::MOST};
use crate::gguf::{Header, Item};

/// The metadata of a file.
pub struct Keys<'f> {
    /// The name of the file in messages.
    pub label: String,
    pub header: &'f Header,
    pub file: &'f [u8],
}

impl<'f> Keys<'f> {
    pub fn get(&self, key: &str) -> Option<Item<'f>> {
        self.header.get(self.file, key)
    }

    pub fn required(&self, key: &str) -> Result<Item<'f>> {
        self.get(key).ok_or_else(|| Error::NoGgufKey { file: self.label.clone(), key: key.to_owned() })
    }

    pub fn wrong(&self, key: &str, expected: impl Into<String>, found: &Item) -> Error {
        Error::GgufKey {
            file: self.label.clone(),
            key: key.to_owned(),
            expected: expected.into(),
            found: found.described(),
        }
    }

    pub fn unsupported(&self, what: impl Into<String>, supported: impl Into<String>) -> Error {
        Error::GgufUnsupported { file: self.label.clone(), what: what.into(), supported: supported.into() }
    }

    pub fn text(&self, key: &str) -> Result<Option<&'f str>> {
        let Some(item) = self.get(key) else { return Ok(None) };
        match item {
            Item::Text(text) if str::from_utf8(text).is_ok() => Ok(str::from_utf8(text).ok()),
            _ => Err(self.wrong(key, "a text", &item)),
        }
    }

    /// A whole number from 1 to [`MOST`].
    pub fn count(&self, key: &str) -> Result<usize> {
        self.count_up_to(key, MOST)
    }

    pub fn count_up_to(&self, key: &str, most: usize) -> Result<usize> {
        let item = self.required(key)?;
        let count = self.as_count(key, &item)?;
        if count > most { Err(self.wrong(key, format!("at most {most}"), &item)) } else { Ok(count) }
    }

    pub fn optional_count(&self, key: &str) -> Result<Option<usize>> {
        self.get(key).map(|item| self.as_count(key, &item)).transpose()
    }

    /// One count per layer, from a list or from a single number for all layers. A count in a list can be 0.
    pub fn counts(&self, key: &str, layers: usize) -> Result<Vec<usize>> {
        let item = self.required(key)?;
        let Item::List(list) = &item else { return Ok(vec![self.as_count(key, &item)?; layers]) };
        if list.len() != layers {
            return Err(self.wrong(key, format!("one number for each of the {layers} layers"), &item));
        }
        let absent = |item: &Item| integer(item) == Some(0);
        list.items().map(|item| if absent(&item) { Ok(0) } else { self.as_count(key, &item) }).collect()
    }

    fn as_count(&self, key: &str, item: &Item) -> Result<usize> {
        let number = integer(item).and_then(|number| usize::try_from(number).ok());
        number
            .filter(|number| (1..=MOST).contains(number))
            .ok_or_else(|| self.wrong(key, format!("a whole number from 1 to {MOST}"), item))
    }

    /// A token id below `tokens`.
    pub fn token(&self, key: &str, tokens: usize) -> Result<Option<u32>> {
        let Some(item) = self.get(key) else { return Ok(None) };
        let id = integer(&item).and_then(|id| u32::try_from(id).ok()).filter(|id| (*id as usize) < tokens);
        id.map(Some).ok_or_else(|| self.wrong(key, format!("the id of one of {tokens} tokens"), &item))
    }

    /// A number above 0, as the decimal that rounds to the stored f32.
    pub fn optional_positive(&self, key: &str) -> Result<Option<f64>> {
        let Some(item) = self.get(key) else { return Ok(None) };
        let number = match item {
            // 1e-5 is stored as the nearest f32, whose shortest decimal is 1e-5 again.
            Item::Float(number) => (number as f32).to_string().parse().ok(),
            _ => integer(&item).map(|number| number as f64),
        };
        let number = number.filter(|number: &f64| number.is_finite() && *number > 0.0);
        number.map(Some).ok_or_else(|| self.wrong(key, "a number above 0", &item))
    }

    pub fn positive(&self, key: &str) -> Result<f64> {
        let number = self.optional_positive(key)?;
        number.ok_or_else(|| Error::NoGgufKey { file: self.label.clone(), key: key.to_owned() })
    }

    pub fn flag(&self, key: &str) -> Result<Option<bool>> {
        match self.get(key) {
            None => Ok(None),
            Some(Item::Bool(flag)) => Ok(Some(flag)),
            Some(item) => Err(self.wrong(key, "true or false", &item)),
        }
    }

    /// A list of UTF-8 texts.
    pub fn texts(&self, key: &str) -> Result<Vec<&'f str>> {
        let item = self.required(key)?;
        let Item::List(list) = &item else { return Err(self.wrong(key, "a list of texts", &item)) };
        let text = |item: Item<'f>| match item {
            Item::Text(text) => str::from_utf8(text).map_err(|_| self.wrong(key, "texts in UTF-8", &item)),
            _ => Err(self.wrong(key, "a list of texts", &item)),
        };
        list.items().map(text).collect()
    }

    /// A list of numbers; None for a missing key.
    pub fn numbers(&self, key: &str) -> Result<Option<Vec<f64>>> {
        let Some(item) = self.get(key) else { return Ok(None) };
        let Item::List(list) = &item else { return Err(self.wrong(key, "a list of numbers", &item)) };
        let number = |item: Item| match item {
            Item::Float(number) => Ok(number),
            _ => integer(&item).map(|n| n as f64).ok_or_else(|| self.wrong(key, "a list of numbers", &item)),
        };
        list.items().map(number).collect::<Result<_>>().map(Some)
    }
}

fn integer(item: &Item) -> Option<i64> {
    match item {
        Item::Unsigned(number) => i64::try_from(*number).ok(),
        Item::Signed(number) => Some(*number),
        Item::Float(_) | Item::Bool(_) | Item::Text(_) | Item::List(_) => None,
    }
}
