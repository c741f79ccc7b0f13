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
        workspace.measure_guard(&settings, (&device, dtype), context)?;
        let base = workspace.base.as_deref();
        let mut measurement = Measurement::new(&evaluation, (&device, dtype), checkpoint, base, context)?;
        workspace.measure_before(&mut measurement, context)?;
        workspace.measure_after(&mut measurement, context)?;
        Ok(Event::JobDone)
    }
}
