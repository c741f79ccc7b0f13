//! Writes a pruned model block by block, in several formats at once.

use crate::model::{Architecture, Checkpoint, Shapes, StoredTensor, end_tensors};

use super::{
    Error, ExportPlan, OutputDir, OutputForm, WrittenForm, companions,
    format::{FormatWriter, Layout},
};

/// Writes all formats of an output without keeping tensors in memory.
pub struct Writer<'c> {
    checkpoint: &'c Checkpoint,
    pruned: Architecture,
    form: OutputForm,
    writers: Vec<Box<dyn FormatWriter + 'c>>,
}

/// The result of writing.
pub struct Finished {
    /// The formats, single files first.
    pub forms: Vec<WrittenForm>,
    /// Warnings about the files.
    pub notices: Vec<String>,
}

/// Refuses a model that one of the formats cannot express, before pruning or writing.
///
/// # Errors
/// [`Error::Inexpressible`] with a remedy; an error if files of the checkpoint cannot be read.
pub fn check(checkpoint: &Checkpoint, pruned: &Architecture, form: &OutputForm) -> Result<(), Error> {
    let plan = ExportPlan { checkpoint, pruned, form };
    form.formats.iter().try_for_each(|format| format.exporter().check(plan))
}

impl<'c> Writer<'c> {
    /// Creates the files of every format.
    ///
    /// # Errors
    /// As for [`check`], and if a file cannot be created.
    pub fn begin(
        checkpoint: &'c Checkpoint,
        pruned: Architecture,
        form: OutputForm,
        out: &OutputDir,
    ) -> Result<Self, Error> {
        check(checkpoint, &pruned, &form)?;
        let plan = ExportPlan { checkpoint, pruned: &pruned, form: &form };
        let writers = form.formats.iter().map(|format| format.exporter().begin(plan, out));
        let writers = writers.collect::<Result<_, Error>>()?;
        Ok(Self { checkpoint, pruned, form, writers })
    }

    /// The architecture after pruning.
    pub fn pruned(&self) -> &Architecture {
        &self.pruned
    }

    /// The shapes in which every block is added, once in each shape.
    pub fn shapes(&self) -> Vec<Shapes> {
        let mut all: Vec<Shapes> = Vec::new();
        for shapes in self.writers.iter().map(|writer| writer.shapes()) {
            if !all.contains(&shapes) {
                all.push(shapes);
            }
        }
        all
    }

    /// Adds the tensors of a block in one of [`Writer::shapes`].
    ///
    /// # Errors
    /// As for [`FormatWriter::add`].
    pub fn add(
        &mut self,
        out: &OutputDir,
        shapes: Shapes,
        tensors: Vec<StoredTensor<'c>>,
    ) -> Result<(), Error> {
        let mut writers = self.writers.iter_mut().filter(|writer| writer.shapes() == shapes);
        writers.try_for_each(|writer| writer.add(out, &tensors))
    }

    /// Adds the embedding, the final norm and the head, and completes the files of every format.
    ///
    /// # Errors
    /// As for [`FormatWriter::add`] and [`FormatWriter::finish`].
    pub fn finish(self, out: &OutputDir) -> Result<Finished, Error> {
        let Self { checkpoint, form, mut writers, .. } = self;
        for tensor in end_tensors(checkpoint) {
            let tensor = [tensor?];
            writers.iter_mut().try_for_each(|writer| writer.add(out, &tensor))?;
        }
        let (mut forms, mut notices) = (Vec::new(), Vec::new());
        // `run.json` lists a single file before the directory that contains it.
        for writer in writers.into_iter().rev() {
            let (written, warnings) = writer.finish(out)?;
            forms.push(written);
            notices.extend(warnings);
        }
        if form.formats.iter().all(|format| format.exporter().layout() == Layout::File) {
            companions::copy_files(checkpoint, companions::is_licence, out)?;
        }
        Ok(Finished { forms, notices })
    }
}
