//! Verifies an export: reads it back and compares its logits with those of the pruned model in memory.

use candle_core::DType;

use crate::{
    calibration::Windows,
    eval::{Difference, difference},
    export::{OutputDir, OutputForm, WrittenForm},
    protocol::{Stage, Verified, WrittenRecord},
};

use super::{Context, Error, Workspace};

/// Maximum number of calibration windows to compare, and of tokens per window.
const WINDOWS: usize = 2;
const TOKENS: usize = 64;

impl Workspace<'_> {
    /// Reads every format back before the output is published. A difference from the model in memory above
    /// the format's tolerance is an error.
    pub fn verify(
        &mut self,
        forms: &[WrittenForm],
        (form, windows): (&OutputForm, &Windows),
        out: &OutputDir,
        context: &mut Context,
    ) -> Result<Vec<WrittenRecord>, Error> {
        let mut records = Vec::with_capacity(forms.len());
        for written in forms {
            let WrittenForm { format, loaded_as, remote_code, weights, tolerance, file: _ } = written.clone();
            let verified = match form.verify {
                true => Some(self.read_back(written, windows, out, context)?),
                false => None,
            };
            let verified = verified.map(|(found, tokens)| Verified {
                largest_difference: found.largest,
                tolerance: tolerance * found.spread,
                spread: found.spread,
                tokens,
            });
            if let Some(Verified { largest_difference: largest, tolerance, .. }) = verified
                && (largest.is_nan() || largest > tolerance)
            {
                return Err(Error::VerificationFailed { format, largest, tolerance });
            }
            records.push(WrittenRecord { format, weights, loaded_as, remote_code, verified });
        }
        Ok(records)
    }

    /// The difference, and the number of compared tokens.
    fn read_back(
        &mut self,
        written: &WrittenForm,
        windows: &Windows,
        out: &OutputDir,
        context: &mut Context,
    ) -> Result<(Difference, usize), Error> {
        let (device, _) = self.forward(&self.settings.machine.clone())?;
        let read = written.format.exporter().reopen(out.path(), written)?;
        // The context length of a GGUF file is the sliding window, if the model has one.
        let length = windows.seq_len().min(TOKENS).min(read.architecture().max_positions);
        let windows: Vec<&[u32]> = windows.iter().take(WINDOWS).map(|window| &window[..length]).collect();
        let active = self.active();
        let meant = self.cut_model(&active);
        let mut progress = |done, total| context.progress(Stage::Verify, done, total);
        let budget = self.settings.machine.memory_budget.0;
        let found =
            difference([&meant, read.as_ref()], &windows, (&device, DType::F32), budget, &mut progress)?;
        Ok((found, windows.len() * length))
    }
}
