//! Errors of a pass over the layers.

use crate::{cluster, failure::Kind, model, prune, prune::Part};

use super::KeptWhole;

#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "each message explains its variant")]
pub enum Error {
    #[error("{0}")]
    Layers(String),
    #[error(
        "uniform: layer {layer} of the model differs in size from layer 0, so no ratio makes them equal; turn uniform off"
    )]
    UnequalLayers { layer: usize },
    #[error(
        "uniform: the ratio of layer {layer} counts another unit of attention than that of layer 0, so their mean is no ratio; name one unit, or turn uniform off"
    )]
    UnequalUnits { layer: usize },
    #[error(
        "uniform: expected all {layers} layers to be pruned, found a range; turn uniform off, or prune all layers"
    )]
    UniformOfSome { layers: usize },
    #[error(
        "ratio: the schedule {schedule} cannot remove {asked} of the parameters, because every part keeps at least one unit and every ratio is below 1; the largest share is {largest}; lower the ratio"
    )]
    BeyondReach { schedule: String, asked: f64, largest: f64 },
    #[error(
        "channel-multiple: expected at most {widest}, the channels of the widest pruned layer, found {multiple}; lower it, or prune attention alone"
    )]
    MultipleAboveWidth { multiple: usize, widest: usize },
    #[error(
        "nothing would be removed: {why}; raise the ratio, or choose other parts or another attention-unit"
    )]
    NothingRemoved { why: KeptWhole },
    #[error("layer {layer} has no {part}, so it has no error curve; choose another layer or the other part")]
    NoPart { layer: usize, part: Part },
    #[error(transparent)]
    Plan(prune::Error),
    #[error("layer {layer}, {part}: {cause}")]
    Part { layer: usize, part: Part, cause: prune::Error },
    #[error(
        "layer {layer}: the activations after the block are not finite; check the weights, or set dtype to f32"
    )]
    NotFinite { layer: usize },
    #[error(
        "tensor {tensor}: the updated weight {value} is too large for {dtype}, the number type of the checkpoint; raise damping"
    )]
    Overflow { tensor: String, value: f32, dtype: String },
    #[error(
        "the temporary file of the kept block inputs: {0}; free space for temporary files, or raise the memory budget"
    )]
    KeptInputs(std::io::Error),
    #[error(transparent)]
    Model(#[from] model::Error),
    #[error("the tensor computation failed: {0}")]
    Tensor(#[from] candle_core::Error),
    #[error(transparent)]
    Ranks(#[from] cluster::Error),
    #[error("cancelled")]
    Cancelled,
}

impl Error {
    /// The kind of the error: input, failure or cancellation.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Plan(cause) | Self::Part { cause, .. } => cause.kind(),
            Self::Model(cause) => cause.kind(),
            Self::Ranks(cause) => cause.kind(),
            Self::NotFinite { .. } | Self::Overflow { .. } | Self::KeptInputs(_) | Self::Tensor(_) => {
                Kind::Failed
            }
            Self::Cancelled => Kind::Cancelled,
            Self::Layers(_)
            | Self::UnequalLayers { .. }
            | Self::UnequalUnits { .. }
            | Self::UniformOfSome { .. }
            | Self::BeyondReach { .. }
            | Self::MultipleAboveWidth { .. }
            | Self::NoPart { .. }
            | Self::NothingRemoved { .. } => Kind::Input,
        }
    }
}

impl cluster::Ended for Error {
    fn of_ranks(&self) -> Option<&cluster::Error> {
        if let Self::Ranks(cause) = self { Some(cause) } else { None }
    }

    fn kind(&self) -> Kind {
        self.kind()
    }
}

impl From<prune::Error> for Error {
    fn from(cause: prune::Error) -> Self {
        Self::Plan(cause)
    }
}
