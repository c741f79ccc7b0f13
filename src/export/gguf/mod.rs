//! One file for llama.cpp (GGUF).

use std::path::Path;

use candle_core::{DType, Device};

use crate::{
    config::GgufType,
    model::{self, Architecture, Block, BlockByBlock, Checkpoint, Ends, StoredTensor},
};

use super::{Error, OutputDir};

/// Writes a file whose tensors may come in any order.
pub struct GgufWriter;

/// What a file has become.
pub struct Finished {
    /// As llama.cpp calls it.
    pub architecture: String,
    /// What a person should know of the file.
    pub notices: Vec<String>,
}

/// A written file, read back: its own sizes, its weights dequantised.
pub struct GgufModel {
    architecture: Architecture,
}

/// Refuses what llama.cpp cannot load or would compute wrong, and a tokenizer that it has no form for.
pub fn check(_: &Checkpoint, _: &Architecture, _: GgufType) -> Result<(), Error> {
    let (form, why, left) = ("gguf", "it is not written yet".into(), "hf and padded");
    Err(Error::Inexpressible { form, why, left })
}

/// How the file of a model is called.
pub fn file_name(checkpoint: &Checkpoint, kind: GgufType) -> String {
    let name = checkpoint.name().rsplit('/').next().unwrap_or("model");
    format!("{name}-slim-{kind}.gguf")
}

impl GgufWriter {
    /// Writes the header; the file is complete after [`GgufWriter::finish`].
    pub fn create(
        _: &OutputDir,
        checkpoint: &Checkpoint,
        pruned: &Architecture,
        kind: GgufType,
    ) -> Result<Self, Error> {
        check(checkpoint, pruned, kind)?;
        Ok(Self)
    }

    /// Tensors by the names and in the order of rows that a Hugging Face checkpoint has.
    pub fn add(&mut self, _: &[StoredTensor]) -> Result<(), Error> {
        Ok(())
    }

    /// Syncs the file.
    pub fn finish(self) -> Result<Finished, Error> {
        Ok(Finished { architecture: String::new(), notices: Vec::new() })
    }
}

impl GgufModel {
    /// Reads header and metadata of a file that [`GgufWriter`] wrote.
    pub fn open(_: &Path) -> Result<Self, Error> {
        let (form, why, left) = ("gguf", "it is not read yet".into(), "hf and padded");
        Err(Error::Inexpressible { form, why, left })
    }
}

impl BlockByBlock for GgufModel {
    fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    fn block(&self, _: usize, _: &Device, _: DType) -> model::Result<Block> {
        unimplemented!()
    }

    fn ends(&self, _: &Device, _: DType) -> model::Result<Ends> {
        unimplemented!()
    }
}
