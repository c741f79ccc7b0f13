//! Measured speeds of the kinds of steps.

use crate::prune::Part;

/// A kind of step. Its steps take the same time per unit of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Reads and tokenises texts.
    Texts,
    Replay,
    Predict,
    Sensitivity,
    Trials,
    Measure(Part),
    Solve(Part),
    Propagate(Part),
    Evaluate,
    /// Files and blocks: loading, writing, reading back.
    Blocks,
}

impl Kind {
    /// Assumed work per second, in 10⁹ operations. Only the proportions matter once any kind is measured.
    fn assumed(self) -> f64 {
        match self {
            Self::Texts | Self::Blocks => 1.0,
            Self::Replay => 100.0,
            Self::Evaluate => 85.0,
            Self::Predict => 52.0,
            Self::Measure(Part::Attention) => 50.0,
            Self::Measure(Part::Mlp) => 76.0,
            Self::Propagate(_) => 150.0,
            Self::Solve(Part::Attention) => 5.0,
            Self::Solve(Part::Mlp) => 15.0,
            Self::Sensitivity | Self::Trials => 40.0,
        }
    }

    /// How much the first measurements are doubted, as a fraction of the horizon. Whole models differ much in the layers
    /// that they share, so the first ones say little.
    fn doubt(self) -> f64 {
        match self {
            Self::Trials => 1.0,
            Self::Texts
            | Self::Replay
            | Self::Predict
            | Self::Sensitivity
            | Self::Measure(_)
            | Self::Solve(_)
            | Self::Propagate(_)
            | Self::Evaluate
            | Self::Blocks => 0.0,
        }
    }

    /// True for computations, whose speeds on one machine are in proportion.
    fn computes(self) -> bool {
        !matches!(self, Self::Texts | Self::Blocks)
    }
}

/// Speeds of the kinds that were measured.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rates {
    measured: Vec<Rate>,
}

#[derive(Clone, Debug, PartialEq)]
struct Rate {
    kind: Kind,
    /// Work and seconds. Older ones count less.
    work: f64,
    seconds: f64,
    /// Work at the assumed speed, in proportion, that counts in addition.
    doubt: f64,
}

impl Rates {
    /// Adds a measurement. `horizon` is the amount of work after which a measurement counts 1/e.
    pub fn add(&mut self, kind: Kind, work: f64, seconds: f64, horizon: f64) {
        let doubt = kind.doubt() * horizon;
        let keep = (-work / horizon.max(f64::MIN_POSITIVE)).exp();
        match self.measured.iter_mut().find(|rate| rate.kind == kind) {
            Some(rate) => {
                rate.work = rate.work * keep + work;
                rate.seconds = rate.seconds * keep + seconds;
            }
            None => self.measured.push(Rate { kind, work, seconds, doubt }),
        }
    }

    /// True once a computation was measured.
    pub fn is_measured(&self) -> bool {
        self.measured.iter().any(|rate| rate.kind.computes() && rate.work > 0.0)
    }

    /// Seconds per unit of work.
    pub fn seconds_per_work(&self, kind: Kind) -> f64 {
        let own = self.measured.iter().find(|rate| rate.kind == kind && rate.work > 0.0);
        let assumed = self.slowness(kind) / kind.assumed();
        match own {
            Some(rate) => (rate.seconds + rate.doubt * assumed) / (rate.work + rate.doubt),
            None => assumed,
        }
    }

    /// How many times longer the measured kinds took than assumed.
    fn slowness(&self, kind: Kind) -> f64 {
        let alike = || self.measured.iter().filter(|rate| rate.kind.computes() && kind.computes());
        let assumed: f64 = alike().map(|rate| rate.work / rate.kind.assumed()).sum();
        let seconds: f64 = alike().map(|rate| rate.seconds).sum();
        if assumed > 0.0 { seconds / assumed } else { 1.0 }
    }
}
