//! A single GGUF file for llama.cpp with the tokenizer, and with sizes per layer if they differ.

mod architecture;
mod metadata;
mod rows;
mod storage;
mod vocabulary;
mod weight_type;
mod write;

use std::path::Path;

use crate::model::{BlockByBlock, Checkpoint, Source};

use super::{
    Error, ExportPlan, OutputDir,
    format::{Example, Exporter, FormatWriter, Layout, Loading, WrittenForm},
};

use write::{GgufWriter, architecture_and_vocabulary};

pub use weight_type::GgufType;
pub use write::file_name;

/// The format gguf.
pub struct Gguf;

impl Exporter for Gguf {
    fn layout(&self) -> Layout {
        Layout::File
    }

    /// Refuses a model that llama.cpp does not load or would compute incorrectly, and a tokenizer that it
    /// does not support.
    fn check(&self, plan: ExportPlan<'_, '_>) -> Result<(), Error> {
        architecture_and_vocabulary(plan.checkpoint, plan.pruned).map(drop)
    }

    fn begin<'c>(
        &self,
        plan: ExportPlan<'c, '_>,
        out: &OutputDir,
    ) -> Result<Box<dyn FormatWriter + 'c>, Error> {
        Ok(Box::new(GgufWriter::create(plan, out)?))
    }

    fn reopen(&self, output: &Path, written: &WrittenForm) -> Result<Box<dyn BlockByBlock>, Error> {
        let file = output.join(written.file.as_deref().unwrap_or_default());
        Ok(Box::new(Checkpoint::open(Source::gguf(&file)?)?))
    }

    fn loading(&self, written: &WrittenForm) -> Loading {
        let file = written.file.as_deref().unwrap_or_default();
        let file: String = file.chars().filter(|c| !c.is_control() && !"'`".contains(*c)).collect();
        Loading {
            library: "gguf",
            tag: Some("gguf"),
            note: "The file includes the tokenizer.".into(),
            examples: vec![Example {
                program: "llama.cpp",
                language: "sh",
                code: format!("llama-cli -m '{file}' -p \"Once upon a time\" -n 40\n"),
            }],
        }
    }
}
