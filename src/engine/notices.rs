//! Converts the notices of a pass to events.

use std::ops::ControlFlow;

use crate::{
    pipeline::Notice,
    protocol::{Event, Stage},
    prune::Progress,
};

use super::Context;

impl Context {
    /// Emits the event of a notice and applies commands. A stepwise job halts after each batch of removed
    /// units.
    pub(super) fn handle(&mut self, notice: Notice<'_>) -> ControlFlow<()> {
        let event = match notice {
            // The caller, which passes the streams through several layers, reports the progress.
            Notice::Passing { .. } => return self.checkpoint(),
            Notice::Following { layer, part, done, total } => {
                return self.progress(Stage::EliminationPath { layer, part }, done, total);
            }
            Notice::Calibrating { layer, part, done, total } => {
                return self.progress(Stage::Calibrate { layer, part }, done, total);
            }
            Notice::Propagating { layer, part, done, total } => {
                return self.progress(Stage::Propagate { layer, part }, done, total);
            }
            Notice::Solving { layer, part, progress } => match progress {
                Progress::Statistics { stats, picture, scores, energy } => {
                    let scores = scores.iter().map(|&score| score as f32).collect();
                    Event::HessianStatistics { layer, part, stats: *stats, picture, scores, energy }
                }
                Progress::Swapped { swaps, removed, error: _ } => {
                    return self.progress(Stage::Refine { layer, part }, swaps as u64, removed as u64);
                }
                Progress::DampingRaised { from, to, reason } => {
                    Event::DampingRaised { layer, part, from, to, reason }
                }
                Progress::PrecisionRaised { reason } => Event::PrecisionRaised { layer, part, reason },
                Progress::Removed { step, units, error, group_size: _, look } => {
                    self.emit(Event::UnitsRemoved { layer, part, step, units: units.to_vec(), error });
                    if self.halts_next()
                        && let Some(picture) = look.picture()
                    {
                        self.emit(Event::StepPictured { layer, part, step, picture: Box::new(picture) });
                    }
                    return self.batch_removed();
                }
            },
            Notice::PartDone { layer, part, record, cut: _ } => {
                Event::PartDone { layer, part, record: record.clone() }
            }
            Notice::PartFailed { layer, part, cause } => {
                Event::PartFailed { layer, part, cause: cause.to_string() }
            }
        };
        self.emit(event);
        self.checkpoint()
    }
}
