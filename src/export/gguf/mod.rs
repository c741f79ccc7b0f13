//! One file for llama.cpp (GGUF): sizes per layer where they differ, the tokenizer included.

mod architecture;
mod container;
mod metadata;
mod names;
mod read;
mod rows;
mod storage;
mod vocabulary;
mod weight_type;
mod write;

use crate::model::{Architecture, Checkpoint};

use super::Error;

use architecture::LlamaCppArchitecture;
use vocabulary::Vocabulary;

pub use read::GgufModel;
pub use weight_type::GgufType;
pub use write::GgufWriter;

/// What a file has become.
pub struct Finished {
    /// As llama.cpp calls it.
    pub architecture: String,
    /// What a person should know of the file.
    pub notices: Vec<String>,
}

/// Refuses what llama.cpp can't load or would compute wrong, and a tokenizer that it has no form for.
///
/// # Errors
/// [`Error::Inexpressible`]; a checkpoint without a tokenizer.
pub fn check(checkpoint: &Checkpoint, pruned: &Architecture, _: GgufType) -> Result<(), Error> {
    check_all(checkpoint, pruned).map(drop)
}

fn check_all(
    checkpoint: &Checkpoint,
    pruned: &Architecture,
) -> Result<(LlamaCppArchitecture, Vocabulary), Error> {
    Ok((LlamaCppArchitecture::of(pruned)?, Vocabulary::read(checkpoint, pruned.vocab)?))
}

/// How the file of a model is called.
pub fn file_name(checkpoint: &Checkpoint, kind: GgufType) -> String {
    let name = checkpoint.name().rsplit('/').next().unwrap_or("model");
    format!("{name}-slim-{kind}.gguf")
}
