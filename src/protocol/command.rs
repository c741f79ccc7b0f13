//! What the engine obeys.

use std::path::PathBuf;

use super::{Draft, Method};
use crate::{
    calibration::TextSource,
    config::Settings,
    export::OutputForm,
    prune::{LayerRatio, Part},
};

/// The first group goes to the job of number `run` alone: to the one at work, and is dropped where another is. The second
/// begins a job; one that comes while another is at work waits for its end. Its `run` is the number that its events will
/// carry. A replay obeys the first group whatever the number.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    Pause {
        run: u64,
    },
    /// Goes on at the pace as it is: a stepwise job up to the next batch.
    Resume {
        run: u64,
    },
    /// Goes on until one more batch has left, then halts, whatever the pace. A replay goes on to the next removal.
    Step {
        run: u64,
    },
    /// Another pace from now on. A job that halts after a batch goes on where it may go freely; one that was paused stays
    /// so.
    Pace {
        run: u64,
        pace: Pace,
    },
    /// EmbeddingAndHead the job within one step; of the layer in work nothing stays. A job that still waits never begins.
    Cancel {
        run: u64,
    },
    /// New ratios, one a layer; layers already begun keep theirs.
    Replan {
        run: u64,
        ratios: Vec<LayerRatio>,
    },

    /// Prunes the layers from `from` to the last, each a new attempt that is active at once.
    Run {
        run: u64,
        from: usize,
        /// One a layer; none where the settings' schedule is `auto` and they are to be searched for first.
        ratios: Vec<LayerRatio>,
        settings: Box<Settings>,
        methods: Methods,
        pace: Pace,
    },
    /// Looks for ratios as `--schedule auto` does; `Found` tells them, and nothing is pruned.
    Search {
        run: u64,
        settings: Box<Settings>,
    },
    /// Solves one layer again; the new attempt lies beside the earlier ones.
    Retry {
        run: u64,
        layer: usize,
        method: Method,
        pace: Pace,
    },
    /// Puts an attempt active, or none: the layer is then dense again. No job, but it waits for those before it.
    Choose {
        layer: usize,
        attempt: Option<usize>,
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
        form: OutputForm,
        out: PathBuf,
        /// Replaces an earlier export.
        force: bool,
    },
    /// Keeps what is planned with the session, at once and whatever is at work. Without a session it is dropped.
    SaveDraft {
        draft: Box<Draft>,
    },
    /// Closes what is open and opens a session again: `Opened` and `Restored` follow, or a `Warning` where it cannot be
    /// opened and all stays as it was. Waits for the jobs before it.
    Reopen {
        session: PathBuf,
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

/// How the layers of a run are solved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Methods {
    /// As its settings say.
    #[default]
    OfRun,
    /// So too, but for layers whose attempt active was made by a method of its own: that is kept.
    AsTuned,
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
