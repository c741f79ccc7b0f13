//! The ratio of one layer: one number for both parts, or one for each.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::Part;

/// Fractions of a layer's heads and of its channels to remove. Equal fractions are written as one number.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LayerRatio {
    /// Fraction of the attention's units.
    pub attention: f64,
    /// Fraction of the channels.
    pub mlp: f64,
}

impl LayerRatio {
    /// Nothing is removed.
    pub const ZERO: Self = Self::both(0.0);

    /// A layer ratio with the same value for both parts.
    pub const fn both(ratio: f64) -> Self {
        Self { attention: ratio, mlp: ratio }
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

    /// Applies a function to both ratios.
    pub fn map(self, mut rule: impl FnMut(f64) -> f64) -> Self {
        Self { attention: rule(self.attention), mlp: rule(self.mlp) }
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

    /// Whether both ratios agree within 10⁻⁶, which is finer than users type or change them.
    pub fn is_near(self, other: Self) -> bool {
        const NEAR: f64 = 1e-6;
        (self.attention - other.attention).abs() < NEAR && (self.mlp - other.mlp).abs() < NEAR
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

impl fmt::Display for LayerRatio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = |ratio: f64| match f.precision() {
            Some(digits) => format!("{ratio:.digits$}"),
            None => ratio.to_string(),
        };
        let text = match self.one() {
            Some(ratio) => number(ratio),
            None => format!("{}/{}", number(self.attention), number(self.mlp)),
        };
        write!(f, "{text:>width$}", width = f.width().unwrap_or(0))
    }
}

impl FromStr for LayerRatio {
    type Err = String;

    /// Parses `0.25`, or `0.1/0.3`: heads, then channels.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("expected a ratio from 0 to below 1, or two such as 0.1/0.3, found \"{text}\"");
        let number = |text: &str| text.trim().parse().map_err(|_| wrong());
        match text.split_once('/') {
            Some((attention, mlp)) => Ok(Self { attention: number(attention)?, mlp: number(mlp)? }),
            None => Ok(Self::both(number(text)?)),
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Parts {
    attention: f64,
    mlp: f64,
}

impl Serialize for LayerRatio {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.one() {
            Some(ratio) => ratio.serialize(serializer),
            None => Parts { attention: self.attention, mlp: self.mlp }.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for LayerRatio {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "expected a ratio, or one for attention and one for mlp")]
        enum OneOrTwo {
            One(f64),
            Two(Parts),
        }
        Ok(match OneOrTwo::deserialize(deserializer)? {
            OneOrTwo::One(ratio) => Self::both(ratio),
            OneOrTwo::Two(Parts { attention, mlp }) => Self { attention, mlp },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_ratios_are_written_as_one_number_and_others_by_part() {
        let apart = LayerRatio { attention: 0.1, mlp: 0.3 };
        for (ratio, json, text) in
            [(LayerRatio::both(0.25), "0.25", "0.25"), (apart, r#"{"attention":0.1,"mlp":0.3}"#, "0.1/0.3")]
        {
            assert_eq!(serde_json::to_string(&ratio).unwrap(), json);
            assert_eq!(serde_json::from_str::<LayerRatio>(json).unwrap(), ratio);
            assert_eq!(ratio.to_string(), text);
            assert_eq!(text.parse(), Ok(ratio));
        }
        assert_eq!(format!("{apart:.2}"), "0.10/0.30");
        for text in ["", "a", "0.1/", "/0.1", "0.1/0.2/0.3"] {
            assert!(text.parse::<LayerRatio>().is_err(), "{text}");
        }
        assert!(serde_json::from_str::<LayerRatio>(r#"{"attention":0.1}"#).is_err());
    }
}
