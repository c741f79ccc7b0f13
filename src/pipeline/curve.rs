//! The error curve of one part: its error at every ratio.

use crate::prune::{self, Part, Progress, Target, Units};

use super::{
    Error, LayerPlan, MomentCache, Notice, Pass, Streams, Task,
    measure::{Wanted, failed},
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
        mut streams: Streams,
        mut known: Option<&mut MomentCache>,
        observer: &mut Observer<'_>,
    ) -> Result<ErrorCurve, Error> {
        // The dense-stream target does not affect the errors of the path.
        streams.dense = None;
        let mut opened = self.open(layer)?;
        let remove = match part {
            Part::Attention => plan.attention,
            Part::Mlp => plan.mlp,
        };
        if let (Part::Mlp, Task::Reuse { cut, .. }) = (part, attention) {
            opened.cut.copy_part(Part::Attention, cut);
        }
        let size = opened.size;
        let (count, width, picked) =
            units(part, &size, self.checkpoint.architecture().head_dim, self.settings);
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
        let problem = self.problem(part, &opened, picked, (remove.unwrap_or_default(), None))?;
        let stay = match picked {
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
}
