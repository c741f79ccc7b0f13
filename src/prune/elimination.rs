//! The elimination path: the units to remove, step by step.
//!
//! It consists of one inversion, then down-dates. The path can continue past its first goal, which yields the error
//! at every ratio.

use std::cell::RefCell;
use std::ops::ControlFlow;

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
use super::outcome::emit;
use super::removal::{Next, Removal, RemovalRule};
use super::shared_work::each_block;
use super::steps::{Asked, Binned, is_landmark, picture};
use super::{Error, HessianStats, Look, Progress, PruneProblem, StepPicture, Units};
use crate::prune::GroupSize;

/// The elimination of units of one weight.
pub struct Elimination<'a> {
    pub(super) part: &'a PruneProblem<'a>,
    pub(super) damped: Damped<'a>,
    pub(super) stats: HessianStats,
    pub(super) path: Vec<Removal>,
    /// The score of every unit before any removal.
    pub(super) first_scores: Vec<f64>,
    /// tr(W G Wᵀ), if computed.
    pub(super) energy: Option<f64>,
    damping: f64,
    /// The total number of units to remove.
    goal: usize,
    removed: usize,
    /// Number of the last step that was drawn, from 1.
    drawn: usize,
    method: Box<dyn RemovalRule>,
}

impl<'a> Elimination<'a> {
    /// Inverts G_λ with this damping and scores every unit.
    ///
    /// # Errors
    /// If the [`PruneProblem`] is invalid; [`Error::NotPositiveDefinite`] if a higher damping or f64 is
    /// needed.
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
        let drawn = 0;
        Ok(Self { part, damped, stats, path, first_scores, energy, damping, goal, removed, drawn, method })
    }

    /// tr(W G Wᵀ) = E‖y‖² without damping, the denominator of relative errors. The first call must precede
    /// all removals; otherwise the result is 0.
    pub fn energy(&mut self) -> f64 {
        if self.energy.is_none() && self.path.is_empty() {
            self.energy = Some(self.method.energy(&self.damped));
        }
        self.energy.unwrap_or(0.0)
    }

    /// Estimates the condition number of G_λ, which is 0 in the statistics before this call. It does nothing
    /// after a removal.
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

    /// Sets the goal to `remove` units, as in [`PruneProblem::remove`].
    ///
    /// # Errors
    /// [`Error::NothingLeft`] if no unit would be kept.
    pub fn aim(&mut self, remove: usize) -> Result<(), Error> {
        self.part.check_remove(remove)?;
        self.goal = self.part.total(remove);
        Ok(())
    }

    /// Removes the units with the lowest cost, and the lowest index on a tie; None once the goal is reached.
    ///
    /// # Errors
    /// [`Error::NotPositiveDefinite`] if rounding has made P indefinite; f64 or a higher damping helps.
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

    /// The last step as a picture; None before the first step, or if it was asked for before. Nothing is computed
    /// for it otherwise.
    pub fn look(&mut self) -> Option<StepPicture> {
        if std::mem::replace(&mut self.drawn, self.path.len()) == self.path.len() {
            return None;
        }
        let Removal { units, error } = self.path.last()?;
        let binned = Binned::new(self.part.unit_count(), self.part.units.width());
        let asked = Asked {
            n: self.part.n(),
            goal: self.goal,
            removed: self.removed,
            units,
            error: *error,
            sampled: &binned.sampled,
        };
        let glance = self.method.glance(&asked)?;
        Some(picture(&binned, &asked, &glance))
    }

    /// Reports the last step, which is number `step`.
    pub(super) fn report(
        &mut self,
        step: usize,
        observe: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        let Some(Removal { units, error }) = self.path.last().cloned() else { return Ok(()) };
        let (group_size, goal) = (units.len(), self.goal);
        let landmark = is_landmark(self.removed - group_size, group_size, goal);
        let elimination = RefCell::new(self);
        let draw = || elimination.try_borrow_mut().ok()?.look();
        let look = Look::new(landmark, &draw);
        emit(observe, step + 1, Progress::Removed { step, units: &units, error, group_size, look })
    }

    /// Applies the updates deferred by the last step. Otherwise the next step applies them.
    pub fn settle(&mut self) {
        self.method.settle();
    }

    /// The active columns and W [rows, active] after the down-dates, row-major. None if channels are removed
    /// one by one.
    pub fn compensated(&mut self) -> Option<(Vec<usize>, Vec<f64>)> {
        self.method.compensated(self.part)
    }

    /// The removed units in order of removal.
    pub(super) fn removed(&self) -> Vec<usize> {
        self.path.iter().flat_map(|removal| removal.units.iter().copied()).collect()
    }

    /// Ends the path and frees the memory of P and W.
    pub(super) fn close(self) -> (Damped<'a>, HessianStats, Vec<Removal>, Vec<f64>) {
        (self.damped, self.stats, self.path, self.first_scores)
    }
}

/// P, and W or C, before any removal.
fn begin<T: Number>(part: &PruneProblem, damped: &Damped) -> Result<Box<dyn RemovalRule>, usize> {
    let width = part.units.width();
    let block = |p| ActiveBlock::new(p, width, part.total(part.remove) * width);
    let inverse = || -> Result<Dense<T>, usize> {
        let mut p = damped.lower(&(0..part.n()).collect::<Vec<_>>());
        invert(p.view_mut())?;
        Ok(p)
    };
    let c = || {
        let w = columns_of(part);
        gram(&w)
    };
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

/// W, column-major, with zeros in the columns of dead inputs.
fn columns_of<T: Number>(part: &PruneProblem) -> Dense<T> {
    let n = part.n();
    let dead = dead_inputs(part);
    let mut w = Dense::zeros(part.rows, n);
    each_block(w.view_mut(), |first_row, first, columns| {
        for i in 0..columns[0].len() {
            let row = &part.weight[(first_row + i) * n + first..];
            for (column, &value) in columns.iter_mut().zip(row) {
                column[i] = T::of(value.into());
            }
        }
        for (column, _) in columns.iter_mut().zip(&dead[first..]).filter(|(_, dead)| **dead) {
            column.fill(T::default());
        }
    });
    w
}
