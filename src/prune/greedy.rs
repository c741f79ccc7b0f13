//! Channels one at a time, with the updates of P and of C = Wᵀ W applied in blocks.
//!
//! With u = P_q / √P_qq, removing column q subtracts u uᵀ from P and u yᵀ + y uᵀ from C, where y = C_q / √P_qq − ½
//! e u, and e = C_qq / P_qq is the cost. A step needs only the diagonals and one column of each matrix: its value
//! at the start of the block, minus the few u and y since then. The refit computes the weights.

use faer::{Accum, Mat, MatMut, MatRef};
use rayon::prelude::*;

use super::PruneProblem;
use super::condition::condition;
use super::damping::Damped;
use super::dense::Dense;
use super::gram::energy_of;
use super::number::Number;
use super::removal::{Next, Removal, RemovalRule};
use super::steps::{Asked, Glance, Rule};
use crate::product::multiply_half;
use crate::prune::HeadScore;

/// Number of steps whose updates are applied together.
const BLOCK: usize = 64;

/// P and C are compacted when one in this many columns was removed.
const COMPACT_AT: usize = 16;

/// Entries of a column per task. It is fixed, so results do not depend on the number of threads.
const STRETCH: usize = 1024;

pub(super) struct Greedy<T> {
    /// Lower half of [slots, slots] in front, as of the start of the block.
    p: Dense<T>,
    /// The same for C. Without compensation, C is unchanged and keeps all columns of the weight.
    c: Dense<T>,
    /// The column of the weight in each slot, in ascending order, including columns removed since the last
    /// compaction.
    slots: Vec<usize>,
    /// Whether each slot is active.
    present: Vec<bool>,
    /// Removed columns of the weight.
    removed: Vec<usize>,
    /// [n, BLOCK], one column per step of this block.
    u: Dense<T>,
    y: Dense<T>,
    /// Number of steps in this block.
    steps: usize,
    /// P_jj and C_jj at the current step.
    p_diag: Vec<f64>,
    c_diag: Vec<f64>,
    compensate: bool,
}

impl<T: Number> Greedy<T> {
    /// p, c: lower halves of [n, n].
    pub(super) fn new(p: Dense<T>, c: Dense<T>, compensate: bool) -> Self {
        let n = p.columns();
        Self {
            p_diag: p.diagonal(n),
            c_diag: c.diagonal(n),
            p,
            c,
            slots: (0..n).collect(),
            present: vec![true; n],
            removed: Vec::new(),
            u: Dense::zeros(n, BLOCK),
            y: Dense::zeros(n, BLOCK),
            steps: 0,
            compensate,
        }
    }

    /// ‖W_j‖² / P_jj
    fn score(&self, slot: usize) -> f64 {
        self.c_diag[slot].max(0.0) / self.p_diag[slot]
    }

    /// Writes u and y of column q and updates the diagonals.
    fn record(&mut self, q: usize, error: f64) {
        let (step, size, compensate) = (self.steps, self.slots.len(), self.compensate);
        let scale = T::of(1.0 / self.p_diag[q].sqrt());
        let half_error = T::of(0.5 * error);
        let row = |of: &Dense<T>| -> Vec<T> { (0..step).map(|k| of[(q, k)]).collect() };
        let (u_q, y_q) = (row(&self.u), row(&self.y));
        let (p, c, u_before, y_before) = (&self.p, &self.c, &self.u, &self.y);

        let (mut u, mut y) = (vec![T::default(); size], vec![T::default(); size]);
        let stretches = u.par_chunks_mut(STRETCH).zip(y.par_chunks_mut(STRETCH));
        let diagonals = self.p_diag.par_chunks_mut(STRETCH).zip(self.c_diag.par_chunks_mut(STRETCH));
        stretches.zip(diagonals).enumerate().for_each(|(stretch, ((u, y), (p_diag, c_diag)))| {
            let first = stretch * STRETCH;
            p.half_column(q, first, u);
            for (k, &y_q) in u_q.iter().enumerate() {
                subtract(u, &u_before.column(k)[first..], y_q);
            }
            for (u, p_diag) in u.iter_mut().zip(p_diag) {
                *u *= scale;
                *p_diag -= (*u * *u).into();
            }
            if !compensate {
                return;
            }
            c.half_column(q, first, y);
            for k in 0..step {
                subtract(y, &u_before.column(k)[first..], y_q[k]);
                subtract(y, &y_before.column(k)[first..], u_q[k]);
            }
            for ((y, &u), c_diag) in y.iter_mut().zip(&*u).zip(c_diag) {
                *y = *y * scale - half_error * u;
                *c_diag -= (T::of(2.0) * u * *y).into();
            }
        });
        self.u.column_mut(step)[..size].copy_from_slice(&u);
        self.y.column_mut(step)[..size].copy_from_slice(&y);
        self.steps += 1;
    }

    fn compact(&mut self, stay: &[usize]) {
        self.p.compact_symmetric(stay);
        if self.compensate {
            self.c.compact_symmetric(stay);
        } else {
            self.c_diag = stay.iter().map(|&slot| self.c_diag[slot]).collect();
        }
        self.slots = stay.iter().map(|&slot| self.slots[slot]).collect();
        self.present = vec![true; stay.len()];
    }

    /// C_qq G_qq + 2 Σ_s C_qs G_qs over the columns s removed before; q is a column of the weight.
    fn rise_without_compensation(&self, q: usize, damped: &Damped) -> f64 {
        let with = |s: usize| self.c[(q.max(s), q.min(s))].into() * damped.at(q, s);
        with(q) + 2.0 * self.removed.iter().map(|&s| with(s)).sum::<f64>()
    }
}

impl<T: Number> RemovalRule for Greedy<T> {
    fn first_scores(&self) -> Result<Vec<f64>, usize> {
        Ok((0..self.slots.len()).map(|slot| self.score(slot)).collect())
    }

    fn energy(&self, damped: &Damped) -> f64 {
        energy_of(&self.c, damped)
    }

    fn condition(&self, damped: &Damped) -> f64 {
        condition(damped, self.p.view())
    }

    fn remove(&mut self, next: Next) -> Result<Removal, usize> {
        if self.steps == BLOCK {
            self.settle();
        }
        let present = (0..self.slots.len()).filter(|&slot| self.present[slot]);
        let scores = present.map(|slot| (self.score(slot), slot));
        let cheapest = scores.min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let (error, q) = cheapest.expect("the goal leaves at least one column");
        let unit = self.slots[q];
        if !(self.p_diag[q] > 0.0 && error.is_finite()) {
            return Err(unit);
        }
        self.record(q, error);
        let error = if self.compensate { error } else { self.rise_without_compensation(unit, next.damped) };
        self.present[q] = false;
        self.removed.push(unit);
        Ok(Removal { units: vec![unit], error })
    }

    /// Applies the deferred updates, and compacts P and C when that pays off.
    fn settle(&mut self) {
        let (size, steps) = (self.slots.len(), std::mem::take(&mut self.steps));
        let u = self.u.view().submatrix(0, 0, size, steps);
        let y = self.y.view().submatrix(0, 0, size, steps);
        take_half(self.p.view_mut().submatrix_mut(0, 0, size, size), u, u);
        if self.compensate {
            let side_by_side = |a: MatRef<'_, T>, b: MatRef<'_, T>| -> Mat<T> {
                let mut both = Mat::zeros(size, 2 * steps);
                both.as_mut().subcols_mut(0, steps).copy_from(a);
                both.as_mut().subcols_mut(steps, steps).copy_from(b);
                both
            };
            let (uy, yu) = (side_by_side(u, y), side_by_side(y, u));
            take_half(self.c.view_mut().submatrix_mut(0, 0, size, size), uy.as_ref(), yu.as_ref());
        }
        let stay: Vec<usize> = (0..size).filter(|&slot| self.present[slot]).collect();
        if (size - stay.len()) * COMPACT_AT >= size {
            self.compact(&stay);
        }
        let size = self.slots.len();
        self.p_diag = self.p.diagonal(size);
        if self.compensate {
            self.c_diag = self.c.diagonal(size);
        }
    }

    fn glance(&mut self, asked: &Asked) -> Option<Glance> {
        let (last, unit) = (self.steps.checked_sub(1)?, *self.removed.last()?);
        let mut glance = Glance::new(asked.n, 1);
        let value = |of: &Dense<T>, slot: usize| -> f64 { of[(slot, last)].into() };
        let q = self.slots.binary_search(&unit).ok()?;
        let p_qq = value(&self.u, q).powi(2);
        for slot in (0..self.slots.len()).filter(|&slot| self.present[slot] || slot == q) {
            let (column, u, y) = (self.slots[slot], value(&self.u, slot), value(&self.y, slot));
            let (p, squared) = (self.p_diag[slot] + u * u, (self.c_diag[slot] + 2.0 * u * y).max(0.0));
            (glance.scores[column], glance.weight[column]) = (Some(squared / p), squared);
            if slot != q {
                glance.scores_after[column] = Some(self.score(slot));
                glance.trace = [glance.trace[0] + p, glance.trace[1] + self.p_diag[slot]];
            }
        }
        let cost = glance.scores[unit]?;
        if self.compensate {
            for slot in (0..self.slots.len()).filter(|&slot| self.present[slot]) {
                glance.change[self.slots[slot]] = cost * value(&self.u, slot).powi(2);
            }
        }
        if asked.removed < asked.goal {
            let present = (0..self.slots.len()).filter(|&slot| self.present[slot]);
            let lowest = present.min_by(|&a, &b| self.score(a).total_cmp(&self.score(b)));
            glance.next = lowest.map(|slot| self.slots[slot]);
        }
        let rules = [HeadScore::Exact, HeadScore::GroupedCholesky, HeadScore::Diagonal];
        glance.rules =
            rules.map(|rule| Rule { rule, pick: unit, cost, exact: asked.error, scores: Vec::new() }).into();
        glance.l = Mat::from_fn(1, 1, |_, _| p_qq.sqrt());
        let slots: Vec<Option<usize>> =
            asked.sampled.iter().map(|column| self.slots.binary_search(column).ok()).collect();
        glance.sampled = [last, last + 1].map(|steps| {
            Mat::from_fn(slots.len(), slots.len(), |i, j| {
                let (Some(i), Some(j)) = (slots[i], slots[j]) else { return 0.0 };
                let less = (0..steps).map(|k| self.u[(i, k)].into() * self.u[(j, k)].into()).sum::<f64>();
                self.p[(i.max(j), i.min(j))].into() - less
            })
        });
        Some(glance)
    }

    fn compensated(&mut self, _: &PruneProblem) -> Option<(Vec<usize>, Vec<f64>)> {
        None
    }
}

/// column ← column − other · factor
fn subtract<T: Number>(column: &mut [T], other: &[T], factor: T) {
    for (column, &other) in column.iter_mut().zip(other) {
        *column -= other * factor;
    }
}

/// half ← half − a bᵀ, lower half; the product is symmetric.
fn take_half<T: Number>(half: MatMut<'_, T>, a: MatRef<'_, T>, b: MatRef<'_, T>) {
    multiply_half(half, Accum::Add, a, b.transpose(), T::of(-1.0));
}
