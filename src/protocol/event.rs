//! What the engine tells: one stream for the screen, the progress bars and the recorded file.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{
    Attempt, Method, ModelRecord, ModelShape, PerplexityRecord, Restored, RunRecord, SearchRecord,
    SensitivityCurve, TriedRatios,
};
use crate::{
    config::Settings,
    prune::{HessianStats, LayerRatio, LayerRecord, MomentPicture, Part, PartRecord},
};

/// An event with its run and its time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stamped {
    /// Told apart so that events of an older run can be dropped.
    pub run: u64,
    /// Seconds since the run began, without those in which it was halted.
    pub at: f64,
    pub event: Event,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(
    clippy::large_enum_variant,
    reason = "events are few and short-lived; boxes would only hide their fields"
)]
pub enum Event {
    /// Long work without steps of its own: how far it is. Latest wins; any of these may be dropped.
    Progress {
        stage: Stage,
        done: u64,
        total: u64,
    },
    /// The model is open.
    Opened {
        model: ModelRecord,
        shape: ModelShape,
    },
    /// A session was opened again: what it holds, after [`Event::Opened`].
    Restored {
        session: Box<Restored>,
    },
    /// The directory in which all is recorded from now on. Belongs to no job.
    Session {
        path: PathBuf,
    },
    /// Settings are checked, the ratios are fixed.
    RunStarted {
        /// The first layer that it prunes.
        #[serde(default)]
        from: usize,
        model: ModelRecord,
        settings: Box<Settings>,
        plan: Vec<PlannedLayer>,
    },
    Calibrated {
        files: Vec<String>,
        samples: usize,
        seq_len: usize,
        text_tokens: usize,
        #[serde(default)]
        seed: u64,
    },
    LayerStarted {
        layer: usize,
        /// Number of the attempt that begins.
        attempt: usize,
        method: Method,
    },
    /// The second moment is inverted: what it looks like, and the score of every unit before anything leaves.
    Hessian {
        layer: usize,
        part: Part,
        stats: HessianStats,
        picture: MomentPicture,
        scores: Vec<f32>,
        /// E‖y‖² = tr(W G Wᵀ), what relative errors are told against.
        energy: f64,
    },
    /// The damped second moment could not be factored, at once or after some batches: the part begins again, and all that
    /// was told of its removals in this attempt is void.
    DampingRaised {
        layer: usize,
        part: Part,
        from: f64,
        to: f64,
        reason: String,
    },
    /// The second moment could not be factored in f32: the part begins again in f64, as with a raised damping.
    PrecisionRaised {
        layer: usize,
        part: Part,
        reason: String,
    },
    /// One batch left together. `error` is the exact rise of E‖Δy‖² per token.
    Removed {
        layer: usize,
        part: Part,
        step: usize,
        units: Vec<usize>,
        error: f64,
    },
    PartDone {
        layer: usize,
        part: Part,
        record: PartRecord,
    },
    PartFailed {
        layer: usize,
        part: Part,
        cause: String,
    },
    LayerDone {
        record: LayerRecord,
        attempt: Attempt,
    },
    /// An attempt was put active, or none (the layer is dense again). Belongs to no job: it carries the number of the one
    /// before it, or 0, and holds at any time.
    Chosen {
        layer: usize,
        attempt: Option<usize>,
    },
    /// What removing more or less would have cost: ascending, from nothing to all units but those that must stay.
    Curve {
        layer: usize,
        part: Part,
        /// Units before pruning.
        units: usize,
        points: Vec<CurvePoint>,
    },
    /// A search for ratios has measured a part.
    Sensitivity {
        curve: SensitivityCurve,
    },
    /// It has pruned a whole model, the best so far or not.
    Tried {
        tried: TriedRatios,
        best: bool,
    },
    /// It has come to its end.
    Found {
        record: Box<SearchRecord>,
    },
    /// Perplexity of the dense model, or of the pruned one as written.
    Measured {
        record: PerplexityRecord,
    },
    Warning {
        message: String,
    },
    /// A bit of text, as it is made.
    Piece {
        side: Side,
        text: String,
    },
    /// A text is at its end.
    Wrote {
        side: Side,
        tokens: usize,
        seconds: f64,
    },
    /// The job halts, since it was asked to or since a batch has left; its clock stands still.
    Paused,
    Resumed,
    Written {
        path: PathBuf,
        bytes: u64,
    },
    RunDone {
        record: Box<RunRecord>,
    },
    /// A job that is not a run is at its end.
    JobDone,
    /// The run, or another job, was cancelled, perhaps before it began.
    RunCancelled,
    /// The run, or another job, failed.
    RunFailed {
        message: String,
    },
}

/// One of the two models that are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    Dense,
    Pruned,
}

/// A point of the error-versus-ratio curve.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CurvePoint {
    pub removed: usize,
    /// Sum of the step errors so far over E‖y‖².
    pub relative_error: f64,
}

/// A layer as it is planned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlannedLayer {
    pub ratio: LayerRatio,
    pub heads: usize,
    pub kv_heads: usize,
    pub channels: usize,
    /// Units that will leave; None where the run leaves the part as it is.
    pub attention_units: Option<usize>,
    pub mlp_units: Option<usize>,
}

/// What a progress event counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Bytes of one file.
    Download { file: String },
    /// Window-blocks: calibration windows that pass the layers above again, towards the one that is to be worked on.
    Approach { layer: usize },
    /// Units that have left on the way to the end of the elimination path.
    Path { layer: usize, part: Part },
    /// Bytes of the model that are fingerprinted, so that a change is noticed later.
    Fingerprint,
    /// Prunings of one part each, in the dense model.
    Sensitivity { layer: usize, part: Part },
    /// Whole models pruned on the way to the ratios.
    Candidates,
    /// Tensors written.
    Export,
    /// Blocks of the written model, read back, and of the one in memory.
    Verify,
    /// Blocks loaded, to write text with.
    Load,
    /// Bytes of calibration or evaluation text.
    Tokenise,
    /// Swaps of removed and kept units so far; how many there will be nobody knows, so it is told against the units that left.
    Refine { layer: usize, part: Part },
    /// Calibration windows through one part.
    Calibrate { layer: usize, part: Part },
    /// Calibration windows through the pruned part, towards the next.
    Propagate { layer: usize, part: Part },
    /// Window-blocks of the model before (false) or after pruning.
    Evaluate { pruned: bool },
}
