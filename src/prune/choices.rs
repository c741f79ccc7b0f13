//! The options of the method, with their names on the command line.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::names::names;

names! {
    /// Refinement after the elimination.
    pub enum Refine, default None {
        /// Keep the units that the elimination kept
        None = "none",
        /// Exchange removed and kept units while the exact error decreases
        Swaps = "swaps",
    }
}

names! {
    /// Weights of the calibration tokens in the second moments.
    pub enum TokenWeighting, default None {
        /// All tokens count alike
        None = "none",
        /// By KL(dense ‖ pruned) of the prediction at the token, for a first pruned model
        Kl = "kl",
        /// By the squared gradients of the loss at the token, with labels drawn from the dense model
        Fisher = "fisher",
    }
}

/// Number of channels removed in one step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GroupSize {
    /// Half of the channels still to remove, between 8 and 1024.
    #[default]
    Dynamic,
    /// The sizes of the authors' code: ⌊(K−512)/2⌋, then ⌊(b−512)/2⌋ after each batch, between 64 and 1024.
    Reference,
    /// A single channel: greedy elimination.
    Exact,
    /// This number in every step.
    Fixed(usize),
}

names! {
    /// Number type of the elimination: the inverse, the scores and the down-dates.
    pub enum SolverDtype, default Auto {
        /// f64 for weights with up to 2048 columns, f32 for larger ones
        Auto = "auto",
        /// f32 for every weight
        F32 = "f32",
        /// f64 for every weight
        F64 = "f64",
    }
}

names! {
    /// The setting for the unit of attention.
    pub enum AttentionUnitChoice, default Auto {
        /// The unit that the layer's ratio names; without one, single query heads
        Auto = "auto",
        /// A key-value head with the query heads that read it
        KvGroup = "kv-group",
        /// Single query heads, the same number in every group; keys and values are kept
        QueryHead = "query-head",
    }
}

names! {
    /// The unit of a layer's attention that is removed as a whole.
    pub enum AttentionUnit {
        /// A key-value head with the query heads that read it
        KvGroup = "kv-group",
        /// Single query heads, the same number in every group; keys and values are kept
        QueryHead = "query-head",
    }
}

names! {
    /// The output to which the kept columns are fitted.
    pub enum Target, default Layer {
        /// The layer's own output on the inputs of the pruned model, as in the paper
        Layer = "layer",
        /// The output of the dense model at the same layer
        DenseStream = "dense-stream",
    }
}

impl AttentionUnitChoice {
    /// The unit of a layer with `group` query heads per key-value head. `named` is the unit of the layer's ratio,
    /// which overrides the setting.
    pub fn resolve(self, named: Option<AttentionUnit>, group: usize) -> AttentionUnit {
        let default = match self {
            Self::KvGroup => AttentionUnit::KvGroup,
            Self::Auto | Self::QueryHead => AttentionUnit::QueryHead,
        };
        named.unwrap_or(default).in_groups_of(group)
    }
}

impl AttentionUnit {
    /// The unit in a layer with `group` query heads per key-value head. With one, a single query head is a KV group.
    pub fn in_groups_of(self, group: usize) -> Self {
        match self {
            Self::QueryHead if group > 1 => Self::QueryHead,
            Self::QueryHead | Self::KvGroup => Self::KvGroup,
        }
    }
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
