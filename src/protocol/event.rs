//! What the engine tells: one stream for the screen, the progress bars and the recorded file.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{ModelRecord, PerplexityRecord, RunRecord};
use crate::{
    config::{Part, Settings},
    prune::{HessianStats, LayerRecord, PartRecord},
};

/// An event with its run and its time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stamped {
    /// Told apart so that events of an older run can be dropped.
    pub run: u64,
    /// Seconds since the run began.
    pub at: f64,
    #[serde(flatten)]
    pub event: Event,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
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
    /// Settings are checked, the model is open, the ratios are fixed.
    RunStarted {
        model: ModelRecord,
        settings: Box<Settings>,
        plan: Vec<PlannedLayer>,
    },
    Calibrated {
        files: Vec<String>,
        samples: usize,
        seq_len: usize,
        text_tokens: usize,
    },
    LayerStarted {
        layer: usize,
    },
    /// The second moment is inverted; what the Hessian looks like.
    Hessian {
        layer: usize,
        part: Part,
        stats: HessianStats,
    },
    /// The damped second moment could not be factored.
    DampingRaised {
        layer: usize,
        part: Part,
        from: f64,
        to: f64,
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
    },
    /// Perplexity of the dense model, or of the pruned one as written.
    Measured {
        record: PerplexityRecord,
    },
    Warning {
        message: String,
    },
    Paused,
    Resumed,
    Written {
        path: PathBuf,
        bytes: u64,
    },
    RunDone {
        record: Box<RunRecord>,
    },
    RunCancelled,
    RunFailed {
        message: String,
    },
}

/// A layer as it is planned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlannedLayer {
    pub ratio: f64,
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
    /// Bytes of calibration or evaluation text.
    Tokenise,
    /// Calibration windows through one part.
    Calibrate { layer: usize, part: Part },
    /// Calibration windows through the pruned part, towards the next.
    Propagate { layer: usize, part: Part },
    /// Window-blocks of the model before (false) or after pruning.
    Evaluate { pruned: bool },
}
