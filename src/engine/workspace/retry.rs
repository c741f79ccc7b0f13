//! One layer again, with a method of its own; the new attempt lies beside the earlier ones.

use crate::{
    pipeline::{BlockCut, LayerTask, Propagate, Removals, Task},
    protocol::{Attempt, Event, Method, PartRecord},
    prune::Part,
};

use super::{
    Context, Error, Telling, Workspace,
    attempts::MadeBy,
    by_method::plan_by,
    watch::{Origin, Watch},
};

/// What is taken over of the attempt active.
pub struct InForceParts {
    attention: PartRecord,
    mlp: PartRecord,
    cut: BlockCut,
    made_by: MadeBy,
}

impl Workspace<'_> {
    /// Returns the number of the new attempt.
    pub(super) fn retry(
        &mut self,
        layer: usize,
        method: Method,
        context: &mut Context,
    ) -> Result<usize, Error> {
        let above = self.attempts.above(layer)?;
        if method.parts.is_empty() {
            return Err(Error::NoPart { layer });
        }
        let run_settings = self.settings()?;
        let size = self.checkpoint.architecture().layers[layer];
        let (plan, settings) = plan_by(&size, &method, &run_settings)?;
        let (device, dtype) = self.forward(&settings.machine)?;
        let calibration = self.calibration(&settings, Telling::WhenDrawn, context)?;
        let setup = self.save_setup(&run_settings, &calibration, context)?;
        let pass = self.pass(&settings, &calibration, (&device, dtype));
        let mut streams = self.approach(layer, &pass, context)?;

        let number = self.attempts.next_number(layer);
        context.emit(Event::LayerStarted { layer, attempt: number, method: method.clone() });
        let attempt = Attempt { number, above, method };
        let earlier = match (plan.attention, plan.mlp) {
            // Nothing is taken over, so nothing of it has to be read.
            (Some(_), Some(_)) => None,
            (_, _) => self.in_force_parts(layer)?,
        };
        let mut known = self.cached_moments(layer, &settings);
        let task = LayerTask {
            layer,
            ratio: plan.ratio,
            attention: task(Part::Attention, plan.attention, &attempt.method, earlier.as_ref()),
            mlp: task(Part::Mlp, plan.mlp, &attempt.method, earlier.as_ref()),
            propagate: Propagate::RecordOnly,
        };
        let origin = |part, removals: Option<Removals>| match (removals, &earlier) {
            (Some(_), _) | (None, None) => Origin::Solved,
            (None, Some(earlier)) => Origin::Earlier(earlier.made_by.of(part)),
        };
        let origins = (origin(Part::Attention, plan.attention), origin(Part::Mlp, plan.mlp));
        let mut watch = Watch::new(self.session.as_mut(), (layer, &attempt, setup), origins);
        let solved =
            pass.layer(&task, &mut streams, known.as_mut(), &mut |notice| watch.handle(notice, context));
        let solved = watch.outcome(solved);
        self.reserve_begun_numbers(layer);
        self.cache_moments(layer, known, &settings);
        let solved = solved?;

        let by = |origin| match origin {
            Origin::Earlier(attempt) => attempt,
            Origin::Solved | Origin::There => number,
        };
        let made_by = MadeBy { attention: by(origins.0), mlp: by(origins.1) };
        self.save_attempt_end((layer, number), solved.record.output_error, None)?;
        let record = self.add_attempt(solved, &attempt, made_by, &run_settings);
        context.emit(Event::LayerDone { record, attempt });
        Ok(number)
    }

    /// What is active of a layer; None where nothing is.
    pub(super) fn in_force_parts(&self, layer: usize) -> Result<Option<InForceParts>, Error> {
        let Some(solved) = self.attempts.active(layer) else { return Ok(None) };
        let (attention, mlp) = (solved.record.attention.clone(), solved.record.mlp.clone());
        Ok(Some(InForceParts { attention, mlp, cut: self.active().cut_of(solved)?, made_by: solved.made_by }))
    }
}

/// Solves a part that is to lose so many units; any other is as the attempt active has it.
pub fn task<'e>(
    part: Part,
    removals: Option<Removals>,
    method: &Method,
    earlier: Option<&'e InForceParts>,
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
