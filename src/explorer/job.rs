//! A job of the engine: waiting, running or ended.

pub use crate::protocol::JobKind;
use crate::protocol::Stage;

#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// Number that its events carry.
    pub run: u64,
    pub kind: JobKind,
    /// The first layer that a run prunes; 0 for other jobs.
    pub from: usize,
    pub status: JobStatus,
    /// Seconds since it began, by its newest event.
    pub at: f64,
    /// The current stage, and how much of it is done, out of the total.
    pub stage: Option<(Stage, u64, u64)>,
    /// Number of layers that it has finished.
    pub layers_done: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub enum JobStatus {
    /// Queued behind another job.
    Waiting,
    Working,
    Paused,
    /// A cancel was sent; the job ends within one step.
    Cancelling,
    Ended(Outcome),
}

#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    Done,
    Cancelled,
    /// With the reason.
    Failed(String),
}

impl Job {
    pub fn new(run: u64, kind: JobKind) -> Self {
        Self { run, kind, from: 0, status: JobStatus::Waiting, at: 0.0, stage: None, layers_done: 0 }
    }

    pub fn is_over(&self) -> bool {
        matches!(self.status, JobStatus::Ended(_))
    }

    /// True if it can be paused and stepped.
    pub fn is_pruning(&self) -> bool {
        self.kind.is_pruning()
    }
}
