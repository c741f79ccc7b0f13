//! What the engine and its faces say to each other.

mod attempt;
mod command;
mod event;
mod record;
mod search;
mod session;
mod shape;

pub use crate::prune::{
    HessianStats, LayerRecord, MomentPicture, PartRecord, Ratio, Refined, Scheduled, Span,
    channels_to_remove, ratios, units_to_remove,
};
pub use attempt::{Attempt, Method, PartOverride};
pub use command::{Command, Methods, Pace, Prompt};
pub use event::{CurvePoint, Event, PlannedLayer, Side, Stage, Stamped};
pub use record::{
    CalibrationRecord, ModelRecord, PerplexityRecord, RoundingCost, RunRecord, Seconds, SwapGain, TunedLayer,
    Verified, WrittenRecord,
};
pub use search::{LossPoint, SearchRecord, SensitivityCurve, TriedRatios};
pub use session::{
    AttemptSummary, Draft, LayerSummary, PartSummary, Restored, RestoredAttempt, RestoredLayer,
    RestoredPerplexity, SessionContent, SessionStatus, SessionSummary, Statistics,
};
pub use shape::{LayerShape, ModelShape};
