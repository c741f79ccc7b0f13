//! Exports the model with the active attempts.

use std::path::{Path, absolute};

use sha2::{Digest, Sha256};

use crate::{
    export::{Finished, OutputDir, OutputForm, Writer},
    pipeline::BlockCut,
    protocol::{Event, RunRecord, Stage, WrittenRecord, job},
    prune::Part,
    session::{Output, PartPlace},
};

use crate::engine::{
    describe::hexadecimal,
    publish::{directory, publish},
};

use super::{Announce, Context, Error, Work, Workspace};

impl Work for job::Export {
    fn work(self, workspace: &mut Workspace<'_>, context: &mut Context) -> Result<Event, Error> {
        let Self { form, out, force } = self;
        workspace.export(&form, &out, force, context)?;
        Ok(Event::JobDone)
    }
}

impl Workspace<'_> {
    /// Writes, verifies and publishes the model. Returns the content of its `run.json`.
    pub fn export(
        &mut self,
        form: &OutputForm,
        out: &Path,
        force: bool,
        context: &mut Context,
    ) -> Result<RunRecord, Error> {
        let began = context.seconds();
        let checkpoint = self.checkpoint;
        let settings = self.settings()?;
        let calibration = self.calibration(&settings, Announce::WhenDrawn, context)?;
        self.check_files()?;
        self.warn_of_stale_layers(context);
        let path = absolute(out).map_err(Error::CurrentDir)?;
        let out = OutputDir::create(out, force, directory(checkpoint), |partial| {
            let partial = Some(absolute(partial).map_err(Error::CurrentDir)?);
            let of = self.attempts.numbers().to_vec();
            self.save_output(Output {
                path,
                partial,
                run_json_sha256: None,
                bytes: None,
                of,
                forms: Vec::new(),
                written: false,
            })
        })?;
        let mut writer = Writer::begin(checkpoint, self.architecture(), form.clone(), &out)?;
        let layers = self.attempts.numbers().len();
        // The last step writes everything except the blocks.
        let total = layers as u64 + 1;
        for layer in 0..layers {
            let cut = self.active().cut(layer)?.unwrap_or(BlockCut::new(layer));
            for shapes in writer.shapes() {
                let tensors = cut.tensors(checkpoint, writer.pruned(), shapes)?;
                writer.add(&out, shapes, tensors)?;
            }
            checkpoint.release(layer);
            if context.progress(Stage::Export, layer as u64 + 1, total).is_break() {
                return Err(Error::Cancelled);
            }
        }
        let Finished { forms, notices } = writer.finish(&out)?;
        for message in notices {
            context.emit(Event::Warning { message });
        }
        out.write("calibration.safetensors", &calibration.windows.to_safetensors())?;
        if context.progress(Stage::Export, total, total).is_break() {
            return Err(Error::Cancelled);
        }
        let written = self.verify(&forms, (form, &calibration.windows), &out, context)?;
        let mut seconds = self.seconds;
        seconds.export = context.seconds() - began;
        seconds.total += seconds.export;
        let record = self.record(settings, &calibration, self.newest_perplexity(), seconds)?;
        let record = RunRecord { written, ..record };
        self.write_companions(&record, &forms, &out)?;
        let bytes = publish(out, &record, context, |json| self.save_output_record(json))?;
        self.save_written(bytes, &record.written)?;
        Ok(record)
    }

    /// Fails if the active attempt of a layer could not be read, because the layer would be exported dense.
    fn check_files(&self) -> Result<(), Error> {
        let Some(session) = self.session.get() else { return Ok(()) };
        for (layer, entry) in session.state().layers.iter().enumerate() {
            let Some(number) = entry.active.filter(|_| self.attempts.active(layer).is_none()) else {
                continue;
            };
            let Some(attempt) = entry.attempts.iter().find(|entry| entry.attempt.number == number) else {
                continue;
            };
            for part in [Part::Attention, Part::Mlp] {
                let attempt = attempt.part(part).map_or(number, |part| part.file);
                session.read_part(PartPlace { layer, attempt, part })?;
            }
        }
        Ok(())
    }

    /// Warns of stale layers, whose recorded errors were measured with other attempts above them.
    fn warn_of_stale_layers(&self, context: &mut Context) {
        let stale = |&layer: &usize| {
            let solved = self.attempts.active(layer);
            solved.is_some_and(|solved| self.attempts.is_behind_others(solved))
        };
        let stale: Vec<String> =
            (0..self.attempts.numbers().len()).filter(stale).map(|layer| layer.to_string()).collect();
        if !stale.is_empty() {
            let message = format!(
                "layers {} are stale: the attempts above them have changed since they were solved, and their recorded errors are those of that time",
                stale.join(", ")
            );
            context.emit(Event::Warning { message });
        }
    }

    fn save_output(&mut self, output: Output) -> Result<(), Error> {
        self.session.change(|state| state.output = Some(output))
    }

    /// Saves the checksum that identifies the published export.
    fn save_output_record(&mut self, run_json: &[u8]) -> Result<(), Error> {
        let sha256 = hexadecimal(&Sha256::digest(run_json));
        self.session.change(|state| {
            if let Some(output) = &mut state.output {
                output.run_json_sha256 = Some(sha256);
            }
        })
    }

    fn save_written(&mut self, bytes: u64, forms: &[WrittenRecord]) -> Result<(), Error> {
        self.session.change(|state| {
            if let Some(output) = &mut state.output {
                (output.written, output.partial, output.bytes) = (true, None, Some(bytes));
                output.forms = forms.to_vec();
            }
        })
    }
}
