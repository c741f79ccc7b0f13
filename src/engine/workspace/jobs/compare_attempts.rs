//! Compares attempts of a layer by their output errors behind the last layer, on a few windows.

use crate::{
    config::Tracking,
    protocol::{Event, Stage, job},
    prune::StreamErrors,
};

use super::{Announce, Context, Error, Work, Workspace, compare_streams::compared_through};

impl Work for job::CompareAttempts {
    fn work(self, workspace: &mut Workspace<'_>, context: &mut Context) -> Result<Event, Error> {
        let Self { layer, attempts, windows } = self;
        workspace.compare_attempts(layer, &attempts, windows, context)?;
        Ok(Event::JobDone)
    }
}

impl Workspace<'_> {
    /// Passes both streams from `layer` to the last layer, once with each attempt, and emits their differences behind every
    /// layer. The other layers have their active attempts, or are dense.
    pub fn compare_attempts(
        &mut self,
        layer: usize,
        attempts: &[usize],
        windows: usize,
        context: &mut Context,
    ) -> Result<(), Error> {
        self.attempts.check_layer(layer)?;
        for &number in attempts {
            self.attempts.check(layer, Some(number))?;
        }
        let mut settings = self.settings()?;
        settings.evaluation.track_errors = Tracking::On;
        let (device, dtype) = self.forward(&settings.machine)?;
        let calibration = self.calibration(&settings, Announce::WhenDrawn, context)?;
        let pass = self.pass(&settings, &calibration, (&device, dtype));
        let inputs = self.first_layer_inputs(layer, windows, &pass, context)?;
        let layers = self.checkpoint.architecture().layers.len();
        let windows = inputs.windows();
        let of_attempt = (layers - layer) as u64 * windows as u64;
        let total = of_attempt * attempts.len() as u64;
        for (at, &attempt) in (0..).zip(attempts) {
            let stage = Stage::CompareAttempts { layer, attempt };
            let mut streams = inputs.clone();
            for behind in layer..layers {
                let own = self.attempts.get(layer, attempt).filter(|_| behind == layer);
                let cut = match own {
                    Some(solved) => Some(self.active().cut_of(solved)?),
                    None => self.active().cut(behind)?,
                };
                let before = at * of_attempt + (behind - layer) as u64 * windows as u64;
                let through = (behind, cut.as_ref());
                let (errors, _) =
                    compared_through(&pass, through, &mut streams, (&stage, (before, total)), context)?;
                // JSON has no NaN and no infinity.
                if StreamErrors::is_finite(&errors) {
                    context.emit(Event::AttemptCompared { layer, attempt, windows, behind, errors });
                }
            }
        }
        Ok(())
    }
}
