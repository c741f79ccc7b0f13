//! Solves one layer again with another method. The new attempt is saved but not activated.

use crate::{
    pipeline::{BlockCut, LayerTask, Propagate, Removals, Task},
    protocol::{Attempt, Event, Method, PartRecord, job},
    prune::Part,
};

use super::{
    Announce, AttemptWriter, Context, Error, PartFiles, PartOrigin, Work, Workspace,
    compare_streams::emit_output_error, plan_by,
};

/// The active attempt of a layer. Its parts may be copied.
pub struct ActiveParts {
    attention: PartRecord,
    mlp: PartRecord,
    cut: BlockCut,
    files: PartFiles,
}

impl Work for job::Retry {
    fn work(self, workspace: &mut Workspace<'_>, context: &mut Context) -> Result<Event, Error> {
        let Self { layer, method } = self;
        workspace.retry(layer, method, context)?;
        Ok(Event::JobDone)
    }
}

impl Workspace<'_> {
    /// Solves a layer again. Returns the number of the new attempt, or of an earlier one that equals it.
    pub fn retry(&mut self, layer: usize, method: Method, context: &mut Context) -> Result<usize, Error> {
        let above = self.attempts.above(layer)?;
        if method.parts.is_empty() {
            return Err(Error::NoPart { layer });
        }
        let run_settings = self.settings()?;
        let size = self.checkpoint.architecture().layers[layer];
        let (plan, settings) = plan_by(&size, &method, &run_settings)?;
        let (device, dtype) = self.forward(&settings.machine)?;
        let calibration = self.calibration(&settings, Announce::WhenDrawn, context)?;
        let setup = self.save_setup(&run_settings, &calibration, context)?;
        let pass = self.pass(&settings, &calibration, (&device, dtype));
        let mut streams = self.layer_inputs(layer, &pass, context)?;

        let number = self.attempts.next_number(layer);
        context.emit(Event::LayerStarted { layer, attempt: number, method: method.clone() });
        let attempt = Attempt { number, above, method };
        let earlier = match (plan.attention, plan.mlp) {
            // No part is copied, so reading the active attempt is unnecessary.
            (Some(_), Some(_)) => None,
            (_, _) => self.active_parts(layer)?,
        };
        let mut known = self.cached_moments(layer, &settings);
        let task = LayerTask {
            layer,
            ratio: plan.ratio,
            unit: plan.unit,
            attention: task(Part::Attention, plan.attention, &attempt.method, earlier.as_ref()),
            mlp: task(Part::Mlp, plan.mlp, &attempt.method, earlier.as_ref()),
            propagate: Propagate::RecordOnly,
        };
        let origin = |part, removals: Option<Removals>| match (removals, &earlier) {
            (Some(_), _) | (None, None) => PartOrigin::Solved,
            (None, Some(earlier)) => PartOrigin::Copied(earlier.files.of(part)),
        };
        let origins = (origin(Part::Attention, plan.attention), origin(Part::Mlp, plan.mlp));
        let mut writer = AttemptWriter::new(self.session.get_mut(), (layer, &attempt, setup), origins);
        let solved =
            pass.layer(&task, &mut streams, known.as_mut(), &mut |notice| writer.handle(notice, context));
        let solved = writer.outcome(solved);
        self.reserve_numbers(layer);
        self.cache_moments(layer, known, &settings);
        let solved = solved?;

        let by = |origin| match origin {
            PartOrigin::Copied(attempt) => attempt,
            PartOrigin::Solved | PartOrigin::Saved => number,
        };
        if let Some((record, attempt)) = self.equal_attempt(&solved, &attempt, &run_settings) {
            self.drop_attempt(layer, number)?;
            let earlier = attempt.number;
            context.emit(Event::LayerDone { record, attempt });
            return Ok(earlier);
        }
        let files = PartFiles { attention: by(origins.0), mlp: by(origins.1) };
        let stream_errors = solved.stream_errors;
        self.save_attempt_end((layer, number), (solved.record.output_error, stream_errors), None)?;
        let record = self.add_attempt(solved, &attempt, files, &run_settings);
        context.emit(Event::LayerDone { record, attempt });
        emit_output_error((layer, Some(number)), None, stream_errors, context);
        Ok(number)
    }

    /// The active attempt of a layer; None if the layer is dense.
    pub fn active_parts(&self, layer: usize) -> Result<Option<ActiveParts>, Error> {
        let Some(solved) = self.attempts.active(layer) else { return Ok(None) };
        let (attention, mlp) = (solved.record.attention.clone(), solved.record.mlp.clone());
        Ok(Some(ActiveParts { attention, mlp, cut: self.active().cut_of(solved)?, files: solved.files }))
    }
}

/// Solves a part that has units to remove; copies any other part from the active attempt.
pub fn task<'e>(
    part: Part,
    removals: Option<Removals>,
    method: &Method,
    earlier: Option<&'e ActiveParts>,
) -> Task<'e> {
    match (removals, earlier) {
        (Some(removals), _) => Task::Solve { removals, solver: method.of_part(part).map(|part| part.solver) },
        (None, Some(earlier)) => {
            let record = match part {
                Part::Attention => &earlier.attention,
                Part::Mlp => &earlier.mlp,
            };
            Task::Reuse { record, cut: &earlier.cut }
        }
        (None, None) => Task::Keep,
    }
}
