//! The choices that the method leaves open, by the names people type.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// What is done once so many units have left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Refine {
    #[default]
    None,
    /// A removed and a kept unit change places while that lowers the exact error.
    Swaps,
}

/// How many channels leave together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GroupSize {
    /// Half of what is still to be removed, between 8 and 1024.
    #[default]
    Dynamic,
    /// The authors' code: ⌊(K−512)/2⌋, then ⌊(b−512)/2⌋ after each batch, between 64 and 1024.
    Reference,
    /// One: true greedy.
    Exact,
    /// Always this many.
    Fixed(usize),
}

/// The number type that the elimination works in: the inverse, the scores and the down-dates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum SolverDtype {
    /// f64 for weights of up to 2048 columns, which take no time, f32 for larger ones.
    #[default]
    Auto,
    F32,
    F64,
}

/// What leaves the attention as one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum AttentionUnit {
    /// A key-value head and the query heads that read it.
    #[default]
    KvGroup,
    /// Single query heads, the same number in every group; all keys and values stay.
    QueryHead,
}

/// What the kept columns are fitted to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// The layer's own output on the pruned stream's inputs (the paper).
    #[default]
    Layer,
    /// What the dense model has at that point.
    DenseStream,
}

impl FromStr for GroupSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "dynamic" => Ok(Self::Dynamic),
            "reference" => Ok(Self::Reference),
            "exact" => Ok(Self::Exact),
            number => match number.parse() {
                Ok(size) if size > 0 => Ok(Self::Fixed(size)),
                _ => {
                    Err(format!("expected dynamic, reference, exact or a number above 0, found \"{number}\""))
                }
            },
        }
    }
}

impl fmt::Display for GroupSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dynamic => f.write_str("dynamic"),
            Self::Reference => f.write_str("reference"),
            Self::Exact => f.write_str("exact"),
            Self::Fixed(size) => write!(f, "{size}"),
        }
    }
}

impl Serialize for GroupSize {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Fixed(size) => serializer.serialize_u64(*size as u64),
            named => serializer.collect_str(named),
        }
    }
}

impl<'de> Deserialize<'de> for GroupSize {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "expected dynamic, reference, exact or a number above 0")]
        enum NameOrNumber {
            Number(u64),
            Name(String),
        }
        match NameOrNumber::deserialize(deserializer)? {
            NameOrNumber::Number(size) => size.to_string().parse(),
            NameOrNumber::Name(name) => name.parse(),
        }
        .map_err(serde::de::Error::custom)
    }
}
