//! Jobs of the engine: waiting, running or ended.

use std::collections::VecDeque;

pub use crate::protocol::JobKind;
use crate::protocol::{Method, OnCancel, Pace, Stage};

/// The jobs of the engine, and how they run.
#[derive(Clone, Debug, PartialEq)]
pub struct Jobs {
    /// The running job, followed by the waiting ones.
    pub queue: VecDeque<Job>,
    /// The job that ended most recently.
    pub last: Option<Job>,
    /// Number of the next job.
    pub next_run: u64,
    /// Number of pruning runs started.
    pub runs: u64,
    /// True if the last run did not end normally.
    pub broken_off: bool,
    pub pace: Pace,
    /// True while a replay is paused.
    pub replay_paused: bool,
}

impl Jobs {
    pub fn new(pace: Pace) -> Self {
        let (queue, last) = (VecDeque::new(), None);
        Self { queue, last, next_run: 1, runs: 0, broken_off: false, pace, replay_paused: false }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// The run number carried by its events.
    pub run: u64,
    pub kind: JobKind,
    /// The first layer that a run prunes; 0 for other jobs.
    pub from: usize,
    pub status: JobStatus,
    /// Seconds since it began, from its newest event.
    pub at: f64,
    /// The current stage, the amount done, and the total.
    pub stage: Option<(Stage, u64, u64)>,
    /// Number of layers it has finished.
    pub layers_done: usize,
    /// What was active when a run was started; None for other jobs.
    pub before: Option<Before>,
    /// The layer and the method of a retry; None for other jobs.
    pub retry: Option<(usize, Method)>,
    /// Who requested it.
    pub asked: Asked,
    /// Whether it measures perplexity. A run does so if its settings name a text.
    pub evaluates: bool,
}

/// Who requested a job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Asked {
    #[default]
    User,
    /// The explorer, in idle time. Any other job ends it.
    Idle,
}

/// The state of the model when a run is started.
#[derive(Clone, Debug, PartialEq)]
pub struct Before {
    /// Numbers of the active attempts, indexed by layer.
    pub active: Vec<Option<usize>>,
    /// As in [`Jobs`].
    pub broken_off: bool,
    pub on_cancel: OnCancel,
}

#[derive(Clone, Debug, PartialEq)]
pub enum JobStatus {
    /// Queued behind another job.
    Waiting,
    Working,
    Paused,
    /// A cancel was sent; the job ends within one removal step.
    Cancelling,
    Ended(Outcome),
}

#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    Done,
    Cancelled,
    /// The job failed, for this reason.
    Failed(String),
}

impl Job {
    pub fn new(run: u64, kind: JobKind) -> Self {
        Self {
            run,
            kind,
            from: 0,
            status: JobStatus::Waiting,
            at: 0.0,
            stage: None,
            layers_done: 0,
            before: None,
            asked: Asked::User,
            retry: None,
            evaluates: kind.measures_perplexity(),
        }
    }

    pub fn is_over(&self) -> bool {
        matches!(self.status, JobStatus::Ended(_))
    }

    /// True for jobs that can be paused and stepped.
    pub fn is_pruning(&self) -> bool {
        self.kind.is_pruning()
    }
}
