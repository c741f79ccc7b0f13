//! What the engine and its faces say to each other.

mod attempt;
mod command;
mod event;
mod record;
mod session;
mod shape;

pub use crate::prune::{
    HessianStats, LayerRecord, MomentPicture, PartRecord, Ratio, Scheduled, Span, channels_to_remove, ratios,
    units_to_remove,
};
pub use attempt::{Apart, Attempt, Method};
pub use command::{Command, Methods, Pace, Prompt};
pub use event::{CurvePoint, Event, PlannedLayer, Side, Stage, Stamped};
pub use record::{
    CalibrationRecord, ModelRecord, PerplexityRecord, RoundingCost, RunRecord, Seconds, TunedLayer, Verified,
    WrittenRecord,
};
pub use session::{
    AttemptSummary, Desk, LayerSummary, PartSummary, Restored, RestoredAttempt, RestoredLayer,
    RestoredPerplexity, SessionContent, SessionSummary, Standing, Statistics,
};
pub use shape::{LayerShape, ModelShape};
