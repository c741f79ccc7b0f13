//! Types of values that only settings use.

use std::{fmt, ops::Range, path::PathBuf, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{
    names::names,
    prune::{LayerRatio, Schedule},
};

/// The layers from `start` up to but excluding `end`; a missing end means the first or the last layer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LayerRange {
    /// The first layer; None means 0.
    pub start: Option<usize>,
    /// The layer after the last one; None means all layers.
    pub end: Option<usize>,
}

/// A schedule as given by the user: its name, ratios, or a file with one ratio per layer.
#[derive(Clone, Debug, PartialEq)]
pub enum ScheduleChoice {
    /// The schedule itself.
    Schedule(Schedule),
    /// A file with one ratio per layer.
    File(PathBuf),
}

names! {
    /// A named group of settings.
    pub enum Preset {
        /// The SlimGPT authors' settings: grouped-cholesky, reference groups, schedule log, target layer
        Paper = "paper",
        /// A better result in more time: eight trials in the search for ratios, target dense-stream, swaps
        Recommended = "recommended",
    }
}

names! {
    /// Where the costs of a ratio search come from.
    pub enum SearchCosts, default Fisher {
        /// Predicted from the gradients of one backward pass
        Fisher = "fisher",
        /// Measured, with each part pruned alone at several counts; takes hours on large models
        Measured = "measured",
    }
}

/// A number of bytes: `6GiB`, `500M`, `1073741824`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByteSize(pub u64);

impl Default for ByteSize {
    fn default() -> Self {
        Self(8 << 30)
    }
}

impl LayerRange {
    /// The layers of this range in a model with `layers` layers.
    ///
    /// # Errors
    /// If the range is empty or exceeds the model.
    pub fn resolve(self, layers: usize) -> Result<Range<usize>, String> {
        let (start, end) = (self.start.unwrap_or(0), self.end.unwrap_or(layers));
        if start >= end || end > layers {
            return Err(format!(
                "layers {self}: expected a range within 0..{layers}, the layers of this model; use, for example, 0..{layers}"
            ));
        }
        Ok(start..end)
    }
}

impl fmt::Display for LayerRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = |n: Option<usize>| n.map(|n| n.to_string()).unwrap_or_default();
        write!(f, "{}..{}", side(self.start), side(self.end))
    }
}

impl FromStr for LayerRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("expected a range of layers such as 0..32, 4.. or ..8, found \"{text}\"");
        let (start, end) = text.split_once("..").ok_or_else(wrong)?;
        let side = |s: &str| if s.is_empty() { Ok(None) } else { s.parse().map(Some).map_err(|_| wrong()) };
        Ok(Self { start: side(start)?, end: side(end)? })
    }
}

impl FromStr for ScheduleChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("expected a schedule's name or a file, found an empty name".into());
        }
        Ok(Schedule::named(text).map_or_else(|| Self::File(text.into()), Self::Schedule))
    }
}

impl From<u64> for ByteSize {
    fn from(bytes: u64) -> Self {
        Self(bytes)
    }
}

impl From<ByteSize> for u64 {
    fn from(size: ByteSize) -> Self {
        size.0
    }
}

impl fmt::Display for ByteSize {
    /// Written with one decimal, in the largest binary unit that gives at least 1.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut size = self.0 as f64;
        let mut units = ["B", "KiB", "MiB", "GiB", "TiB"].into_iter();
        let mut unit = units.next().unwrap_or_default();
        for next in units {
            if size < 1024.0 {
                break;
            }
            size /= 1024.0;
            unit = next;
        }
        if unit == "B" { write!(f, "{} B", self.0) } else { write!(f, "{size:.1} {unit}") }
    }
}

impl FromStr for ByteSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("expected a size such as 6GiB, 500M or a number of bytes, found \"{text}\"");
        let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic() || c == ' ');
        let number: f64 = digits.parse().map_err(|_| wrong())?;
        let unit = match text[digits.len()..].trim().to_ascii_lowercase().as_str() {
            "" | "b" => 1u64,
            "k" | "kb" | "kib" => 1 << 10,
            "m" | "mb" | "mib" => 1 << 20,
            "g" | "gb" | "gib" => 1 << 30,
            "t" | "tb" | "tib" => 1 << 40,
            _ => return Err(wrong()),
        };
        if number.is_finite() && number >= 0.0 {
            Ok(Self((number * unit as f64) as u64))
        } else {
            Err(wrong())
        }
    }
}

/// Serialises a type through `Display` and `FromStr`.
macro_rules! as_text {
    ($($kind:ty),*) => {$(
        impl Serialize for $kind {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $kind {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}
as_text!(LayerRange);

impl Serialize for ByteSize {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.0)
    }
}

impl<'de> Deserialize<'de> for ByteSize {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "expected a size such as \"6GiB\", or a number of bytes")]
        enum NumberOrText {
            Number(u64),
            Text(String),
        }
        match NumberOrText::deserialize(deserializer)? {
            NumberOrText::Number(bytes) => bytes.to_string().parse(),
            NumberOrText::Text(text) => text.parse(),
        }
        .map_err(serde::de::Error::custom)
    }
}

impl Serialize for ScheduleChoice {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Schedule(schedule) => schedule.serialize(serializer),
            Self::File(path) => path.serialize(serializer),
        }
    }
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a schedule's name, a file, or a list of ratios")]
enum NameOrRatios {
    Name(String),
    Ratios(Vec<LayerRatio>),
}

impl<'de> Deserialize<'de> for ScheduleChoice {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match NameOrRatios::deserialize(deserializer)? {
            NameOrRatios::Name(name) => name.parse().map_err(serde::de::Error::custom),
            NameOrRatios::Ratios(ratios) => Ok(Self::Schedule(Schedule::Custom(ratios))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_with_and_without_units() {
        for (text, bytes) in
            [("6GiB", 6 << 30), ("500M", 500 << 20), ("1.5 g", 3 << 29), ("77", 77), ("0", 0)]
        {
            assert_eq!(text.parse(), Ok(ByteSize(bytes)), "{text}");
        }
        for text in ["", "GiB", "-1G", "1X", "nan"] {
            assert!(text.parse::<ByteSize>().is_err(), "{text}");
        }
        assert_eq!(ByteSize(3 << 29).to_string(), "1.5 GiB");
    }

    #[test]
    fn a_range_of_layers_must_be_within_the_model() {
        let range = |text: &str| text.parse::<LayerRange>().unwrap().resolve(5);
        assert_eq!(range("1..3"), Ok(1..3));
        assert_eq!(range(".."), Ok(0..5));
        assert_eq!(range("2.."), Ok(2..5));
        for text in ["3..6", "3..3", "4..2"] {
            assert!(range(text).unwrap_err().contains("within 0..5"), "{text}");
        }
        assert!("three".parse::<LayerRange>().is_err());
    }
}
