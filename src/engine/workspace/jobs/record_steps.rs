//! Records pictures of the elimination steps of one part, with the active attempts in the layers above.

use std::ops::ControlFlow;

use crate::{
    pipeline::Notice,
    protocol::{Event, Method, job},
    prune::{Part, Progress},
};

use super::{Announce, Context, Error, Work, Workspace, plan_by, retry::task};

impl Work for job::RecordSteps {
    fn work(self, workspace: &mut Workspace<'_>, context: &mut Context) -> Result<Event, Error> {
        let Self { layer, part, method } = self;
        let own = method.of_part(part).ok_or(Error::NoPart { layer })?;
        let ratio = method.ratio.with(part, own.ratio);
        let method = Method { ratio, parts: vec![part], solver: own.solver, overrides: Vec::new() };
        let size = workspace.checkpoint.architecture().layers.get(layer).copied();
        let size = size.ok_or(Error::NoPart { layer })?;
        let (plan, settings) = plan_by(&size, &method, &workspace.settings()?)?;
        let (device, dtype) = workspace.forward(&settings.machine)?;
        let calibration = workspace.calibration(&settings, Announce::WhenDrawn, context)?;
        let pass = workspace.pass(&settings, &calibration, (&device, dtype));
        let streams = workspace.layer_inputs(layer, &pass, context)?;
        let mut known = workspace.cached_moments(layer, &settings);
        let earlier = workspace.active_parts(layer)?;
        let attention = task(Part::Attention, None, &method, earlier.as_ref());
        let mut observer = |notice: Notice<'_>| record(notice, context);
        let steps = pass.steps((layer, part), &plan, attention, streams, known.as_mut(), &mut observer);
        workspace.cache_moments(layer, known, &settings);
        steps?;
        Ok(Event::JobDone)
    }
}

/// Emits the pictures of the landmarks of the path. The layer has its results already, so nothing else of the path is
/// reported.
fn record(notice: Notice<'_>, context: &mut Context) -> ControlFlow<()> {
    let Notice::Solving { layer, part, progress } = notice else { return context.handle(notice) };
    match progress {
        Progress::Removed { step, look, .. } if look.is_landmark() => {
            if let Some(picture) = look.picture() {
                context.emit(Event::StepPictured { layer, part, step, picture: Box::new(picture) });
            }
        }
        Progress::Removed { .. }
        | Progress::DampingRaised { .. }
        | Progress::PrecisionRaised { .. }
        | Progress::Statistics { .. }
        | Progress::Swapped { .. } => {}
    }
    context.checkpoint()
}
