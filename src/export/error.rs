//! What can be wrong with an output.

use std::{fmt, io, path::PathBuf};

use super::Format;

#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "each message explains its variant")]
pub enum Error {
    #[error("output {}: already there; choose another --out, or replace it with --force", .0.display())]
    Exists(PathBuf),
    #[error(
        "output {}: holds no run.json, so it is no output of slimgpt and is not replaced; choose another --out, or remove it yourself",
        .0.display()
    )]
    NotOurs(PathBuf),
    #[error("output {}: is, holds or lies inside {}, which is read for it; choose an --out elsewhere", out.display(), model.display())]
    InsideModel { out: PathBuf, model: PathBuf },
    #[error("output {}: has no name to write under; give a directory that does not exist yet", .0.display())]
    NoName(PathBuf),
    #[error("output {}: cannot be written ({cause}); check that the disk has room and that you may write there", path.display())]
    Write { path: PathBuf, cause: io::Error },
    #[error("format {format}: {why}; {}", alternatives(remedies))]
    Inexpressible { format: Format, why: String, remedies: Vec<Remedy> },
    #[error("run.json cannot be written as JSON ({0})")]
    Json(String),
    #[error(transparent)]
    Model(#[from] crate::model::Error),
}

/// A change that lets a format express the model. It names settings by their keys, which both frontends show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// Export in one of these formats instead.
    Export(&'static [Format]),
    LowerRatio,
    ChannelMultiple(usize),
    Uniform,
    NoBiasCompensation,
    AttentionOnly,
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
        }
    }
}

fn alternatives(remedies: &[Remedy]) -> String {
    remedies.iter().map(Remedy::to_string).collect::<Vec<_>>().join(", or ")
}

impl Error {
    pub fn write(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |cause| Self::Write { path, cause }
    }
}
