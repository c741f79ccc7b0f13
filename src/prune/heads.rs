//! Heads one at a time: the head with the lowest score is removed, and C = Wᵀ W is updated.
//!
//! The cost of a head needs only the diagonal block C[c, c]. With Z = C_AR L⁻ᵀ and M = L⁻¹ C_RR L⁻ᵀ, removing R costs tr M and
//! subtracts U Yᵀ + Y Uᵀ from C, where Y = Z − ½ U M. As with P, only the diagonal blocks are updated, and the columns of a head
//! are computed when it is removed.

use faer::linalg::triangular_solve::solve_lower_triangular_in_place;
use faer::{Accum, Mat, MatRef, Par};

use super::PruneProblem;
use super::condition::condition;
use super::damping::Damped;
use super::dense::Dense;
use super::down_date::{ActiveBlock, corners, gather_columns, take_from_corners};
use super::energy::rise;
use super::gram::energy_of;
use super::head_scores::{head_scores, scores_of};
use super::number::Number;
use super::permutation::swap_rows;
use super::removal::{Next, Removal, RemovalRule};
use super::steps::{Asked, Glance, Rule, add_step, lower};
use super::triangles::solve_lower;
use crate::product::multiply;
use crate::prune::HeadScore;

pub(super) struct Heads<T> {
    block: ActiveBlock<T>,
    /// C [n, n] before any removal, lower half, indexed by the columns of the weight.
    c: Dense<T>,
    /// [width, n]: for each column of the weight, the rows of C that belong to its head.
    corners: Dense<T>,
    /// [active, removed] in front, indexed by slot.
    y: Dense<T>,
    /// M of the last removal.
    m: Mat<T>,
    /// Columns per head.
    width: usize,
    score: HeadScore,
    /// The scores of all heads if they do not depend on the removals (baselines).
    fixed: Option<Vec<f64>>,
    /// Number of heads removed from each group; in the end it is equal for all groups.
    left: Vec<usize>,
    compensate: bool,
}

impl<T: Number> Heads<T> {
    /// c: [n, n], lower half.
    pub(super) fn new(
        block: ActiveBlock<T>,
        c: Dense<T>,
        (width, score, fixed): (usize, HeadScore, Option<Vec<f64>>),
        groups: usize,
        part: &PruneProblem,
    ) -> Self {
        let expected = if part.compensate { part.total(part.remove) * width } else { 0 };
        Self {
            block,
            corners: corners(&c, width),
            y: Dense::zeros(c.columns(), expected),
            c,
            m: Mat::zeros(0, 0),
            width,
            score,
            fixed,
            left: vec![0; groups],
            compensate: part.compensate,
        }
    }

    /// Scores of the active heads, indexed by slot.
    fn scores(&self) -> Result<Vec<f64>, usize> {
        if let Some(fixed) = &self.fixed {
            let heads = self.block.slots().iter().step_by(self.width);
            return Ok(heads.map(|slot| fixed[slot / self.width]).collect());
        }
        head_scores(&self.block, &self.corners, self.width, self.score)
    }

    /// Computes C_:R over the active columns and R. Returns the cost of removing R.
    fn cost(&mut self, pairs: &[(usize, usize)]) -> f64 {
        let (stay, gone) = (self.block.slots().len(), self.block.gone().len());
        let before = gone - self.width;
        swap_rows(&mut self.y, pairs, before);
        self.y.grow(gone);
        let slots: Vec<usize> =
            self.block.slots().iter().chain(&self.block.gone()[..self.width]).copied().collect();
        let u = self.block.u().subrows(0, slots.len());
        let (y, mut c_r) = self.y.view_mut().submatrix_mut(0, 0, slots.len(), gone).split_at_col_mut(before);
        gather_columns(&self.c, &slots, c_r.as_mut());
        let mut less = |a: MatRef<'_, T>, b: MatRef<'_, T>| {
            let b_r = b.subrows(stay, self.width);
            multiply(c_r.as_mut(), Accum::Add, a, b_r.transpose(), T::of(-1.0));
        };
        less(u, y.as_ref());
        less(y.as_ref(), u);
        self.m = c_r.as_ref().subrows(stay, self.width).to_owned();
        solve_lower_triangular_in_place(self.block.l(), self.m.as_mut(), Par::rayon(0));
        solve_lower_triangular_in_place(self.block.l(), self.m.as_mut().transpose_mut(), Par::rayon(0));
        (0..self.width).map(|j| self.m[(j, j)].into()).sum()
    }
}

impl<T: Number> RemovalRule for Heads<T> {
    fn first_scores(&self) -> Result<Vec<f64>, usize> {
        self.scores()
    }

    fn energy(&self, damped: &Damped) -> f64 {
        energy_of(&self.c, damped)
    }

    fn condition(&self, damped: &Damped) -> f64 {
        condition(damped, self.block.p())
    }

    fn remove(&mut self, next: Next) -> Result<Removal, usize> {
        self.settle();
        let scores = match next.first_scores {
            Some(scores) => scores.to_vec(),
            None => self.scores()?,
        };
        let width = self.width;
        let per_group = next.damped.n() / width / self.left.len();
        let units: Vec<usize> = self.block.slots().iter().step_by(width).map(|slot| slot / width).collect();
        let at = lowest(&units, &scores, (&self.left, next.goal), per_group);
        let at = at.expect("the goal is not met, so a group has heads left to remove");
        let leaving: Vec<usize> = (at * width..(at + 1) * width).collect();
        let pairs = self.block.take_out(&leaving)?;
        let error = if self.compensate {
            self.cost(&pairs)
        } else {
            let gone = self.block.gone();
            let c = |s: usize, r: usize| {
                let (s, r) = (gone[s], gone[r]);
                self.c[(s.max(r), s.min(r))].into()
            };
            rise(gone, width, next.damped, c)
        };
        self.left[units[at] / per_group] += 1;
        Ok(Removal { units: vec![units[at]], error })
    }

    fn settle(&mut self) {
        if !(self.block.settle() && self.compensate) {
            return;
        }
        let (slots, gone) = (self.block.slots(), self.block.gone().len());
        let (u, l) = (self.block.last_u(), self.block.l());
        let mut y = self.y.view_mut().submatrix_mut(0, gone - self.width, slots.len(), self.width);
        solve_lower(l, y.as_mut().transpose_mut());
        multiply(y.as_mut(), Accum::Add, u, self.m.as_ref(), T::of(-0.5));
        let y = y.as_ref();
        take_from_corners(&mut self.corners, slots, self.width, u, y);
        take_from_corners(&mut self.corners, slots, self.width, y, u);
    }

    fn glance(&mut self, asked: &Asked) -> Option<Glance> {
        if !self.block.is_pending() {
            return None;
        }
        let (width, n) = (self.width, asked.n);
        let per_group = n / width / self.left.len();
        let gone = self.block.gone()[0];
        let firsts =
            |block: &ActiveBlock<T>| -> Vec<usize> { block.slots().iter().step_by(width).copied().collect() };
        let mut all = firsts(&self.block);
        all.push(gone);
        let units: Vec<usize> = all.iter().map(|first| first / width).collect();
        let mut left = self.left.clone();
        left[gone / width / per_group] -= 1;
        let mut glance = Glance::new(n, width);
        let by = |kind| scores_of(&self.block, &self.corners, &all, width, kind).ok();
        let exact = by(HeadScore::Exact)?;
        for rule in [HeadScore::Exact, HeadScore::GroupedCholesky, HeadScore::Diagonal] {
            let scores = if rule == HeadScore::Exact { exact.clone() } else { by(rule)? };
            let pick = lowest(&units, &scores, (&left, asked.goal), per_group)?;
            let of_units = glance.of_units(&units, &scores);
            glance.rules.push(Rule {
                rule,
                pick: units[pick],
                cost: scores[pick],
                exact: exact[pick],
                scores: of_units,
            });
        }
        let own = match &self.fixed {
            Some(fixed) => units.iter().map(|&unit| fixed[unit]).collect(),
            None => by(self.score)?,
        };
        glance.scores = glance.of_units(&units, &own);
        for column in all.iter().flat_map(|&first| first..first + width) {
            glance.weight[column] = self.corners[(column % width, column)].into().max(0.0);
        }
        let l = lower(self.block.l());
        self.settle();

        let u = self.block.last_u();
        let m = self.compensate.then_some(self.m.as_ref());
        let p = |slot: usize| {
            let (first, j) = (slot - slot % width, slot % width);
            self.block.corner(first)[(j, j)].into()
        };
        add_step(&mut glance, (self.block.slots(), u, m), p);
        let active: Vec<usize> = firsts(&self.block).iter().map(|first| first / width).collect();
        let after = self.scores().ok()?;
        glance.scores_after = glance.of_units(&active, &after);
        glance.next = lowest(&active, &after, (&self.left, asked.goal), per_group).map(|at| active[at]);
        glance.l = l;
        glance.sampled = self.block.around_last_step(asked.sampled);
        Some(glance)
    }

    fn compensated(&mut self, part: &PruneProblem) -> Option<(Vec<usize>, Vec<f64>)> {
        self.settle();
        Some(self.block.compensated(part))
    }
}

/// The position of the head with the lowest score in a group that has heads left to remove; the lowest number on a
/// tie. `left` counts the heads removed from each group, `goal` those to remove from all.
fn lowest(
    units: &[usize],
    scores: &[f64],
    (left, goal): (&[usize], usize),
    per_group: usize,
) -> Option<usize> {
    let quota = goal / left.len();
    let open = (0..units.len()).filter(|&at| left[units[at] / per_group] < quota);
    open.min_by(|&a, &b| scores[a].total_cmp(&scores[b]).then(units[a].cmp(&units[b])))
}
