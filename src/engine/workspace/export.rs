//! Writing what the attempts active make.

use std::{
    fs,
    path::{Path, PathBuf, absolute},
};

use sha2::{Digest, Sha256};

use crate::{
    export::{self, Finished, OutputDir, OutputForm, Writer},
    pipeline::BlockCut,
    protocol::{Event, RunRecord, Stage, WrittenRecord},
    prune::Part,
    session::{Output, PartPlace, Session},
};

use super::{
    super::{
        describe::hexadecimal,
        publish::{directory, publish},
    },
    Context, Error, Telling, Workspace,
};

impl Workspace<'_> {
    pub(super) fn export(
        &mut self,
        form: &OutputForm,
        out: &Path,
        force: bool,
        context: &mut Context,
    ) -> Result<RunRecord, Error> {
        let began = context.seconds();
        let checkpoint = self.checkpoint;
        let settings = self.settings()?;
        let calibration = self.calibration(&settings, Telling::WhenDrawn, context)?;
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
        // The last step is what lies beside the blocks.
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

    /// Refuses where the attempt active of a layer could not be read: the layer would be written as it was before.
    fn check_files(&self) -> Result<(), Error> {
        let Some(session) = &self.session else { return Ok(()) };
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

    /// The records of stale layers are of another model than the one that is written.
    fn warn_of_stale_layers(&self, context: &mut Context) {
        let stale = |&layer: &usize| {
            let solved = self.attempts.active(layer);
            solved.is_some_and(|solved| self.attempts.is_behind_others(solved))
        };
        let stale: Vec<String> =
            (0..self.attempts.numbers().len()).filter(stale).map(|layer| layer.to_string()).collect();
        if !stale.is_empty() {
            let message = format!(
                "layers {} were solved behind other attempts than those active above them; they are written as they are, with the errors of then",
                stale.join(", ")
            );
            context.emit(Event::Warning { message });
        }
    }

    fn save_output(&mut self, output: Output) -> Result<(), Error> {
        let Some(session) = &mut self.session else { return Ok(()) };
        Ok(session.change(|state| state.output = Some(output))?)
    }

    /// What tells a published output from another one of its name.
    fn save_output_record(&mut self, run_json: &[u8]) -> Result<(), Error> {
        let sha256 = hexadecimal(&Sha256::digest(run_json));
        let Some(session) = &mut self.session else { return Ok(()) };
        Ok(session.change(|state| {
            if let Some(output) = &mut state.output {
                output.run_json_sha256 = Some(sha256);
            }
        })?)
    }

    fn save_written(&mut self, bytes: u64, forms: &[WrittenRecord]) -> Result<(), Error> {
        let Some(session) = &mut self.session else { return Ok(()) };
        Ok(session.change(|state| {
            if let Some(output) = &mut state.output {
                (output.written, output.partial, output.bytes) = (true, None, Some(bytes));
                output.forms = forms.to_vec();
            }
        })?)
    }
}

/// After a process that was killed: notices an output that was published all the same, and clears away what one was not.
pub fn tidy(session: &mut Session) -> Result<(), Error> {
    let Some(output) = session.state().output.clone().filter(|output| !output.written) else { return Ok(()) };
    let written = is_ours(&output);
    if let Some(partial) = &output.partial {
        export::clear_away(&output.path, partial);
    }
    Ok(session.change(|state| {
        if let Some(output) = &mut state.output {
            (output.written, output.partial) = (written, None);
        }
    })?)
}

/// True where a session's model, as these attempts make it, was written to this place and is still there.
pub fn is_written(session: Option<&Session>, path: &Path, numbers: &[Option<usize>]) -> bool {
    let output = session.and_then(|session| session.state().output.as_ref());
    output.is_some_and(|output| {
        let same = output.of.is_empty() || output.of == numbers;
        output.written && output.path == path && same && is_ours(output)
    })
}

/// True where this place has what the session wrote there last.
pub fn is_own_output(session: Option<&Session>, path: &Path) -> bool {
    let output = session.and_then(|session| session.state().output.as_ref());
    output.is_some_and(|output| output.written && output.path == path && is_ours(output))
}

/// True where what lies at the place has the record and the size of what was written there.
fn is_ours(output: &Output) -> bool {
    let run_json = fs::read(output.path.join("run.json")).ok();
    let sha256 = run_json.map(|json| hexadecimal(&Sha256::digest(json)));
    let sizes = fs::read_dir(&output.path).into_iter().flatten().flatten();
    let bytes: u64 = sizes.map(|entry| entry.metadata().map_or(0, |file| file.len())).sum();
    sha256.is_some() && sha256 == output.run_json_sha256 && output.bytes.is_none_or(|known| known == bytes)
}

/// An absolute path, for later processes.
pub fn for_later(path: &Path) -> Result<PathBuf, Error> {
    absolute(path).map_err(Error::CurrentDir)
}
