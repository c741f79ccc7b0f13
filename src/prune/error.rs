//! Errors of pruning one weight, and of the ratios of a model.

use super::Ratio;
use crate::failure::Kind;

/// Errors of pruning. Each message is one sentence; the caller adds layer and part.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[allow(missing_docs, reason = "each message explains its variant")]
pub enum Error {
    #[error("the {what} has {found} values, expected {expected}; pass all of it, row by row")]
    Shape { what: &'static str, expected: usize, found: usize },
    #[error(
        "the {what} has {value} at row {row}, column {column}, expected a finite number; check the \
         checkpoint and the calibration text, or accumulate in f32"
    )]
    NotFinite { what: &'static str, row: usize, column: usize, value: f64 },
    #[error("the second moment has no tokens; calibrate on at least one")]
    NoTokens,
    #[error(
        "{columns} columns cannot be divided into units of {width}; give the head dimension as the width"
    )]
    UnitWidth { columns: usize, width: usize },
    #[error(
        "{units} heads cannot be divided into groups of {per_group}; give the query heads of one key-value head"
    )]
    HeadGroups { units: usize, per_group: usize },
    #[error("cannot remove {remove} of {units} units, because at least one must be kept; lower the ratio")]
    NothingLeft { units: usize, remove: usize },
    #[error("the group size is 0, but must be above 0; try dynamic")]
    EmptyGroup,
    #[error("the damping is {0}, but must be a finite number of at least 0; try 0.01")]
    Damping(f64),
    #[error(
        "the second moment is not positive definite: with damping {damping} the factorisation failed at input \
         {input}; raise the damping or calibrate on more tokens"
    )]
    NotPositiveDefinite { damping: f64, input: usize },
    #[error("the removal was cancelled after {steps} steps; run it again for a result")]
    Cancelled { steps: usize },
    #[error("the {name} is {value}, but must be at least 0 and below 1; {advice}")]
    Ratio { name: String, value: f64, advice: &'static str },
    #[error(
        "a mean of {mean} gives the last layer a ratio of {last:.4}, which must be below 1; the largest mean of this schedule on {layers} layers is {largest}; lower the mean, or choose the uniform schedule"
    )]
    Mean { mean: Ratio, last: f64, layers: usize, largest: f64 },
    #[error("the custom schedule has {found} ratios for {expected} layers; give one per layer")]
    ScheduleLength { expected: usize, found: usize },
    #[error(
        "the uniform schedule got {first} for the first layer and {last} for the last; give one mean ratio \
         or choose linear"
    )]
    UniformSpan { first: Ratio, last: Ratio },
}

impl Error {
    /// The kind of the error: input, failure or cancellation.
    pub fn kind(&self) -> Kind {
        match self {
            Self::NotPositiveDefinite { .. } | Self::NotFinite { .. } => Kind::Failed,
            Self::Cancelled { .. } => Kind::Cancelled,
            Self::Shape { .. }
            | Self::NoTokens
            | Self::UnitWidth { .. }
            | Self::HeadGroups { .. }
            | Self::NothingLeft { .. }
            | Self::EmptyGroup
            | Self::Damping(_)
            | Self::Ratio { .. }
            | Self::Mean { .. }
            | Self::ScheduleLength { .. }
            | Self::UniformSpan { .. } => Kind::Input,
        }
    }
}
