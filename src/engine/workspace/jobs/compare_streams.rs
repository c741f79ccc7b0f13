//! Measures the output error of every layer without solving any: both streams pass through the active attempts.

use crate::{
    config::Tracking,
    pipeline::{BlockCut, Notice, Pass, Streams},
    protocol::{Event, LayerPart, Stage, job},
    prune::{Part, StreamErrors},
};

use super::{Announce, Context, Error, Work, Workspace};

impl Work for job::CompareStreams {
    fn work(self, workspace: &mut Workspace<'_>, context: &mut Context) -> Result<Event, Error> {
        workspace.compare_streams(self.dense_part, context)?;
        Ok(Event::JobDone)
    }
}

impl Workspace<'_> {
    /// Passes both streams through the active attempts and emits their differences. With `dense_part`, this part is dense
    /// instead, and the pass starts at its layer.
    pub fn compare_streams(
        &mut self,
        dense_part: Option<LayerPart>,
        context: &mut Context,
    ) -> Result<(), Error> {
        let from = dense_part.map_or(0, |dense| dense.layer);
        self.attempts.check_layer(from)?;
        let mut settings = self.settings()?;
        settings.evaluation.track_errors = Tracking::On;
        let (device, dtype) = self.forward(&settings.machine)?;
        let calibration = self.calibration(&settings, Announce::WhenDrawn, context)?;
        let pass = self.pass(&settings, &calibration, (&device, dtype));
        let mut streams = self.layer_inputs(from, &pass, context)?;
        let layers = self.checkpoint.architecture().layers.len();
        let samples = pass.windows.samples() as u64;
        let total = (layers - from) as u64 * samples;
        for layer in from..layers {
            let cut = self.active().cut(layer)?;
            let cut = match dense_part.filter(|dense| dense.layer == layer) {
                Some(dense) => cut.map(|cut| without(&cut, dense)),
                None => cut,
            };
            let count = ((layer - from) as u64 * samples, total);
            let (errors, relative) = compared_through(
                &pass,
                (layer, cut.as_ref()),
                &mut streams,
                (&Stage::CompareStreams, count),
                context,
            )?;
            let attempt = self.attempts.numbers()[layer];
            if let (Some(number), None) = (attempt, dense_part) {
                self.save_output_error((layer, number), relative, &errors)?;
            }
            emit_output_error((layer, attempt), dense_part, Some(errors), context);
        }
        Ok(())
    }

    fn save_output_error(
        &mut self,
        (layer, number): (usize, usize),
        relative: f64,
        errors: &StreamErrors,
    ) -> Result<(), Error> {
        let output_error = Some(relative).filter(|error| error.is_finite());
        self.attempts.set_output_error(layer, number, output_error);
        let stream_errors = Some(*errors).filter(StreamErrors::is_finite);
        self.session.change(|state| {
            let entry = &mut state.layers[layer];
            if let Some(attempt) = entry.attempts.iter_mut().find(|entry| entry.attempt.number == number) {
                (attempt.output_error, attempt.stream_errors) = (output_error, stream_errors);
            }
        })
    }
}

/// Passes both streams through a layer and compares them behind both parts. Also returns E‖h − h_dense‖² / E‖h_dense‖² of
/// the output. Its progress follows `before` of `total` window passes.
pub fn compared_through(
    pass: &Pass<'_>,
    (layer, cut): (usize, Option<&BlockCut>),
    streams: &mut Streams,
    (stage, (before, total)): (&Stage, (u64, u64)),
    context: &mut Context,
) -> Result<(StreamErrors, f64), Error> {
    let compared = pass.compared_through(layer, cut, streams, &mut |notice| match notice {
        Notice::Passing { done, .. } => context.progress(stage.clone(), before + done, total),
        Notice::Following { .. }
        | Notice::Calibrating { .. }
        | Notice::Solving { .. }
        | Notice::PartDone { .. }
        | Notice::PartFailed { .. }
        | Notice::Propagating { .. } => context.handle(notice),
    })?;
    Ok(compared)
}

/// Emits a comparison, if there is one. JSON has no NaN and no infinity, so a comparison with one is not emitted.
pub fn emit_output_error(
    (layer, attempt): (usize, Option<usize>),
    dense_part: Option<LayerPart>,
    errors: Option<StreamErrors>,
    context: &mut Context,
) {
    if let Some(errors) = errors.filter(StreamErrors::is_finite) {
        context.emit(Event::OutputErrorMeasured { layer, attempt, dense_part, errors });
    }
}

/// The cut with one part dense.
fn without(cut: &BlockCut, dense: LayerPart) -> BlockCut {
    let mut kept = BlockCut::new(dense.layer);
    let other = match dense.part {
        Part::Attention => Part::Mlp,
        Part::Mlp => Part::Attention,
    };
    kept.copy_part(other, cut);
    kept
}
