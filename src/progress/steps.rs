//! The steps of a job, with their work and the fraction that is done.

use crate::{protocol::Stage, prune::Part};

use super::rates::{Kind, Rates};

/// A step of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Reading,
    /// Writes calibration windows.
    Writing,
    /// Weighs the calibration tokens.
    Weighing,
    Texts,
    Replay,
    /// Passes the windows through the dense model, to predict costs.
    PredictForward,
    /// Follows the paths of all parts from the last layer to the first, to predict costs.
    Predict,
    Sensitivity,
    Trials,
    Measure(usize, Part),
    Solve(usize, Part),
    Propagate(usize, Part),
    Evaluate {
        pruned: bool,
    },
    Load,
    Export,
    Verify,
    Curve,
    /// Compares the dense and the pruned stream.
    Streams,
    Fingerprint,
    Download,
}

impl Step {
    pub fn of_stage(stage: &Stage) -> Self {
        match *stage {
            Stage::Download { .. } => Self::Download,
            Stage::ReplayLayers { .. } => Self::Replay,
            Stage::EliminationPath { .. } => Self::Curve,
            Stage::Fingerprint => Self::Fingerprint,
            Stage::PredictCosts { .. } => Self::Predict,
            Stage::Sensitivity { .. } => Self::Sensitivity,
            Stage::TryRatios => Self::Trials,
            Stage::Export => Self::Export,
            Stage::Verify => Self::Verify,
            Stage::LoadModel => Self::Load,
            Stage::ReadText => Self::Reading,
            Stage::WeighTokens => Self::Weighing,
            Stage::WriteText => Self::Writing,
            Stage::Tokenise => Self::Texts,
            Stage::CompareStreams | Stage::CompareAttempts { .. } => Self::Streams,
            Stage::Refine { layer, part } => Self::Solve(layer, part),
            Stage::Calibrate { layer, part } => Self::Measure(layer, part),
            Stage::Propagate { layer, part } => Self::Propagate(layer, part),
            Stage::Evaluate { pruned } => Self::Evaluate { pruned },
        }
    }

    pub fn kind(self) -> Kind {
        match self {
            Self::Reading
            | Self::Writing
            | Self::Weighing
            | Self::Texts
            | Self::Fingerprint
            | Self::Download => Kind::Texts,
            Self::Replay | Self::Streams | Self::PredictForward => Kind::Replay,
            Self::Predict => Kind::Predict,
            Self::Sensitivity => Kind::Sensitivity,
            Self::Trials => Kind::Trials,
            Self::Measure(_, part) => Kind::Measure(part),
            Self::Solve(_, part) => Kind::Solve(part),
            Self::Curve => Kind::Solve(Part::Mlp),
            Self::Propagate(_, part) => Kind::Propagate(part),
            Self::Evaluate { .. } => Kind::Evaluate,
            Self::Load | Self::Export | Self::Verify => Kind::Blocks,
        }
    }
}

/// A step with its work.
#[derive(Clone, Debug, PartialEq)]
struct Planned {
    step: Step,
    work: f64,
    /// From 0 to 1; never falls.
    done: f64,
}

/// The steps of a job.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Steps(Vec<Planned>);

impl Steps {
    /// Sets the work of a step, and adds the step if it is new.
    pub fn plan(&mut self, step: Step, work: f64) {
        match self.0.iter_mut().find(|planned| planned.step == step) {
            Some(planned) => planned.work = work,
            None => self.0.push(Planned { step, work, done: 0.0 }),
        }
    }

    pub fn has(&self, step: Step) -> bool {
        self.0.iter().any(|planned| planned.step == step)
    }

    /// Removes the steps of a part that is copied from another attempt.
    pub fn remove_part(&mut self, layer: usize, part: Part) {
        let removed = [Step::Measure(layer, part), Step::Solve(layer, part)];
        self.0.retain(|planned| !removed.contains(&planned.step));
    }

    /// Sets the fraction of a step that is done. Returns the work done since the last time. Measured work of a step that
    /// started again is not counted twice.
    pub fn advance(&mut self, step: Step, done: f64) -> f64 {
        let Some(planned) = self.0.iter_mut().find(|planned| planned.step == step) else { return 0.0 };
        let before = planned.done;
        planned.done = before.max(done.clamp(0.0, 1.0));
        (planned.done - before) * planned.work
    }

    /// The work of all steps of a kind.
    pub fn work_of(&self, kind: Kind) -> f64 {
        self.0.iter().filter(|planned| planned.step.kind() == kind).map(|planned| planned.work).sum()
    }

    /// Seconds that the remaining work takes.
    pub fn left(&self, rates: &Rates) -> f64 {
        let left = |planned: &Planned| {
            (1.0 - planned.done) * planned.work * rates.seconds_per_work(planned.step.kind())
        };
        self.0.iter().map(left).sum()
    }
}
