//! What the engine and its faces say to each other.

mod event;
mod record;

pub use crate::prune::{HessianStats, LayerRecord, PartRecord};
pub use event::{Event, PlannedLayer, Stage, Stamped};
pub use record::{CalibrationRecord, ModelRecord, PerplexityRecord, RunRecord, Seconds};

/// What the engine obeys while it works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    Pause,
    Resume,
    /// Ends the run within one step; nothing of it is left on disk.
    Cancel,
}
