//! Commands that a frontend sends to the engine.

use std::path::PathBuf;

use super::{Draft, Job, Label, Seek};
use crate::prune::LayerRatio;

/// One message from a frontend to the engine.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Queues a job. Its events carry the number `run`.
    Start { run: u64, pace: Pace, job: Job },
    /// Controls the job `run`. The engine ignores it while another job is running, except that `Cancel` also
    /// removes a queued job. A replay accepts any number.
    Control { run: u64, control: Control },
    /// Activates attempts: each pair is a layer and the number of its attempt, or `None` if the layer becomes
    /// dense again. Takes effect after the jobs queued before it.
    Activate(Vec<(usize, Option<usize>)>),
    /// Saves the draft in the session at once, even while a job is running. Ignored without a session.
    SaveDraft { draft: Box<Draft> },
    /// Names the open session and sets its note. Takes effect after the jobs queued before it.
    Label(Label),
    /// Closes the model and opens a session, after the jobs queued before it. The engine answers with
    /// `ModelOpened` and `SessionRestored`. If the session cannot be opened, it answers with a `Warning` and
    /// keeps the open model.
    Reopen { session: PathBuf },
    /// Speed of a replay in recorded seconds per second. The engine ignores it.
    ReplaySpeed(f64),
    /// Moves a replay. The engine ignores it.
    ReplaySeek(Seek),
}

/// A request to a job.
#[derive(Clone, Debug, PartialEq)]
pub enum Control {
    Pause,
    /// Continues a paused job. A stepwise job halts again after the next batch.
    Resume,
    /// Continues until one more batch is removed, then halts, at any pace. A replay continues to the next
    /// removal.
    Step,
    /// Changes the pace. [`Pace::Free`] continues a job that halted after a batch; a job that was paused
    /// remains paused.
    SetPace(Pace),
    /// Ends the job within one step and discards the layer in progress. A queued job is removed from the queue.
    Cancel,
    /// Leaves out the perplexity of the dense model. Ignored by a job that does not measure it.
    SkipDense,
    /// New ratios, indexed by layer, for the layers that the run has not started yet.
    Replan(Vec<LayerRatio>),
}

/// Whether a job halts after each batch of removed units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pace {
    #[default]
    Free,
    Stepwise,
}

impl Command {
    /// Queues a job that does not halt.
    pub fn start(run: u64, job: impl Into<Job>) -> Self {
        Self::Start { run, pace: Pace::Free, job: job.into() }
    }

    /// Activates one attempt, or makes the layer dense again.
    pub fn activate(layer: usize, attempt: Option<usize>) -> Self {
        Self::Activate(vec![(layer, attempt)])
    }

    /// Controls the job `run`.
    pub fn control(run: u64, control: Control) -> Self {
        Self::Control { run, control }
    }
}
