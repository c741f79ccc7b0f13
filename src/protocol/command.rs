//! What the engine obeys.

use std::path::PathBuf;

use super::Method;
use crate::config::{Format, Part, Settings, TextSource};

/// The first group goes to the job at work, the second begins a job; one that comes while another is at work
/// waits for its end. `run` is the number that the job's events will carry.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    Pause,
    Resume,
    /// Goes on until one more batch has left, then pauses.
    Step,
    /// Ends the job within one step; of the layer in work nothing stays.
    Cancel,
    /// New ratios, one a layer; layers already begun keep theirs.
    Replan {
        ratios: Vec<f64>,
    },

    /// Prunes the layers from `from` to the last, each a new attempt that is in force at once.
    Run {
        run: u64,
        from: usize,
        ratios: Vec<f64>,
        settings: Box<Settings>,
        pace: Pace,
    },
    /// Solves one layer again; the new attempt lies beside the earlier ones.
    Retry {
        run: u64,
        layer: usize,
        method: Method,
        pace: Pace,
    },
    /// Puts an attempt in force. At once, no job.
    Choose {
        layer: usize,
        attempt: usize,
    },
    /// The error of every ratio of one part, by the elimination path continued to its end.
    Curve {
        run: u64,
        layer: usize,
        part: Part,
        method: Method,
    },
    /// Perplexity before and after pruning.
    Measure {
        run: u64,
        text: TextSource,
        seq_len: usize,
        bos: bool,
    },
    /// Text of both models from one prompt.
    Write {
        run: u64,
        prompt: Prompt,
    },
    Export {
        run: u64,
        format: Format,
        out: PathBuf,
        /// Replaces an earlier export.
        force: bool,
    },
    /// How fast a replay goes: recorded seconds a second. Of no effect on an engine.
    Speed(f64),
}

/// Whether a job halts after each removal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pace {
    #[default]
    Free,
    Stepwise,
}

/// What both models go on from.
#[derive(Clone, Debug, PartialEq)]
pub struct Prompt {
    pub text: String,
    pub max_tokens: usize,
    /// 0 always takes the likeliest token.
    pub temperature: f64,
    pub seed: u64,
}
