//! What can be wrong with an output.

use std::{io, path::PathBuf};

#[derive(Debug, thiserror::Error)]
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
    #[error("format {form}: {why}; what is left: {left}")]
    Inexpressible { form: &'static str, why: String, left: &'static str },
    #[error("run.json cannot be written as JSON ({0})")]
    Json(String),
    #[error(transparent)]
    Model(#[from] crate::model::Error),
}

impl Error {
    pub fn write(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |cause| Self::Write { path, cause }
    }
}
