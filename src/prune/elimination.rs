//! The elimination path: what leaves next, step by step.
//!
//! One inversion, then down-dates. The path can go on past its first goal, which gives the error of every ratio.

use super::baseline::baseline;
use super::batches::Batches;
use super::damping::{Damped, dead_inputs};
use super::dense::Dense;
use super::down_date::ActiveBlock;
use super::gram::gram;
use super::greedy::Greedy;
use super::heads::Heads;
use super::inverse::invert;
use super::number::Number;
use super::shared_work::each_panel;
use super::{Error, HessianStats, PruneProblem, Units};
use crate::prune::GroupSize;

/// Rows or columns that are turned together when row-major becomes column-major or back.
const SIDE_BY_SIDE: usize = 64;

/// One weight on its way from all its units to those that stay.
pub struct Elimination<'a> {
    pub(super) part: &'a PruneProblem<'a>,
    pub(super) damped: Damped<'a>,
    pub(super) stats: HessianStats,
    pub(super) path: Vec<Removal>,
    /// Of every unit, before anything has left.
    pub(super) first_scores: Vec<f64>,
    /// tr(W G Wᵀ), once it was asked for.
    pub(super) energy: Option<f64>,
    damping: f64,
    /// Units to have left in the end.
    goal: usize,
    removed: usize,
    method: Box<dyn Method>,
}

/// One step of the path: the units that left together.
#[derive(Clone, Debug, PartialEq)]
pub struct Removal {
    /// In the order of their scores.
    pub units: Vec<usize>,
    /// Rise of tr(ΔW G_λ ΔWᵀ) = E‖Δy‖² per token, λ‖ΔW‖² included.
    pub error: f64,
}

/// P and W on the way, in one number type or the other, and how the next to leave are picked. Failures name a column of the
/// weight where rounding has eaten P.
pub(super) trait Method {
    /// The score of every unit, before anything has left.
    fn first_scores(&self) -> Result<Vec<f64>, usize>;

    /// tr(W G Wᵀ), before anything has left.
    fn energy(&self, damped: &Damped) -> f64;

    /// λ_max / λ_min of G_λ, estimated before anything has left.
    fn condition(&self, damped: &Damped) -> f64;

    /// Takes out what costs least.
    fn remove(&mut self, next: Next) -> Result<Removal, usize>;

    /// Applies what the last step left to do.
    fn settle(&mut self);

    /// The columns that are there still and W on them, [rows, active] row-major, where the down-dates tell.
    fn compensated(&mut self, part: &PruneProblem) -> Option<(Vec<usize>, Vec<f64>)>;
}

/// Where the path stands.
pub(super) struct Next<'n> {
    /// Units to have left in the end, and so far.
    pub goal: usize,
    pub removed: usize,
    pub step: usize,
    /// The scores, where nothing has left.
    pub first_scores: Option<&'n [f64]>,
    pub damped: &'n Damped<'n>,
}

impl<'a> Elimination<'a> {
    /// Inverts G_λ with this damping and scores every unit.
    ///
    /// Fails on what [`PruneProblem`] must not hold, and with [`Error::NotPositiveDefinite`] when a higher damping is needed, or
    /// f64.
    pub fn start(part: &'a PruneProblem<'a>, damping: f64) -> Result<Self, Error> {
        part.check()?;
        let damped = Damped::new(part.moment, damping);
        let begun = if part.in_f32() { begin::<f32>(part, &damped) } else { begin::<f64>(part, &damped) };
        let failed = |input| Error::NotPositiveDefinite { damping, input };
        let method = begun.map_err(failed)?;
        let first_scores = method.first_scores().map_err(failed)?;
        let stats = HessianStats::new(part.moment, damping);
        let goal = part.total(part.remove);
        let (path, energy, removed) = (Vec::new(), None, 0);
        Ok(Self { part, damped, stats, path, first_scores, energy, damping, goal, removed, method })
    }

    /// tr(W G Wᵀ) = E‖y‖², without damping; to be asked for before a unit leaves, else it is 0. Relative errors need it.
    pub fn energy(&mut self) -> f64 {
        if self.energy.is_none() && self.path.is_empty() {
            self.energy = Some(self.method.energy(&self.damped));
        }
        self.energy.unwrap_or(0.0)
    }

    /// Estimates the condition of G_λ, which is 0 in the statistics before. Nothing happens once a unit has left.
    pub fn estimate_condition(&mut self) {
        if self.path.is_empty() {
            self.stats.condition = self.method.condition(&self.damped);
        }
    }

    /// Statistics of H = 2G.
    pub fn stats(&self) -> &HessianStats {
        &self.stats
    }

    /// The steps so far.
    pub fn path(&self) -> &[Removal] {
        &self.path
    }

    /// Goes on until this many units have left, in the sense of [`PruneProblem::remove`]. Fails when none would stay.
    pub fn aim(&mut self, remove: usize) -> Result<(), Error> {
        self.part.check_remove(remove)?;
        self.goal = self.part.total(remove);
        Ok(())
    }

    /// Removes what costs least, lowest index first among equals; nothing once the goal is met.
    ///
    /// Fails with [`Error::NotPositiveDefinite`] where rounding has eaten P; f64 or a higher damping helps.
    pub fn step(&mut self) -> Result<Option<&Removal>, Error> {
        if self.removed >= self.goal {
            return Ok(None);
        }
        let step = self.path.len();
        let next = Next {
            goal: self.goal,
            removed: self.removed,
            step,
            first_scores: (step == 0).then_some(&self.first_scores[..]),
            damped: &self.damped,
        };
        let failed = |input| Error::NotPositiveDefinite { damping: self.damping, input };
        let removal = self.method.remove(next).map_err(failed)?;
        self.removed += removal.units.len();
        self.path.push(removal);
        Ok(self.path.last())
    }

    /// Applies what the last step left to do. Without it the next step does.
    pub fn settle(&mut self) {
        self.method.settle();
    }

    /// The columns that are active and W on them as the down-dates have left it: [rows, active], row-major.
    /// Nothing where channels leave one by one.
    pub fn compensated(&mut self) -> Option<(Vec<usize>, Vec<f64>)> {
        self.method.compensated(self.part)
    }

    /// Units that have left, in their order.
    pub(super) fn removed(&self) -> Vec<usize> {
        self.path.iter().flat_map(|removal| removal.units.iter().copied()).collect()
    }

    /// Gives the memory of P and W back; the path is over.
    pub(super) fn close(self) -> (Damped<'a>, HessianStats, Vec<Removal>, Vec<f64>) {
        (self.damped, self.stats, self.path, self.first_scores)
    }
}

/// P, and W or C, before anything has left.
fn begin<T: Number>(part: &PruneProblem, damped: &Damped) -> Result<Box<dyn Method>, usize> {
    let width = part.units.width();
    let block = |p| ActiveBlock::new(p, width, part.total(part.remove) * width);
    let inverse = || -> Result<Dense<T>, usize> {
        let mut p = damped.lower(&(0..part.n()).collect::<Vec<_>>());
        invert(p.view_mut())?;
        Ok(p)
    };
    let c = || gram(&columns_of(part));
    let fixed = baseline(part);
    Ok(match part.units {
        Units::Heads { score, per_group, .. } => {
            let groups = part.unit_count() / per_group.unwrap_or(part.unit_count());
            Box::new(Heads::new(block(inverse()?), c(), (width, score, fixed), groups, part))
        }
        Units::Channels { group_size: GroupSize::Exact } if !part.score.is_baseline() => {
            Box::new(Greedy::new(inverse()?, c(), part.compensate))
        }
        Units::Channels { group_size } => {
            Box::new(Batches::new(block(inverse()?), columns_of(part), (group_size, fixed), part.compensate))
        }
    })
}

/// W, column after column; columns of dead inputs are 0.
fn columns_of<T: Number>(part: &PruneProblem) -> Dense<T> {
    let n = part.n();
    let dead = dead_inputs(part.moment);
    let mut w = Dense::zeros(part.rows, n);
    each_panel(w.view_mut(), SIDE_BY_SIDE, &|first, mut columns| {
        for (i, row) in part.weight.chunks_exact(n).enumerate() {
            for (k, &value) in row[first..first + columns.ncols()].iter().enumerate() {
                columns[(i, k)] = if dead[first + k] { T::default() } else { T::of(value.into()) };
            }
        }
    });
    w
}
