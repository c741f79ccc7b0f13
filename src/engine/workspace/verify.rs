//! The check after writing: what was written is read back, and its logits are held against the pruned model in memory.

use candle_core::DType;

use crate::{
    calibration::Windows,
    eval::{Difference, difference},
    export::{Format, GgufModel, GgufType, OutputDir, OutputForm, WrittenForm},
    model::{BlockByBlock, Checkpoint, Precision, Source},
    protocol::{Stage, Verified, WrittenRecord},
};

use super::{Control, Error, Workspace};

/// Calibration windows that are compared on, and tokens of each at most.
const WINDOWS: usize = 2;
const TOKENS: usize = 64;
/// The room that rounding in another order takes, as a share of the logits' spread.
const SAME_NUMBERS: f64 = 1e-3;

impl Workspace<'_> {
    /// Reads every form back. A form that is further from the model in memory than its numbers explain is an error: nothing
    /// has its name yet.
    pub(super) fn verify(
        &mut self,
        forms: &[WrittenForm],
        (form, windows): (&OutputForm, &Windows),
        out: &OutputDir,
        control: &mut Control,
    ) -> Result<Vec<WrittenRecord>, Error> {
        let mut records = Vec::with_capacity(forms.len());
        for written in forms {
            let WrittenForm { format, loaded_as, remote_code, file: _ } = written.clone();
            let (weights, rounding) = self.stored_as(form, format)?;
            let verified = match form.verify {
                true => Some(self.read_back(written, windows, out, control)?),
                false => None,
            };
            let verified = verified.map(|(found, tokens)| Verified {
                largest_difference: found.largest,
                tolerance: rounding * found.spread,
                spread: found.spread,
                tokens,
            });
            if let Some(Verified { largest_difference: largest, tolerance, .. }) = verified
                && (largest.is_nan() || largest > tolerance)
            {
                return Err(Error::NotAsMeant { format, largest, tolerance });
            }
            records.push(WrittenRecord { format, weights, loaded_as, remote_code, verified });
        }
        Ok(records)
    }

    /// The difference, and the tokens that it was taken on.
    fn read_back(
        &mut self,
        written: &WrittenForm,
        windows: &Windows,
        out: &OutputDir,
        control: &mut Control,
    ) -> Result<(Difference, usize), Error> {
        let (device, _) = self.forward(&self.settings.machine.clone())?;
        let read: Box<dyn BlockByBlock> = match &written.file {
            Some(file) => Box::new(GgufModel::open(&out.path().join(file))?),
            None => Box::new(Checkpoint::open(Source::directory(out.path()))?),
        };
        // A GGUF file of a model with a sliding window reaches as far as the window.
        let length = windows.seq_len().min(TOKENS).min(read.architecture().max_positions);
        let windows: Vec<&[u32]> = windows.iter().take(WINDOWS).map(|window| &window[..length]).collect();
        let active = self.active();
        let meant = self.cut_model(&active);
        let mut progress = |done, total| control.progress(Stage::Verify, done, total);
        let found = difference([&meant, read.as_ref()], &windows, (&device, DType::F32), &mut progress)?;
        Ok((found, windows.len() * length))
    }

    /// How a form stores its weights, and how far that may move a logit, as a share of their spread.
    fn stored_as(&self, form: &OutputForm, format: Format) -> Result<(String, f64), Error> {
        let own = self.checkpoint.storage_dtype("model.embed_tokens.weight")?;
        let (weights, rounding) = match (format, form.export_dtype) {
            (Format::Gguf, _) => (form.gguf_type.to_string(), of_gguf(form.gguf_type)),
            (Format::Hf | Format::Padded, None) => (own.as_str().to_string(), SAME_NUMBERS),
            (Format::Hf | Format::Padded, Some(Precision::F32)) => ("f32".to_string(), SAME_NUMBERS),
            (Format::Hf | Format::Padded, Some(Precision::F16)) => ("f16".to_string(), 0.1),
            (Format::Hf | Format::Padded, Some(Precision::BF16)) => ("bf16".to_string(), 0.5),
        };
        Ok((weights, rounding))
    }
}

/// Measured on small models, where rounding weighs most, and doubled at least.
fn of_gguf(kind: GgufType) -> f64 {
    match kind {
        GgufType::F32 => SAME_NUMBERS,
        GgufType::F16 => 0.1,
        GgufType::Q8_0 => 0.5,
        GgufType::Q4K => 3.0,
    }
}
