//! The ratio of one layer: one number for both parts, or one for each, and the unit of its attention.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{AttentionUnit, Part};
use crate::names::Named;

/// Fractions of a layer's heads and of its channels to remove. Equal fractions are written as one number.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LayerRatio {
    /// Fraction of the attention's units.
    pub attention: f64,
    /// Fraction of the channels.
    pub mlp: f64,
    /// The unit of the attention; None if the setting decides.
    pub unit: Option<AttentionUnit>,
}

impl LayerRatio {
    /// Nothing is removed.
    pub const ZERO: Self = Self::both(0.0);

    /// A layer ratio with the same value for both parts.
    pub const fn both(ratio: f64) -> Self {
        Self::new(ratio, ratio)
    }

    /// A layer ratio with a value for each part.
    pub const fn new(attention: f64, mlp: f64) -> Self {
        Self { attention, mlp, unit: None }
    }

    /// This ratio for another unit of the attention, or for that of the setting.
    pub const fn in_units(self, unit: Option<AttentionUnit>) -> Self {
        Self { unit, ..self }
    }

    /// The ratio of one part.
    pub const fn of(self, part: Part) -> f64 {
        match part {
            Part::Attention => self.attention,
            Part::Mlp => self.mlp,
        }
    }

    /// This ratio with another value for one part.
    pub const fn with(self, part: Part, ratio: f64) -> Self {
        match part {
            Part::Attention => Self { attention: ratio, ..self },
            Part::Mlp => Self { mlp: ratio, ..self },
        }
    }

    /// The unit that the ratio of a part names.
    pub const fn unit_of(self, part: Part) -> Option<AttentionUnit> {
        match part {
            Part::Attention => self.unit,
            Part::Mlp => None,
        }
    }

    /// This ratio with another value and unit for one part. A unit of the channels has no effect.
    pub const fn with_part(self, part: Part, ratio: f64, unit: Option<AttentionUnit>) -> Self {
        match part {
            Part::Attention => Self { attention: ratio, unit, ..self },
            Part::Mlp => Self { mlp: ratio, ..self },
        }
    }

    /// Whether these parts use all that the ratio names: two ratios need both parts, and a unit needs the attention.
    pub fn is_for(self, parts: &[Part]) -> bool {
        let (attention, mlp) = (parts.contains(&Part::Attention), parts.contains(&Part::Mlp));
        (self.one().is_some() || (attention && mlp)) && (self.unit.is_none() || attention)
    }

    /// Applies a function to both ratios. The unit stays the same.
    pub fn map(self, mut rule: impl FnMut(f64) -> f64) -> Self {
        Self { attention: rule(self.attention), mlp: rule(self.mlp), ..self }
    }

    /// The mean of the two ratios.
    pub fn mean(self) -> f64 {
        (self.attention + self.mlp) / 2.0
    }

    /// The higher of the two ratios.
    pub fn highest(self) -> f64 {
        self.attention.max(self.mlp)
    }

    /// The lower of the two ratios.
    pub fn lowest(self) -> f64 {
        self.attention.min(self.mlp)
    }

    /// The common ratio, if both are equal.
    pub fn one(self) -> Option<f64> {
        (self.attention.to_bits() == self.mlp.to_bits()).then_some(self.attention)
    }

    /// Whether the units are the same and both ratios agree within 10⁻⁶, which is finer than users type or change them.
    pub fn is_near(self, other: Self) -> bool {
        const NEAR: f64 = 1e-6;
        self.unit == other.unit
            && (self.attention - other.attention).abs() < NEAR
            && (self.mlp - other.mlp).abs() < NEAR
    }
}

/// True if the ratio of both parts equals this number.
impl PartialEq<f64> for LayerRatio {
    fn eq(&self, other: &f64) -> bool {
        *self == Self::both(*other)
    }
}

impl From<f64> for LayerRatio {
    fn from(ratio: f64) -> Self {
        Self::both(ratio)
    }
}

/// `0.25`, `0.1/0.3`, or with a unit `0.25:query-head` and `0.1:kv-group/0.3`.
impl fmt::Display for LayerRatio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = |ratio: f64| match f.precision() {
            Some(digits) => format!("{ratio:.digits$}"),
            None => ratio.to_string(),
        };
        let mut text = number(self.attention);
        if let Some(unit) = self.unit {
            text += &format!(":{unit}");
        }
        if self.one().is_none() {
            text += &format!("/{}", number(self.mlp));
        }
        write!(f, "{text:>width$}", width = f.width().unwrap_or(0))
    }
}

impl FromStr for LayerRatio {
    type Err = String;

    /// Parses `0.25`, or `0.1/0.3`: heads, then channels. The heads may name their unit: `0.25:query-head`,
    /// `0.1:kv-group/0.3`.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            let units: Vec<String> =
                AttentionUnit::ALL.iter().map(|unit| format!("0.1:{unit}/0.3")).collect();
            format!(
                "expected a ratio from 0 to below 1, or one for heads and one for channels, such as 0.1/0.3, {}; found \"{text}\"",
                units.join(" or ")
            )
        };
        let number = |text: &str| text.trim().parse().map_err(|_| wrong());
        let (attention, mlp) = match text.split_once('/') {
            Some((attention, mlp)) => (attention, Some(mlp)),
            None => (text, None),
        };
        let (attention, unit) = match attention.split_once(':') {
            Some((attention, unit)) => (attention, Some(unit.trim().parse().map_err(|_| wrong())?)),
            None => (attention, None),
        };
        let attention = number(attention)?;
        Ok(Self { attention, mlp: mlp.map_or(Ok(attention), number)?, unit })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Parts {
    attention: f64,
    mlp: f64,
    #[serde(rename = "attention_unit", default, skip_serializing_if = "Option::is_none")]
    unit: Option<AttentionUnit>,
}

impl Serialize for LayerRatio {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match (self.one(), self.unit) {
            (Some(ratio), None) => ratio.serialize(serializer),
            (_, unit) => Parts { attention: self.attention, mlp: self.mlp, unit }.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for LayerRatio {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(
            untagged,
            expecting = "expected a ratio, or one for attention and one for mlp, with an optional attention_unit"
        )]
        enum OneOrTwo {
            One(f64),
            Two(Parts),
        }
        Ok(match OneOrTwo::deserialize(deserializer)? {
            OneOrTwo::One(ratio) => Self::both(ratio),
            OneOrTwo::Two(Parts { attention, mlp, unit }) => Self { attention, mlp, unit },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_ratios_are_written_as_one_number_and_others_by_part() {
        let apart = LayerRatio::new(0.1, 0.3);
        let (groups, heads) = (Some(AttentionUnit::KvGroup), Some(AttentionUnit::QueryHead));
        for (ratio, json, text) in [
            (LayerRatio::both(0.25), "0.25", "0.25"),
            (apart, r#"{"attention":0.1,"mlp":0.3}"#, "0.1/0.3"),
            (
                LayerRatio::both(0.5).in_units(groups),
                r#"{"attention":0.5,"mlp":0.5,"attention_unit":"kv-group"}"#,
                "0.5:kv-group",
            ),
            (
                apart.in_units(heads),
                r#"{"attention":0.1,"mlp":0.3,"attention_unit":"query-head"}"#,
                "0.1:query-head/0.3",
            ),
        ] {
            assert_eq!(serde_json::to_string(&ratio).unwrap(), json);
            assert_eq!(serde_json::from_str::<LayerRatio>(json).unwrap(), ratio);
            assert_eq!(ratio.to_string(), text);
            assert_eq!(text.parse(), Ok(ratio));
        }
        assert_eq!(format!("{apart:.2}"), "0.10/0.30");
        assert_eq!(" 0.1 : query-head / 0.3".parse(), Ok(apart.in_units(heads)));
    }

    #[test]
    fn a_wrong_ratio_is_refused_with_the_accepted_forms() {
        for text in
            ["", "a", "0.1/", "/0.1", "0.1/0.2/0.3", "0.1:", "0.1:head", ":kv-group", "0.1/0.2:kv-group"]
        {
            let error = text.parse::<LayerRatio>().unwrap_err();
            assert!(error.contains("0.1:kv-group/0.3 or 0.1:query-head/0.3"), "{text}: {error}");
        }
        for json in [r#"{"attention":0.1}"#, r#"{"attention":0.1,"mlp":0.2,"attention_unit":"auto"}"#] {
            assert!(serde_json::from_str::<LayerRatio>(json).is_err(), "{json}");
        }
    }
}
