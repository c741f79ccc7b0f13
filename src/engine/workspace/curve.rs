//! The error curve of one part, behind the layers above as they are active.

use crate::{
    protocol::{CurvePoint, Event, Method},
    prune::Part,
};

use super::{Context, Error, Telling, Workspace, by_method::plan_by, retry::task};

impl Workspace<'_> {
    pub(super) fn curve(
        &mut self,
        layer: usize,
        part: Part,
        method: Method,
        context: &mut Context,
    ) -> Result<Event, Error> {
        let (units, points) = self.trace((layer, part), method, context)?;
        context.emit(Event::ErrorCurve { layer, part, units, points });
        Ok(Event::JobDone)
    }

    /// Units before pruning, and the points of the curve.
    pub(super) fn trace(
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
        let calibration = self.calibration(&settings, Telling::WhenDrawn, context)?;
        let pass = self.pass(&settings, &calibration, (&device, dtype));
        let streams = self.approach(layer, &pass, context)?;

        let mut known = self.cached_moments(layer, &settings);
        let earlier = self.in_force_parts(layer)?;
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
