//! Measures the perplexity of the dense and of the pruned model.

use crate::{
    config::Settings,
    engine::{
        evaluate::check_window,
        evaluation::{Evaluation, Measurement},
    },
    protocol::{Event, job},
};

use super::{Context, Error, Work, Workspace};

impl Work for job::MeasurePerplexity {
    fn work(self, workspace: &mut Workspace<'_>, context: &mut Context) -> Result<Event, Error> {
        let checkpoint = workspace.checkpoint;
        check_window("seq-len", &self.evaluation, checkpoint)?;
        let evaluation =
            Evaluation::new(&self.evaluation, workspace.settings.machine).ok_or(Error::NoEvalText)?;
        evaluation.warn(&workspace.settings.calibration.texts, context);
        let (device, dtype) = workspace.forward(&evaluation.machine)?;
        let settings = Settings { evaluation: self.evaluation.clone(), ..workspace.settings.clone() };
        let of_guard = Evaluation::of_guard(&settings);
        let guard = workspace.open_guard(&settings, of_guard.as_ref(), (&device, dtype), context)?;
        let base = workspace.base.as_deref();
        let mut measurement = Measurement::new(&evaluation, (&device, dtype), checkpoint, base, context)?;
        // The first text is measured last, so its perplexity is the newest one.
        if let Some(mut guard) = guard {
            workspace.measure_both(&mut guard, context)?;
        }
        workspace.measure_both(&mut measurement, context)?;
        Ok(Event::JobDone)
    }
}
