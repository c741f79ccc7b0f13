//! The elimination path of one part without a solve: its error at every ratio, and the pictures of its steps.

use std::sync::Arc;

use crate::prune::{self, Part, Progress, Target, Units};

use super::{
    Error, LayerPlan, MomentCache, Notice, Pass, Removals, Streams, Task,
    layer::Layer,
    measure::{Measured, Wanted, failed},
    notice::Observer,
    plan::units,
    stream::with_values,
};

/// The error curve of one part.
pub struct ErrorCurve {
    /// Number of units before pruning.
    pub units: usize,
    /// (units removed, sum of the step errors over E‖y‖²), ascending.
    pub points: Vec<(usize, f64)>,
}

/// A part whose elimination path is followed without a solve.
struct Followed {
    opened: Layer,
    /// Number of units before pruning.
    count: usize,
    units: Units,
    measured: Arc<Measured>,
}

impl Pass<'_> {
    /// Follows the elimination path of a part to its end, through the count in `plan`. `streams` are at the
    /// input of the layer. For the FFN, `attention` gives the treatment of the attention before it.
    ///
    /// # Errors
    /// [`Error::NoPart`] if the layer lacks the part, and as for [`Pass::layer`].
    pub fn error_curve(
        &self,
        (layer, part): (usize, Part),
        plan: &LayerPlan,
        attention: Task,
        streams: Streams,
        known: Option<&mut MomentCache>,
        observer: &mut Observer<'_>,
    ) -> Result<ErrorCurve, Error> {
        let Followed { opened, count, units, measured } =
            self.follow((layer, part), plan, attention, streams, known, observer)?;
        let problem = self.problem(part, &opened, units, (removals(plan, part), None))?;
        let stay = match units {
            Units::Heads { per_group: Some(per_group), .. } => count / per_group,
            Units::Heads { per_group: None, .. } | Units::Channels { .. } => 1,
        };
        let total = (count - stay) as u64;
        let mut done = 0;
        let points = with_values(&problem.weight, |weight| {
            let posed = prune::PruneProblem { target: None, ..self.posed(weight, &problem, &measured) };
            prune::error_curve(&posed, &mut |progress| match progress {
                Progress::Removed { units, .. } => {
                    done += units.len() as u64;
                    observer(Notice::Following { layer, part, done, total })
                }
                Progress::Swapped { .. }
                | Progress::DampingRaised { .. }
                | Progress::PrecisionRaised { .. }
                | Progress::Statistics { .. } => {
                    done = 0;
                    observer(Notice::Solving { layer, part, progress })
                }
            })
        })?;
        let points = points.map_err(|cause| failed(layer, part, cause, observer))?;
        Ok(ErrorCurve { units: count, points })
    }

    /// Follows the elimination path of a part to the count in `plan`, for the pictures of its steps. The other
    /// arguments are those of [`Pass::error_curve`].
    ///
    /// # Errors
    /// As for [`Pass::error_curve`].
    pub fn steps(
        &self,
        (layer, part): (usize, Part),
        plan: &LayerPlan,
        attention: Task,
        streams: Streams,
        known: Option<&mut MomentCache>,
        observer: &mut Observer<'_>,
    ) -> Result<(), Error> {
        let Followed { opened, units, measured, .. } =
            self.follow((layer, part), plan, attention, streams, known, observer)?;
        let problem = self.problem(part, &opened, units, (removals(plan, part), None))?;
        let steps = with_values(&problem.weight, |weight| {
            let posed = prune::PruneProblem { target: None, ..self.posed(weight, &problem, &measured) };
            prune::steps(&posed, &mut |progress| observer(Notice::Solving { layer, part, progress }))
        })?;
        steps.map_err(|cause| failed(layer, part, cause, observer))
    }

    /// Measures a part to follow its path.
    fn follow(
        &self,
        (layer, part): (usize, Part),
        plan: &LayerPlan,
        attention: Task,
        mut streams: Streams,
        mut known: Option<&mut MomentCache>,
        observer: &mut Observer<'_>,
    ) -> Result<Followed, Error> {
        // The dense-stream target does not affect the errors of the path.
        streams.dense = None;
        let mut opened = self.open(layer, plan.unit)?;
        if let (Part::Mlp, Task::Reuse { cut, .. }) = (part, attention) {
            opened.cut.copy_part(Part::Attention, cut);
        }
        let size = opened.size;
        let (count, width, units) =
            units(part, &size, self.checkpoint.architecture().head_dim, plan.unit, self.settings);
        if count == 0 {
            return Err(Error::NoPart { layer, part });
        }
        let measured = match known.as_ref().and_then(|known| known.get(part, &opened.cut, Target::Layer)) {
            Some(measured) => measured,
            None => {
                match part {
                    Part::Attention => {}
                    Part::Mlp => {
                        self.part(Part::Attention, attention, &mut opened, &mut streams, None, observer)?;
                    }
                }
                let asked = (Wanted::Moments, count * width, false);
                let (measured, _) = self.measure(part, &opened.block, &mut streams, asked, observer)?;
                let measured = measured.expect("moments were requested");
                if let Some(known) = &mut known {
                    known.set(part, &opened.cut, measured.clone());
                }
                measured
            }
        };
        Ok(Followed { opened, count, units, measured })
    }
}

fn removals(plan: &LayerPlan, part: Part) -> Removals {
    match part {
        Part::Attention => plan.attention,
        Part::Mlp => plan.mlp,
    }
    .unwrap_or_default()
}
