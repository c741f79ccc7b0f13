//! Messages between the engine and its frontends, and the records in them.

mod attempt;
mod command;
mod event;
pub mod job;
mod record;
mod recording;
mod replay;
mod search;
mod session;
mod shape;

pub use crate::prune::{
    HessianStats, LayerRecord, MomentPicture, PartRecord, Ratio, Refined, Scheduled, Span,
    channels_to_remove, ratios, units_to_remove,
};
pub use attempt::{Attempt, Counts, Method, MethodChange, PartOverride, mean_ratio};
pub use command::{Command, Control, Pace};
pub use event::{
    CurvePoint, Event, LayerPart, MeasuredToken, PlannedLayer, Side, Stage, Stamped, TokenPrediction,
};
pub use job::{Job, JobKind, Methods, OnCancel, Prompt};
pub use record::{
    CalibrationRecord, DrawnText, ModelRecord, PerplexityRecord, RoundingCost, RunRecord, Seconds, SwapGain,
    TunedLayer, Verified, WeightedTokens, WrittenRecord, WrittenText,
};
pub use recording::RecordingHeader;
pub use replay::{ReplayIndex, ReplayMark, ReplayNews, Seek};
pub use search::{LossPoint, SearchRecord, SensitivityCurve, TriedRatios};
#[cfg(test)]
pub use session::RemovedFrom;
pub use session::{
    AttemptSummary, Draft, Label, LayerSummary, PartSummary, RemovedUnits, Restored, RestoredAttempt,
    RestoredLayer, RestoredPerplexity, SessionContent, SessionStatus, SessionSummary, Statistics,
};
pub use shape::{LayerShape, ModelShape};
