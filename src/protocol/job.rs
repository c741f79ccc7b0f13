//! Jobs: the work that the engine does on the open model, one at a time.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{LayerPart, Method};
use crate::{
    config::{Evaluation, Settings},
    export::OutputForm,
    prune::{LayerRatio, Part},
};

/// Declares the jobs. Each is a struct in this module; `engine::workspace::jobs` implements it.
macro_rules! jobs {
    ($($job:ident => $name:literal,)+) => {
        /// A job with its parameters.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Job {
            $($job($job),)+
        }

        /// The type of a job.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum JobKind {
            $($job,)+
        }

        impl Job {
            pub fn kind(&self) -> JobKind {
                match self {
                    $(Self::$job(_) => JobKind::$job,)+
                }
            }
        }

        impl JobKind {
            /// Name in user interfaces.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$job => $name,)+
                }
            }
        }

        $(impl From<$job> for Job {
            fn from(job: $job) -> Self {
                Self::$job(job)
            }
        })+
    };
}

jobs! {
    Run => "pruning",
    Search => "ratio search",
    Retry => "retry",
    ErrorCurve => "error curve",
    CompareStreams => "stream comparison",
    CompareAttempts => "attempt comparison",
    RecordSteps => "step recording",
    MeasurePerplexity => "perplexity",
    Generate => "writing",
    Export => "export",
}

impl JobKind {
    /// True if the job prunes layers and therefore can be paused and stepped.
    pub fn is_pruning(self) -> bool {
        matches!(self, Self::Run | Self::Retry)
    }

    /// True if the job measures perplexity.
    pub fn measures_perplexity(self) -> bool {
        matches!(self, Self::Run | Self::MeasurePerplexity)
    }
}

/// Prunes the layers from `from` to the last. Each new attempt is activated at once.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    pub from: usize,
    /// Ratios, indexed by layer. Empty if the schedule is `auto` and the run first has to search for the
    /// ratios.
    pub ratios: Vec<LayerRatio>,
    pub settings: Box<Settings>,
    pub methods: Methods,
    pub on_cancel: OnCancel,
}

/// The active attempts after a run was cancelled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnCancel {
    /// Finished layers keep their new attempts.
    #[default]
    KeepFinished,
    /// The attempts that were active when the run began are active again, and the session has its earlier run.
    /// New attempts of finished layers remain, inactive.
    PutBack,
}

/// The methods for the layers of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Methods {
    /// All layers use the settings of the run.
    #[default]
    OfRun,
    /// Layers whose active attempt has its own method keep that method; the others use the settings of the
    /// run.
    AsTuned,
}

/// Searches for the ratios of `--schedule auto`. Prunes nothing; `RatiosFound` carries the result.
#[derive(Clone, Debug, PartialEq)]
pub struct Search {
    pub settings: Box<Settings>,
}

/// Solves one layer again. The new attempt is saved but not activated.
#[derive(Clone, Debug, PartialEq)]
pub struct Retry {
    pub layer: usize,
    pub method: Method,
}

/// Computes the error of one part at every ratio by continuing the elimination path to its end.
#[derive(Clone, Debug, PartialEq)]
pub struct ErrorCurve {
    pub layer: usize,
    pub part: Part,
    pub method: Method,
}

/// Measures the output error of every layer with the active attempts, without solving any layer.
#[derive(Clone, Debug, PartialEq)]
pub struct CompareStreams {
    /// A part that is dense in this pass. The pass then starts at its layer.
    pub dense_part: Option<LayerPart>,
}

/// Passes a few windows from a layer to the last one, once with each of these attempts. The other layers have their active
/// attempts. Changes nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct CompareAttempts {
    pub layer: usize,
    /// Numbers of attempts of the layer.
    pub attempts: Vec<usize>,
    /// Maximum number of calibration windows.
    pub windows: usize,
}

/// Follows the elimination path of one part again and records pictures of its steps. Changes nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordSteps {
    pub layer: usize,
    pub part: Part,
    pub method: Method,
}

/// Measures the perplexity of the dense and of the pruned model.
#[derive(Clone, Debug, PartialEq)]
pub struct MeasurePerplexity {
    pub evaluation: Evaluation,
}

/// Generates text with the dense and the pruned model from one prompt.
#[derive(Clone, Debug, PartialEq)]
pub struct Generate {
    pub prompt: Prompt,
}

/// The text to continue, and how tokens are sampled.
#[derive(Clone, Debug, PartialEq)]
pub struct Prompt {
    pub text: String,
    pub max_tokens: usize,
    /// 0 always selects the most likely token.
    pub temperature: f64,
    pub seed: u64,
}

/// Writes the pruned model.
#[derive(Clone, Debug, PartialEq)]
pub struct Export {
    pub form: OutputForm,
    pub out: PathBuf,
    /// Whether to replace an earlier export.
    pub force: bool,
}
