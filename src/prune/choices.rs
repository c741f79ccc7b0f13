//! The method's options and their names.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// The refinement after the elimination.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Refine {
    #[default]
    /// No refinement.
    None,
    /// Removed and kept units are swapped while that lowers the exact error.
    Swaps,
}

/// How many channels are removed together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GroupSize {
    /// Half of the channels that are still to be removed, between 8 and 1024.
    #[default]
    Dynamic,
    /// The sizes of the authors' code: ⌊(K−512)/2⌋, then ⌊(b−512)/2⌋ after each batch, between 64 and 1024.
    Reference,
    /// One channel: true greedy elimination.
    Exact,
    /// Always this many channels.
    Fixed(usize),
}

/// The number type of the elimination: of the inverse, the scores and the down-dates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum SolverDtype {
    /// f64 for weights of up to 2048 columns, f32 for larger ones.
    #[default]
    Auto,
    /// 32-bit floating point.
    F32,
    /// 64-bit floating point.
    F64,
}

/// The unit that is removed from an attention.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum AttentionUnit {
    /// A key-value head and the query heads that read it.
    #[default]
    KvGroup,
    /// A single query head; every group loses the same number, and all keys and values are kept.
    QueryHead,
}

/// The output that the kept columns are fitted to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// The layer's own output on the inputs of the pruned stream (the paper's).
    #[default]
    Layer,
    /// The residual stream of the dense model at that point.
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
