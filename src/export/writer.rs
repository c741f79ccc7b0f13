//! A pruned model on its way to the disk, in every form that was asked for.

use crate::model::{Architecture, Checkpoint, Precision, Shapes, Slot, StoredTensor, end_tensors};

use super::{
    Error, Format, GgufWriter, OutputDir, OutputForm, gguf, hf,
    shards::{Announced, ShardWriter},
    stored,
};

/// Writes block by block and keeps nothing: every tensor has its place in a file before it comes.
pub struct Writer<'c> {
    checkpoint: &'c Checkpoint,
    pruned: Architecture,
    form: OutputForm,
    shards: Option<(Shapes, ShardWriter)>,
    gguf: Option<GgufWriter>,
}

/// What was written.
pub struct Finished {
    pub forms: Vec<WrittenForm>,
    /// What a person should know of it.
    pub notices: Vec<String>,
}

/// One form of the model, in the output directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenForm {
    pub format: Format,
    /// The one file that it is; None for a directory in the form of Hugging Face.
    pub file: Option<String>,
    /// A class of transformers, or an architecture of llama.cpp.
    pub loaded_as: String,
    /// Code comes along that a reader has to trust.
    pub remote_code: bool,
}

/// Refuses what a form cannot express, before anything is pruned or written.
///
/// # Errors
/// [`Error::Inexpressible`], which says what is left.
pub fn check(checkpoint: &Checkpoint, pruned: &Architecture, form: &OutputForm) -> Result<(), Error> {
    for format in &form.formats {
        match format {
            Format::Hf | Format::Padded => hf::check(checkpoint.architecture(), pruned)?,
            Format::Gguf => gguf::check(checkpoint, pruned, form.gguf_type)?,
        }
    }
    Ok(())
}

impl<'c> Writer<'c> {
    /// # Errors
    /// As [`check`]; a file that cannot be made.
    pub fn begin(
        checkpoint: &'c Checkpoint,
        pruned: Architecture,
        form: OutputForm,
        out: &OutputDir,
    ) -> Result<Self, Error> {
        check(checkpoint, &pruned, &form)?;
        let shards = |architecture: &Architecture| {
            let announced = announced(checkpoint, architecture, form.export_dtype)?;
            ShardWriter::new(out, announced, form.shard_size)
        };
        let (mut directory, mut gguf) = (None, None);
        for format in &form.formats {
            match format {
                Format::Hf => directory = Some((Shapes::Narrow, shards(&pruned)?)),
                Format::Padded => {
                    directory = Some((Shapes::Padded, shards(&padded(checkpoint, &pruned))?));
                }
                Format::Gguf => gguf = Some(GgufWriter::create(out, checkpoint, &pruned, form.gguf_type)?),
            }
        }
        Ok(Self { checkpoint, pruned, form, shards: directory, gguf })
    }

    /// What is written, with the sizes that are left.
    pub fn pruned(&self) -> &Architecture {
        &self.pruned
    }

    /// The shapes that every block is to be added in.
    pub fn shapes(&self) -> Vec<Shapes> {
        let directory = self.shards.as_ref().map(|(shapes, _)| *shapes);
        let gguf = self.gguf.as_ref().map(|_| Shapes::Narrow);
        let mut all: Vec<Shapes> = directory.into_iter().chain(gguf).collect();
        all.dedup();
        all
    }

    /// Adds tensors in one of [`Writer::shapes`].
    ///
    /// # Errors
    /// A number too large for the type it is to be stored in; a disk that takes no more.
    pub fn add(
        &mut self,
        out: &OutputDir,
        shapes: Shapes,
        tensors: Vec<StoredTensor<'c>>,
    ) -> Result<(), Error> {
        if let Some(gguf) = self.gguf.as_mut().filter(|_| shapes == Shapes::Narrow) {
            gguf.add(&tensors)?;
        }
        if let Some((_, shards)) = self.shards.as_mut().filter(|(own, _)| *own == shapes) {
            for tensor in tensors {
                shards.add(out, &tensor)?;
            }
        }
        Ok(())
    }

    /// Adds what stands before the first block and after the last, and all files beside the weights.
    ///
    /// # Errors
    /// As [`Writer::add`].
    pub fn finish(mut self, out: &OutputDir) -> Result<Finished, Error> {
        let ends = end_tensors(self.checkpoint)?;
        let (mut forms, mut notices) = (Vec::new(), Vec::new());
        if let Some(mut gguf) = self.gguf.take() {
            gguf.add(&ends)?;
            let file = Some(gguf::file_name(self.checkpoint, self.form.gguf_type));
            let finished = gguf.finish()?;
            notices = finished.notices;
            let (format, loaded_as) = (Format::Gguf, finished.architecture);
            forms.push(WrittenForm { format, file, loaded_as, remote_code: false });
        }
        if self.shards.is_none() {
            // The tokenizer is in the file.
            hf::copy_files(self.checkpoint, hf::is_licence, out)?;
        }
        if let Some((shapes, mut shards)) = self.shards.take() {
            for tensor in &ends {
                shards.add(out, tensor)?;
            }
            shards.finish(out)?;
            let dtype = self.form.export_dtype;
            let hf::Loading { class, remote_code } =
                hf::write_files(self.checkpoint, &self.pruned, (shapes, dtype), out)?;
            let format = match shapes {
                Shapes::Narrow => Format::Hf,
                Shapes::Padded => Format::Padded,
            };
            forms.push(WrittenForm { format, file: None, loaded_as: class, remote_code });
        }
        Ok(Finished { forms, notices })
    }
}

/// The checkpoint's own sizes, with the biases of the pruned model.
pub fn padded(checkpoint: &Checkpoint, pruned: &Architecture) -> Architecture {
    checkpoint.architecture().with_output_biases(pruned.o_bias, pruned.mlp_bias)
}

/// The tensors of a directory in the order in which they come: those of the blocks, then the ends.
fn announced(
    checkpoint: &Checkpoint,
    architecture: &Architecture,
    dtype: Option<Precision>,
) -> Result<Vec<Announced>, Error> {
    let mut slots = architecture.tensors();
    let ends = end_tensors(checkpoint)?.len();
    // The architecture names the ends first.
    slots.rotate_left(ends);
    let announce = |Slot { name, shape, .. }: Slot| {
        let dtype = match dtype {
            Some(precision) => stored::dtype_of(precision),
            None if name.ends_with(".bias") => checkpoint.bias_dtype(&name)?,
            None => checkpoint.storage_dtype(&name)?,
        };
        Ok(Announced { name, dtype, shape })
    };
    slots.into_iter().map(announce).collect()
}
