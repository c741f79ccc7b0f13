//! Computes the error curve of one part, with the active attempts in the layers above.

use crate::{
    protocol::{CurvePoint, Event, Method, job},
    prune::Part,
};

use super::{Announce, Context, Error, Work, Workspace, plan_by, retry::task};

impl Work for job::ErrorCurve {
    fn work(self, workspace: &mut Workspace<'_>, context: &mut Context) -> Result<Event, Error> {
        let Self { layer, part, method } = self;
        let (units, points) = workspace.error_curve((layer, part), method, context)?;
        context.emit(Event::ErrorCurve { layer, part, units, points });
        Ok(Event::JobDone)
    }
}

impl Workspace<'_> {
    /// Computes the curve. Returns the number of units before pruning and the points.
    pub fn error_curve(
        &mut self,
        (layer, part): (usize, Part),
        method: Method,
        context: &mut Context,
    ) -> Result<(usize, Vec<CurvePoint>), Error> {
        self.attempts.check_layer(layer)?;
        let size = self.checkpoint.architecture().layers[layer];
        let method = Method { parts: vec![part], ..method };
        let (plan, settings) = plan_by(&size, &method, &self.settings()?)?;
        let (device, dtype) = self.forward(&settings.machine)?;
        let calibration = self.calibration(&settings, Announce::WhenDrawn, context)?;
        let pass = self.pass(&settings, &calibration, (&device, dtype));
        let streams = self.layer_inputs(layer, &pass, context)?;

        let mut known = self.cached_moments(layer, &settings);
        let earlier = self.active_parts(layer)?;
        let attention = task(Part::Attention, None, &method, earlier.as_ref());
        let curve =
            pass.error_curve((layer, part), &plan, attention, streams, known.as_mut(), &mut |notice| {
                context.handle(notice)
            });
        self.cache_moments(layer, known, &settings);
        let curve = curve?;
        let points = curve.points.into_iter();
        let points = points.map(|(removed, relative_error)| CurvePoint { removed, relative_error }).collect();
        Ok((curve.units, points))
    }
}
