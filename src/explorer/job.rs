//! What the engine works on, or has worked on.

use crate::{protocol::Stage, prune::Part};

#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// The number that its events carry.
    pub run: u64,
    pub kind: JobKind,
    pub status: JobStatus,
    /// Seconds since it began, as of its newest event.
    pub at: f64,
    /// What it is doing: the stage, how much of it is done, of how much.
    pub stage: Option<(Stage, u64, u64)>,
    /// Layers that it has finished.
    pub layers_done: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobKind {
    /// Prunes the layers from `from` to the last.
    Run {
        from: usize,
    },
    Retry {
        layer: usize,
    },
    Curve {
        layer: usize,
        part: Part,
    },
    /// Looks for ratios.
    Search,
    Measure,
    Write,
    Export,
}

#[derive(Clone, Debug, PartialEq)]
pub enum JobStatus {
    /// Asked for; another is at work.
    Waiting,
    Working,
    Paused,
    /// Asked to end.
    Cancelling,
    Ended(Outcome),
}

#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    Done,
    Cancelled,
    /// Why.
    Failed(String),
}

impl Job {
    pub fn new(run: u64, kind: JobKind) -> Self {
        Self { run, kind, status: JobStatus::Waiting, at: 0.0, stage: None, layers_done: 0 }
    }

    pub fn is_over(&self) -> bool {
        matches!(self.status, JobStatus::Ended(_))
    }

    /// True where it can be paused and goes in steps.
    pub fn is_pruning(&self) -> bool {
        matches!(self.kind, JobKind::Run { .. } | JobKind::Retry { .. })
    }
}

impl JobKind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Run { .. } => "pruning",
            Self::Retry { .. } => "retry",
            Self::Curve { .. } => "error curve",
            Self::Search => "ratio search",
            Self::Measure => "perplexity",
            Self::Write => "writing",
            Self::Export => "export",
        }
    }
}
