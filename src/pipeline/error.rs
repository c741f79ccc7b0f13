//! What can end a pass.

use crate::{model, prune, prune::Part};

#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "each message explains its variant")]
pub enum Error {
    #[error("{0}")]
    Layers(String),
    #[error(
        "uniform: layer {layer} has other sizes than layer 0 in the model already, so that no ratio makes them the same; leave --uniform out"
    )]
    UnequalLayers { layer: usize },
    #[error(
        "uniform: expected all {layers} layers to be pruned, found a range of them; leave --layers or --uniform out"
    )]
    UniformOfSome { layers: usize },
    #[error(transparent)]
    Plan(prune::Error),
    #[error("layer {layer}, {part}: {cause}")]
    Part { layer: usize, part: Part, cause: prune::Error },
    #[error(
        "layer {layer}: activations hold a NaN or an infinity after the block; check the weights, or give --dtype f32"
    )]
    NotFinite { layer: usize },
    #[error(
        "tensor {tensor}: the fitted weight {value} is too large for {dtype}, in which the checkpoint is stored; raise --damping"
    )]
    Overflow { tensor: String, value: f32, dtype: String },
    #[error(transparent)]
    Model(#[from] model::Error),
    #[error("tensor work failed: {0}")]
    Tensor(#[from] candle_core::Error),
    #[error("cancelled")]
    Cancelled,
}

impl Error {
    pub fn is_cancelled(&self) -> bool {
        matches!(self, Self::Cancelled | Self::Part { cause: prune::Error::Cancelled { .. }, .. })
    }

    /// True where the model or the settings are at fault, not the work.
    pub fn is_bad_input(&self) -> bool {
        match self {
            Self::Part { cause, .. } => cause.is_bad_input(),
            Self::Layers(_)
            | Self::UnequalLayers { .. }
            | Self::UniformOfSome { .. }
            | Self::Plan(_)
            | Self::NotFinite { .. }
            | Self::Overflow { .. }
            | Self::Model(_) => true,
            Self::Tensor(_) | Self::Cancelled => false,
        }
    }
}

impl From<prune::Error> for Error {
    fn from(cause: prune::Error) -> Self {
        Self::Plan(cause)
    }
}
