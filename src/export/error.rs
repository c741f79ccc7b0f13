//! Errors of an export.

use std::{fmt, io, path::PathBuf};

use super::Format;
use crate::failure::{Advice, Kind};

/// An error of an export.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "each message explains its variant")]
pub enum Error {
    #[error("output {}: it already exists", .0.display())]
    Exists(PathBuf),
    #[error(
        "output {}: it has no run.json, so slimgpt did not write it and does not replace it",
        .0.display()
    )]
    NotOurs(PathBuf),
    #[error("output {}: expected a directory other than {}, which the export reads", out.display(), model.display())]
    InsideModel { out: PathBuf, model: PathBuf },
    #[error("output {}: expected the path of a directory that does not exist yet", .0.display())]
    NoName(PathBuf),
    #[error("output {}: cannot be written ({cause}); check the free space and the permissions", path.display())]
    Write { path: PathBuf, cause: io::Error },
    #[error("format {format}: {why}{}", alternatives(remedies))]
    Inexpressible { format: Format, why: String, remedies: Vec<Remedy> },
    #[error("run.json cannot be written as JSON ({0})")]
    Json(String),
    #[error(transparent)]
    Model(#[from] crate::model::Error),
}

/// A change that lets a format express the model. Settings are referred to by their keys, which both
/// frontends show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// Export in one of these formats instead.
    Export(&'static [Format]),
    /// Lower the ratio of the layer.
    LowerRatio,
    /// Keep a multiple of this number of channels.
    ChannelMultiple(usize),
    /// Give all layers the same sizes.
    Uniform,
    /// Add no biases.
    NoBiasCompensation,
    /// Leave the MLPs unpruned.
    AttentionOnly,
    /// Plan sizes that nemotron-nas can express.
    Portable,
    /// Prune only the MLP.
    MlpOnly,
}

impl fmt::Display for Remedy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Export(formats) => {
                let names: Vec<String> = formats.iter().map(Format::to_string).collect();
                write!(f, "export as {}", names.join(" or "))
            }
            Self::LowerRatio => f.write_str("lower the layer's ratio"),
            Self::ChannelMultiple(multiple) => write!(f, "set channel-multiple to {multiple}"),
            Self::Uniform => f.write_str("set uniform"),
            Self::NoBiasCompensation => f.write_str("prune without bias-compensation"),
            Self::AttentionOnly => f.write_str("prune attention only"),
            Self::Portable => f.write_str("set portable"),
            Self::MlpOnly => f.write_str("prune only mlp"),
        }
    }
}

/// Empty if no change lets a format express the model.
fn alternatives(remedies: &[Remedy]) -> String {
    let remedies: Vec<String> = remedies.iter().map(Remedy::to_string).collect();
    if remedies.is_empty() { String::new() } else { format!("; {}", remedies.join(", or ")) }
}

impl Error {
    /// Converts a failed write of this path to an error.
    pub fn write(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |cause| Self::Write { path, cause }
    }

    /// The kind of the error: input, failure or cancellation.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Write { cause, .. } => Kind::of_io(cause),
            Self::Json(_) => Kind::Failed,
            Self::Model(cause) => cause.kind(),
            Self::Exists(_)
            | Self::NotOurs(_)
            | Self::InsideModel { .. }
            | Self::NoName(_)
            | Self::Inexpressible { .. } => Kind::Input,
        }
    }

    /// Advice whose wording depends on the frontend.
    pub fn advice(&self) -> Option<Advice> {
        match self {
            Self::Exists(_) => Some(Advice::ReplaceOutput),
            Self::NotOurs(_) | Self::InsideModel { .. } | Self::NoName(_) => Some(Advice::OtherOutput),
            Self::Write { .. } | Self::Inexpressible { .. } | Self::Json(_) | Self::Model(_) => None,
        }
    }
}
