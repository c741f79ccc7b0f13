//! Events that the engine emits: one stream for the explorer, the progress bars and recordings.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{
    Attempt, DrawnText, JobKind, Method, ModelRecord, ModelShape, PerplexityRecord, Restored, RunRecord,
    SearchRecord, SensitivityCurve, TriedRatios, WeightedTokens, WrittenText,
};
use crate::{
    config::Settings,
    failure::Advice,
    prune::{
        AttentionUnit, HessianStats, LayerRatio, LayerRecord, MomentPicture, Part, PartRecord, StepPicture,
        StreamErrors,
    },
};

/// An event with its job and its time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stamped {
    /// Number of the job; 0 before the first one. Frontends drop events of ended jobs.
    pub run: u64,
    /// Seconds since the job began, excluding halts.
    pub at: f64,
    pub event: Event,
}

/// The events of the engine. In JSON an event is `{"NAME": {FIELDS}}`, or `"NAME"` if it has no fields.
/// Aliases are the names in recordings of format 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(
    clippy::large_enum_variant,
    reason = "events are few and short-lived; boxes would only hide their fields"
)]
pub enum Event {
    /// Progress of a long stage. Only the latest one counts; any may be dropped.
    Progress {
        stage: Stage,
        /// Amount done, in the unit of the stage.
        done: u64,
        total: u64,
    },
    /// A model was opened.
    #[serde(alias = "opened")]
    ModelOpened { model: ModelRecord, shape: ModelShape },
    /// A session was opened: its content. Follows [`Event::ModelOpened`].
    #[serde(alias = "restored")]
    SessionRestored { session: Box<Restored> },
    /// The directory of the session in which everything is recorded from now on. Belongs to no job.
    #[serde(alias = "session")]
    SessionOpened { path: PathBuf },
    /// A job began. The event carries the job's number.
    JobStarted { kind: JobKind },
    /// A run has checked its settings and fixed its ratios.
    RunStarted {
        /// The first layer that it prunes.
        #[serde(default)]
        from: usize,
        model: ModelRecord,
        settings: Box<Settings>,
        /// Plan of the layers, indexed by layer.
        plan: Vec<PlannedLayer>,
    },
    /// The calibration windows were drawn.
    #[serde(alias = "calibrated")]
    CalibrationReady {
        /// Names of the calibration texts.
        files: Vec<String>,
        /// Number of windows.
        samples: usize,
        /// Tokens per window.
        seq_len: usize,
        /// Tokens encoded to draw the windows: all, or those of the drawn documents of a large text.
        text_tokens: usize,
        /// Seed of the random draw.
        #[serde(default)]
        seed: u64,
        /// The BOS token that starts every window.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bos: Option<u32>,
        /// The windows that the model wrote.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        written: Option<WrittenText>,
        /// The token weights; None if all tokens count alike.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        weights: Option<WeightedTokens>,
        /// Large texts, of which documents were drawn.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        drawn: Vec<DrawnText>,
    },
    /// The evaluation text is tokenised. It is measured during or after the run.
    EvaluationReady {
        /// Name of the text.
        text: String,
        /// Number of windows.
        windows: usize,
        /// Tokens per window.
        seq_len: usize,
        /// Whether the dense model is measured; false if its perplexity is known.
        dense: bool,
        /// Whether the pruned model is compared with the dense one.
        #[serde(default)]
        divergence: bool,
    },
    /// A solve of a layer began.
    LayerStarted {
        layer: usize,
        /// Number of the new attempt.
        attempt: usize,
        method: Method,
    },
    /// The second moment G of a part's inputs is inverted; no unit is removed yet.
    #[serde(alias = "hessian")]
    HessianStatistics {
        layer: usize,
        part: Part,
        stats: HessianStats,
        picture: MomentPicture,
        /// Score of each unit before the first removal.
        scores: Vec<f32>,
        /// Output energy E‖y‖² = tr(W G Wᵀ) per token; relative errors are divided by it. None for a large weight
        /// until its part is solved.
        energy: Option<f64>,
    },
    /// The damped second moment could not be factored. The part starts again with more damping; its removals
    /// so far are void.
    DampingRaised {
        layer: usize,
        part: Part,
        /// Damping before and after, as fractions of the mean diagonal of G.
        from: f64,
        to: f64,
        /// Reason for the failed factorisation.
        reason: String,
    },
    /// The second moment could not be factored in f32. The part starts again in f64; its removals so far are
    /// void.
    PrecisionRaised {
        layer: usize,
        part: Part,
        /// Reason for the failed factorisation.
        reason: String,
    },
    /// One batch of units was removed.
    #[serde(alias = "removed")]
    UnitsRemoved {
        layer: usize,
        part: Part,
        /// Number of the batch, from 0.
        step: usize,
        /// Indices in the original layer.
        units: Vec<usize>,
        /// Increase in E‖Δy‖² per token.
        error: f64,
    },
    /// A picture of the batch that was removed last. Only recorded in step mode and by the job that records steps.
    StepPictured {
        layer: usize,
        part: Part,
        /// Number of the batch, from 0. Batch 0 begins the path.
        step: usize,
        picture: Box<StepPicture>,
    },
    /// A part of a layer is solved.
    PartDone { layer: usize, part: Part, record: PartRecord },
    /// A part of a layer could not be solved.
    PartFailed { layer: usize, part: Part, cause: String },
    /// Both parts of a layer are solved.
    LayerDone { record: LayerRecord, attempt: Attempt },
    /// The pruned and the dense stream were compared behind both parts of a layer: after its solve, or without solving
    /// it.
    OutputErrorMeasured {
        layer: usize,
        /// The attempt whose weights the pruned stream passed; None for a dense layer.
        attempt: Option<usize>,
        /// A part, at or above this layer, that was dense in this pass although its attempt prunes it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        dense_part: Option<LayerPart>,
        errors: StreamErrors,
    },
    /// The pruned and the dense stream were compared behind both parts of a layer, with another attempt of an earlier layer
    /// or of this one.
    AttemptCompared {
        /// The layer of the attempt.
        layer: usize,
        attempt: usize,
        /// Number of windows.
        windows: usize,
        /// The layer that the streams have passed.
        behind: usize,
        errors: StreamErrors,
    },
    /// An attempt was activated, or none is active and the layer is dense again. Belongs to no job: it
    /// carries the number of the job before it, or 0, and is always valid.
    #[serde(alias = "chosen")]
    AttemptActivated { layer: usize, attempt: Option<usize> },
    /// Error of one part at every ratio.
    #[serde(alias = "curve")]
    ErrorCurve {
        layer: usize,
        part: Part,
        /// Units before pruning.
        units: usize,
        /// Points in ascending order, from no removed unit to the maximum.
        points: Vec<CurvePoint>,
    },
    /// A ratio search has predicted or measured the cost of a part.
    #[serde(alias = "sensitivity")]
    SensitivityMeasured { curve: SensitivityCurve },
    /// A ratio search has pruned the whole model with candidate ratios.
    #[serde(alias = "tried")]
    RatiosTried {
        tried: TriedRatios,
        /// True if it is the best candidate so far.
        best: bool,
    },
    /// A ratio search has ended.
    #[serde(alias = "found")]
    RatiosFound { record: Box<SearchRecord> },
    /// Perplexity of the dense model, and of the pruned model once it is measured.
    #[serde(alias = "measured")]
    PerplexityMeasured { record: PerplexityRecord },
    /// Something the user should know; the job continues.
    Warning { message: String },
    /// The next characters of a generated text.
    #[serde(alias = "piece")]
    GeneratedText { side: Side, text: String },
    /// A generated text is complete.
    #[serde(alias = "wrote")]
    GenerationFinished {
        side: Side,
        /// Generated tokens.
        tokens: usize,
        seconds: f64,
    },
    /// Both models' predictions of each token of a generated text.
    TokensMeasured {
        /// The model that generated the text.
        side: Side,
        tokens: Vec<MeasuredToken>,
    },
    /// The job halts, on request or after a batch. Its clock stops.
    Paused,
    /// The job continues.
    Resumed,
    /// An export is complete and has its final name.
    #[serde(alias = "written")]
    ExportWritten {
        /// Its directory.
        path: PathBuf,
        /// Size of its files.
        bytes: u64,
    },
    /// A run ended.
    RunDone { record: Box<RunRecord> },
    /// A job other than a run ended.
    JobDone,
    /// A job was cancelled, or removed from the queue before it began.
    #[serde(alias = "run_cancelled")]
    JobCancelled,
    /// A job failed.
    #[serde(alias = "run_failed")]
    JobFailed {
        /// The place of the failure, the expected and the found value.
        message: String,
        /// Advice whose wording depends on the frontend.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        advice: Option<Advice>,
    },
}

/// One of the two models whose texts are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    Dense,
    Pruned,
}

/// A token of a generated text, as both models predict it from the tokens before it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MeasuredToken {
    /// Its text; empty while a character is split across several tokens.
    pub text: String,
    pub dense: TokenPrediction,
    pub pruned: TokenPrediction,
}

/// A model's prediction of one token.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TokenPrediction {
    /// −ln p of the token.
    pub loss: f64,
    /// The likeliest tokens in descending order: text and probability.
    pub likeliest: Vec<(String, f64)>,
}

impl MeasuredToken {
    /// The rise of its loss by pruning.
    pub fn rise(&self) -> f64 {
        self.pruned.loss - self.dense.loss
    }
}

/// A point of the error-versus-ratio curve.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CurvePoint {
    /// Units removed.
    pub removed: usize,
    /// Sum of the step errors so far, divided by E‖y‖².
    pub relative_error: f64,
}

/// One part of one layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerPart {
    pub layer: usize,
    pub part: Part,
}

/// The plan of a run for one layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlannedLayer {
    pub ratio: LayerRatio,
    /// Query heads, KV heads and FFN channels before pruning.
    pub heads: usize,
    pub kv_heads: usize,
    pub channels: usize,
    /// The unit of the attention; None in recordings of earlier versions.
    #[serde(default)]
    pub attention_unit: Option<AttentionUnit>,
    /// Units to remove from the part; None if the run does not prune it.
    pub attention_units: Option<usize>,
    pub mlp_units: Option<usize>,
}

/// A long stage of a job. Each stage states the unit that [`Event::Progress`] counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Downloads a file; bytes.
    Download { file: String },
    /// Passes the calibration windows through the layers above `layer` again; windows × blocks.
    #[serde(alias = "approach")]
    ReplayLayers { layer: usize },
    /// Continues an elimination path to its end; units removed.
    #[serde(alias = "path")]
    EliminationPath { layer: usize, part: Part },
    /// Fingerprints the files of the model to detect later changes; bytes.
    Fingerprint,
    /// Predicts the costs of all parts by a forward and a backward pass; steps, three in each layer.
    PredictCosts { layer: usize },
    /// Measures the sensitivity of a part of the dense model; prunings.
    Sensitivity { layer: usize, part: Part },
    /// Prunes whole models with candidate ratios; models.
    #[serde(alias = "candidates")]
    TryRatios,
    /// Passes the dense and the pruned stream through the active attempts; windows × blocks.
    CompareStreams,
    /// Passes the dense and the pruned stream through an attempt of a layer and the later layers; windows × blocks, over all
    /// compared attempts.
    CompareAttempts { layer: usize, attempt: usize },
    /// Writes the model; blocks.
    Export,
    /// Compares the written model with the one in memory; blocks.
    Verify,
    /// Loads the models that generate text; blocks.
    #[serde(alias = "load")]
    LoadModel,
    /// Reads a calibration text; bytes of the file.
    ReadText,
    /// Tokenises calibration or evaluation text; bytes.
    Tokenise,
    /// Weighs the calibration tokens: prunes a first model, or computes gradients; blocks.
    WeighTokens,
    /// Writes calibration windows with the dense model; tokens.
    WriteText,
    /// Swaps removed and kept units; swaps. Their number is unknown in advance, so the total is the number of
    /// removed units.
    Refine { layer: usize, part: Part },
    /// Measures the second moment of a part; windows.
    Calibrate { layer: usize, part: Part },
    /// Passes the calibration windows through a pruned part; windows.
    Propagate { layer: usize, part: Part },
    /// Measures perplexity of the dense (false) or of the pruned model; tokens.
    Evaluate { pruned: bool },
}
