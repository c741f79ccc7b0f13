//! The interface that every export format implements.

use std::path::Path;

use super::{Error, OutputDir, OutputForm};
use crate::{
    model::{Architecture, BlockByBlock, Checkpoint, Shapes, StoredTensor},
    names::names,
};

names! {
    /// An export format. [`Format::exporter`] lists the implementations.
    pub enum Format {
        /// Hugging Face directory with the sizes after pruning
        Hf = "hf",
        /// Hugging Face directory with the original sizes and zeros in place of removed weights
        Padded = "padded",
        /// One file for llama.cpp
        Gguf = "gguf",
        /// Hugging Face directory for vLLM, SGLang, TensorRT-LLM and mlx-lm, with widths in multiples of 256
        NemotronNas = "nemotron-nas",
    }
}

/// An export format: the models it cannot express, how they are written and read back, and how users load
/// them.
pub trait Exporter: Sync {
    /// The layout of the files.
    fn layout(&self) -> Layout;

    /// Refuses a model that the format cannot express, before pruning or writing.
    ///
    /// # Errors
    /// [`Error::Inexpressible`] with a remedy; an error if files of the checkpoint cannot be read.
    fn check(&self, plan: ExportPlan<'_, '_>) -> Result<(), Error>;

    /// Creates the files. Every tensor has a position in one of them before it is added, so no tensor is kept
    /// in memory.
    ///
    /// # Errors
    /// As for [`Exporter::check`], and if a file cannot be created.
    fn begin<'c>(
        &self,
        plan: ExportPlan<'c, '_>,
        out: &OutputDir,
    ) -> Result<Box<dyn FormatWriter + 'c>, Error>;

    /// Opens the written files for verification. `output` is the directory of the export.
    ///
    /// # Errors
    /// If files are missing, truncated, or have other content.
    fn reopen(&self, output: &Path, written: &WrittenForm) -> Result<Box<dyn BlockByBlock>, Error>;

    /// Instructions for loading the written files, for the model card.
    fn loading(&self, written: &WrittenForm) -> Loading;
}

/// Writes a model in one format.
pub trait FormatWriter {
    /// The shapes in which the tensors of every block are added.
    fn shapes(&self) -> Shapes;

    /// Writes tensors in any order, with the names and the row order of a Hugging Face checkpoint.
    ///
    /// # Errors
    /// If the model does not have such a tensor, its shape differs, a number is too large for its stored
    /// type, or the disk is full.
    fn add(&mut self, out: &OutputDir, tensors: &[StoredTensor]) -> Result<(), Error>;

    /// Completes the files, and writes those that accompany the weights.
    ///
    /// # Errors
    /// If a tensor was never added, or the disk is full.
    fn finish(self: Box<Self>, out: &OutputDir) -> Result<(WrittenForm, Vec<String>), Error>;
}

/// The file layout of a format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// A directory with `config.json` and the tokenizer.
    Directory,
    /// A single file that includes the tokenizer.
    File,
}

/// A pruned model to export.
#[derive(Clone, Copy)]
pub struct ExportPlan<'c, 'p> {
    /// The model before pruning.
    pub checkpoint: &'c Checkpoint,
    /// Its architecture after pruning.
    pub pruned: &'p Architecture,
    /// The formats and their stored types.
    pub form: &'p OutputForm,
}

/// One format of a written output.
#[derive(Clone, Debug, PartialEq)]
pub struct WrittenForm {
    /// The format.
    pub format: Format,
    /// The file name, for a single-file format.
    pub file: Option<String>,
    /// The transformers class or llama.cpp architecture that loads it.
    pub loaded_as: String,
    /// True if loading runs code from the directory.
    pub remote_code: bool,
    /// The stored type of the weights: f32, f16, bf16, q8_0 or q4_k.
    pub weights: String,
    /// The maximum difference that the stored type may cause between a logit and that of the pruned model in
    /// memory, as a fraction of the logits' root mean square around the mean of each position. It was
    /// measured on small models, where rounding has the largest effect, and at least doubled.
    pub tolerance: f64,
}

/// The tolerance if the stored numbers are those of the model in memory: only the order of the sums differs.
pub const SAME_NUMBERS: f64 = 1e-3;

/// Instructions for loading a written format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loading {
    /// The hub's `library_name`.
    pub library: &'static str,
    /// An additional tag on the hub.
    pub tag: Option<&'static str>,
    /// Sentences about the files, in Markdown.
    pub note: String,
    /// Code for loading it in each program.
    pub examples: Vec<Example>,
}

/// A few lines that load a model in one program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Example {
    /// The name of the program.
    pub program: &'static str,
    /// The language, as named in Markdown.
    pub language: &'static str,
    /// The lines, each ending with a line break.
    pub code: String,
}
