//! Channels in batches: the channels with the lowest scores are removed together (Dynamic Group Size), and W is updated.
//!
//! With V = W_R L⁻ᵀ the removal costs ‖V‖², and the other columns become W_A − V U_Aᵀ.

use faer::{Accum, Mat};

use super::PruneProblem;
use super::condition::condition;
use super::damping::Damped;
use super::dense::Dense;
use super::down_date::ActiveBlock;
use super::energy::{energy, rise};
use super::group_size::group_size;
use super::number::Number;
use super::permutation::swap_columns;
use super::removal::{Next, Removal, RemovalRule};
use super::shared_work::columns_squared;
use super::steps::{Asked, Glance, Rule, add_step, lower};
use super::triangles::solve_lower;
use crate::product::multiply;
use crate::prune::{GroupSize, HeadScore};

pub(super) struct Batches<T> {
    block: ActiveBlock<T>,
    /// [rows, active] in front, indexed by slot; behind it, V of the removed columns.
    w: Dense<T>,
    kind: GroupSize,
    /// The scores of all channels if they do not depend on the removals (baselines).
    fixed: Option<Vec<f64>>,
    /// The scores before the last step, indexed by the slots after it.
    before: Vec<f64>,
    compensate: bool,
}

impl<T: Number> Batches<T> {
    pub(super) fn new(
        block: ActiveBlock<T>,
        w: Dense<T>,
        by: (GroupSize, Option<Vec<f64>>),
        compensate: bool,
    ) -> Self {
        let (kind, fixed) = by;
        Self { block, w, kind, fixed, before: Vec::new(), compensate }
    }

    /// ‖W_j‖² / P_jj of every active column, or its fixed score; indexed by slot.
    fn scores(&self) -> Vec<f64> {
        if let Some(fixed) = &self.fixed {
            return self.block.slots().iter().map(|&column| fixed[column]).collect();
        }
        let squared = columns_squared(self.w.view().subcols(0, self.block.slots().len()));
        let score = |(slot, squared): (usize, f64)| squared / self.block.corner(slot)[(0, 0)].into();
        squared.into_iter().enumerate().map(score).collect()
    }

    /// tr(W_R G_RR W_Rᵀ) + 2 tr(W_R G_RS W_Sᵀ), where S was removed before R.
    fn rise_without_compensation(&self, leave: usize, damped: &Damped) -> f64 {
        let (stay, columns) = (self.block.slots().len(), self.block.gone());
        let w_gone = self.w.view().subcols(stay, columns.len());
        let mut gram: Mat<T> = Mat::zeros(columns.len(), leave);
        let w_r = w_gone.subcols(0, leave);
        multiply(gram.as_mut(), Accum::Replace, w_gone.transpose(), w_r, T::of(1.0));
        rise(columns, leave, damped, |s, r| gram[(s, r)].into())
    }
}

impl<T: Number> RemovalRule for Batches<T> {
    fn first_scores(&self) -> Result<Vec<f64>, usize> {
        Ok(self.scores())
    }

    fn energy(&self, damped: &Damped) -> f64 {
        energy(&self.w, damped, &(0..self.w.columns()).collect::<Vec<_>>())
    }

    fn condition(&self, damped: &Damped) -> f64 {
        condition(damped, self.block.p())
    }

    fn remove(&mut self, next: Next) -> Result<Removal, usize> {
        self.settle();
        let mut scores = next.first_scores.map_or_else(|| self.scores(), <[f64]>::to_vec);
        let slots = self.block.slots();
        let mut order: Vec<usize> = (0..slots.len()).collect();
        order.sort_unstable_by(|&a, &b| scores[a].total_cmp(&scores[b]).then(slots[a].cmp(&slots[b])));
        order.truncate(group_size(self.kind, next.goal, next.removed, next.step));
        let units: Vec<usize> = order.iter().map(|&slot| slots[slot]).collect();
        order.sort_unstable();
        let pairs = self.block.take_out(&order)?;
        swap_columns(&mut self.w, &pairs);
        for &(i, j) in &pairs {
            scores.swap(i, j);
        }
        self.before = scores;
        let leave = units.len();
        if !self.compensate {
            return Ok(Removal { error: self.rise_without_compensation(leave, next.damped), units });
        }
        let mut v = self.w.view_mut().subcols_mut(self.block.slots().len(), leave);
        solve_lower(self.block.l(), v.as_mut().transpose_mut());
        Ok(Removal { error: columns_squared(v.as_ref()).iter().sum(), units })
    }

    fn settle(&mut self) {
        if self.block.settle() && self.compensate {
            let u = self.block.last_u();
            let (stay, leave) = (u.nrows(), u.ncols());
            let (w_a, v) = self.w.view_mut().subcols_mut(0, stay + leave).split_at_col_mut(stay);
            multiply(w_a, Accum::Add, v.as_ref(), u.transpose(), T::of(-1.0));
        }
    }

    fn glance(&mut self, asked: &Asked) -> Option<Glance> {
        if !self.block.is_pending() {
            return None;
        }
        let mut glance = Glance::new(asked.n, 1);
        let (stay, leave) = (self.block.slots().len(), self.before.len() - self.block.slots().len());
        let gone = self.block.gone()[..leave].to_vec();
        let columns: Vec<usize> = self.block.slots().iter().chain(&gone).copied().collect();
        glance.scores = glance.of_units(&columns, &self.before);
        let l = lower(self.block.l());
        // V = W_R L⁻ᵀ has replaced W_R if the other columns compensate.
        let v = Mat::from_fn(self.w.view().nrows(), leave, |i, k| self.w[(i, stay + k)].into());
        let w_gone = if self.compensate { &v * l.transpose() } else { v.clone() };
        let squared = columns_squared(self.w.view().subcols(0, stay)).into_iter();
        let squared = squared.chain(columns_squared(w_gone.as_ref()));
        for (&column, squared) in columns.iter().zip(squared) {
            glance.weight[column] = squared;
        }
        let m = v.transpose() * &v;
        let m = Mat::from_fn(leave, leave, |i, k| T::of(m[(i, k)]));
        self.settle();

        let u = self.block.last_u();
        let m = self.compensate.then_some(m.as_ref());
        let p = |slot: usize| self.block.corner(slot)[(0, 0)].into();
        add_step(&mut glance, (self.block.slots(), u, m), p);
        let after = self.scores();
        glance.scores_after = glance.of_units(self.block.slots(), &after);
        if asked.removed < asked.goal {
            let order = (0..after.len()).min_by(|&a, &b| after[a].total_cmp(&after[b]));
            glance.next = order.map(|slot| self.block.slots()[slot]);
        }
        let of_gone = || gone.iter().map(|&column| glance.weight[column]).enumerate();
        let p_jj = |k: usize| (0..=k).map(|i| l[(k, i)] * l[(k, i)]).sum::<f64>();
        let diagonal: f64 = of_gone().map(|(k, squared)| squared / p_jj(k)).sum();
        let grouped: f64 = of_gone().map(|(k, squared)| squared / (l[(k, k)] * l[(k, k)])).sum();
        let costs = [
            (HeadScore::Exact, asked.error),
            (HeadScore::GroupedCholesky, grouped),
            (HeadScore::Diagonal, diagonal),
        ];
        let pick = asked.units[0];
        glance.rules = costs
            .map(|(rule, cost)| Rule { rule, pick, cost, exact: asked.error, scores: Vec::new() })
            .into();
        glance.l = l;
        glance.sampled = self.block.around_last_step(asked.sampled);
        Some(glance)
    }

    fn compensated(&mut self, part: &PruneProblem) -> Option<(Vec<usize>, Vec<f64>)> {
        self.settle();
        Some(self.block.compensated(part))
    }
}
