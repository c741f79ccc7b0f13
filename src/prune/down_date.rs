//! Down-dating P = G_λ⁻¹ when columns are removed: a Cholesky factorisation of P whose pivots are chosen one at a
//! time.
//!
//! P itself is not changed. Only its diagonal blocks, which the scores need, are updated. The columns of removed
//! units are P_:R − U U_Rᵀ, where U holds all earlier removals. With P_RR = L Lᵀ, U gains the columns P_AR L⁻ᵀ, and
//! their squares are subtracted from the diagonal.

use faer::{Accum, Mat, MatMut, MatRef};
use rayon::prelude::*;

use super::PruneProblem;
use super::damping::dead_inputs;
use super::dense::{Dense, column_of};
use super::inverse::cholesky;
use super::number::Number;
use super::permutation::{pairs_to_the_back, swap_rows};
use super::shared_work::{each_block, each_panel};
use super::triangles::solve_lower;
use crate::product::{multiply, multiply_tile};

/// Rows summed by one task.
const STRETCH: usize = 256;

pub(super) struct ActiveBlock<T> {
    /// P [n, n] before any removal, lower half, indexed by the columns of the weight.
    p: Dense<T>,
    /// Columns per unit.
    width: usize,
    /// [width, n]: for each column of the weight, the rows of P that belong to its unit.
    corners: Dense<T>,
    /// [active, removed] in front, indexed by slot.
    u: Dense<T>,
    /// The column of the weight in each slot; active columns first, then removed ones.
    slots: Vec<usize>,
    active: usize,
    /// Number of columns just removed that U and the diagonal do not include yet. They follow the active
    /// slots.
    pending: usize,
    /// Number of columns removed in each step.
    steps: Vec<usize>,
}

impl<T: Number> ActiveBlock<T> {
    /// p: [n, n], lower half; `expected` is the likely number of removed columns.
    pub(super) fn new(p: Dense<T>, width: usize, expected: usize) -> Self {
        let n = p.columns();
        let (corners, u) = (corners(&p, width), Dense::zeros(n, expected));
        Self { p, width, corners, u, slots: (0..n).collect(), active: n, pending: 0, steps: Vec::new() }
    }

    /// P[c, c] of the unit whose first column is in this slot. Call [`Self::settle`] first.
    pub(super) fn corner(&self, slot: usize) -> MatRef<'_, T> {
        self.corners.view().subcols(self.slots[slot], self.width)
    }

    /// P[c, c] of the unit with this first column of the weight.
    pub(super) fn corner_of(&self, first: usize) -> MatRef<'_, T> {
        self.corners.view().subcols(first, self.width)
    }

    /// True if U and the diagonal do not include the last step yet.
    pub(super) fn is_pending(&self) -> bool {
        self.pending > 0
    }

    /// P over these columns of the weight before and after the last step, [columns, columns] each. Call
    /// [`Self::settle`] first. Entries of columns that are no longer active then have no meaning.
    pub(super) fn around_last_step(&self, columns: &[usize]) -> [Mat<f64>; 2] {
        let (first, leave) = self.last_step();
        let mut slot_of = vec![0; self.slots.len()];
        for (slot, &column) in self.slots.iter().enumerate() {
            slot_of[column] = slot;
        }
        let u = |from: usize, count: usize| {
            Mat::from_fn(columns.len(), count, |i, k| self.u[(slot_of[columns[i]], from + k)].into())
        };
        let p = |i: usize, j: usize| {
            let (i, j) = (columns[i], columns[j]);
            self.p[(i.max(j), i.min(j))].into()
        };
        let mut before = Mat::from_fn(columns.len(), columns.len(), p);
        let less = |p: &mut Mat<f64>, u: Mat<f64>| {
            multiply(p.as_mut(), Accum::Add, u.as_ref(), u.transpose(), -1.0);
        };
        less(&mut before, u(0, first));
        let mut after = before.clone();
        less(&mut after, u(first, leave));
        [before, after]
    }

    /// P [n, n] before any removal, lower half.
    pub(super) fn p(&self) -> MatRef<'_, T> {
        self.p.view()
    }

    /// The weight's column in each active slot.
    pub(super) fn slots(&self) -> &[usize] {
        &self.slots[..self.active]
    }

    /// The removed columns, the latest first.
    pub(super) fn gone(&self) -> &[usize] {
        &self.slots[self.active..]
    }

    /// U [slots, removed columns]; before [`Self::settle`] it excludes the last step.
    pub(super) fn u(&self) -> MatRef<'_, T> {
        self.u.view().subcols(0, self.slots.len() - self.active - self.pending)
    }

    /// Moves the columns in the slots `leaving` (ascending, whole units) to the back and factors their block
    /// of P. Call [`Self::settle`] before and, to update the kept columns, after. Returns the pairs of
    /// swapped slots.
    ///
    /// Fails with a column of the weight if rounding has made P indefinite.
    pub(super) fn take_out(&mut self, leaving: &[usize]) -> Result<Vec<(usize, usize)>, usize> {
        debug_assert_eq!(self.pending, 0, "settled before");
        let (stay, leave) = (self.active - leaving.len(), leaving.len());
        let gone = self.slots.len() - self.active;
        let pairs = pairs_to_the_back(leaving, self.active);
        swap_rows(&mut self.u, &pairs, gone);
        for &(i, j) in &pairs {
            self.slots.swap(i, j);
        }
        self.u.grow(gone + leave);
        let (u, mut p_r) =
            self.u.view_mut().submatrix_mut(0, 0, self.active, gone + leave).split_at_col_mut(gone);
        gather_columns(&self.p, &self.slots[..self.active], p_r.as_mut());
        let u_r = u.as_ref().subrows(stay, leave);
        multiply(p_r.as_mut(), Accum::Add, u.as_ref(), u_r.transpose(), T::of(-1.0));
        let p_rr = p_r.subrows_mut(stay, leave);
        cholesky(p_rr).map_err(|k| self.slots[stay + k])?;
        (self.active, self.pending) = (stay, leave);
        self.steps.push(leave);
        Ok(pairs)
    }

    /// L [leaving, leaving] of the last removed columns, lower half.
    pub(super) fn l(&self) -> MatRef<'_, T> {
        let (first, leave) = self.last_step();
        self.u.view().submatrix(self.active, first, leave, leave)
    }

    /// P_AR L⁻ᵀ [active, leaving] of the last removed columns. Call [`Self::settle`] first.
    pub(super) fn last_u(&self) -> MatRef<'_, T> {
        let (first, leave) = self.last_step();
        self.u.view().submatrix(0, first, self.active, leave)
    }

    /// The first column of U of the last step, and the number of its columns.
    fn last_step(&self) -> (usize, usize) {
        let leave = self.steps.last().copied().unwrap_or(0);
        (self.slots.len() - self.active - leave, leave)
    }

    /// Updates U and the diagonal. Returns false if nothing was pending.
    pub(super) fn settle(&mut self) -> bool {
        let (stay, leave) = (self.active, std::mem::take(&mut self.pending));
        if leave == 0 || stay == 0 {
            return false;
        }
        let (first, _) = self.last_step();
        let new = self.u.view_mut().submatrix_mut(0, first, stay + leave, leave);
        let (mut u, l) = new.split_at_row_mut(stay);
        let l = l.as_ref().subrows(0, leave);
        solve_lower(l, u.as_mut().transpose_mut());
        let u = u.as_ref();
        take_from_corners(&mut self.corners, &self.slots[..stay], self.width, u, u);
        true
    }

    /// The active columns in ascending order, and W [rows, active], row-major, after the down-dates: W_A −
    /// W_R 𝓛⁻ᵀ U_Aᵀ with 𝓛 𝓛ᵀ = P_RR of all removed columns. Without compensation it is W itself.
    pub(super) fn compensated(&self, part: &PruneProblem) -> (Vec<usize>, Vec<f64>) {
        let (active, gone) = (self.active, self.slots.len() - self.active);
        let dead = dead_inputs(part);
        let weight = |i: usize, slot: usize| {
            let j = self.slots[slot];
            if dead[j] { T::default() } else { T::of(part.weight[i * part.n() + j].into()) }
        };
        let mut w = Mat::from_fn(part.rows, active, weight);
        if part.compensate {
            let left = self.in_order_of_leaving();
            let l = Mat::from_fn(gone, gone, |i, k| if k <= i { self.u[(left[i], k)] } else { T::default() });
            let mut v = Mat::from_fn(part.rows, gone, |i, k| weight(i, left[k]));
            solve_lower(l.as_ref(), v.as_mut().transpose_mut());
            let u = self.u.view().submatrix(0, 0, active, gone);
            multiply(w.as_mut(), Accum::Add, v.as_ref(), u.transpose(), T::of(-1.0));
        }
        let mut order: Vec<usize> = (0..active).collect();
        order.sort_unstable_by_key(|&slot| self.slots[slot]);
        let mut values = Vec::with_capacity(part.rows * active);
        for i in 0..part.rows {
            values.extend(order.iter().map(|&slot| w[(i, slot)].into()));
        }
        (order.iter().map(|&slot| self.slots[slot]).collect(), values)
    }

    /// The slots of the removed columns in order of removal. Columns of one step are adjacent; in memory,
    /// later steps precede earlier ones.
    fn in_order_of_leaving(&self) -> Vec<usize> {
        let mut end = self.slots.len();
        let mut slots = Vec::new();
        for leave in &self.steps {
            slots.extend(end - leave..end);
            end -= leave;
        }
        slots
    }
}

/// The diagonal blocks of a symmetric matrix, side by side: [width, n]. `half` is its lower half.
pub(super) fn corners<T: Number>(half: &Dense<T>, width: usize) -> Dense<T> {
    let mut corners = Dense::zeros(width, half.columns());
    for (column, corner) in corners.view_mut().col_iter_mut().enumerate() {
        let (first, j) = (column - column % width, column % width);
        for (i, corner) in corner.iter_mut().enumerate() {
            *corner = half[(first + i.max(j), first + i.min(j))];
        }
    }
    corners
}

/// Subtracts A_c B_cᵀ from the diagonal block of every active unit; a, b: [active, leaving].
pub(super) fn take_from_corners<T: Number>(
    corners: &mut Dense<T>,
    slots: &[usize],
    width: usize,
    a: MatRef<'_, T>,
    b: MatRef<'_, T>,
) {
    if width == 1 {
        let sums = sums_of_rows(a, b);
        for (&column, sum) in slots.iter().zip(sums) {
            corners[(0, column)] -= sum;
        }
        return;
    }
    let mut slot_of_unit = vec![None; corners.columns() / width];
    for (slot, column) in slots.iter().enumerate().step_by(width) {
        slot_of_unit[column / width] = Some(slot);
    }
    each_panel(corners.view_mut(), width, &|first, corner| {
        if let Some(slot) = slot_of_unit[first / width] {
            let (a_c, b_c) = (a.subrows(slot, width), b.subrows(slot, width));
            multiply_tile(corner, Accum::Add, a_c, b_c.transpose(), T::of(-1.0));
        }
    });
}

/// Σ_k A_ik B_ik of every row i.
fn sums_of_rows<T: Number>(a: MatRef<'_, T>, b: MatRef<'_, T>) -> Vec<T> {
    let mut sums = vec![T::default(); a.nrows()];
    sums.par_chunks_mut(STRETCH).enumerate().for_each(|(stretch, sums)| {
        let (first, count) = (stretch * STRETCH, sums.len());
        for k in 0..a.ncols() {
            let (a, b) = (column_of(a, k), column_of(b, k));
            for (sum, (&a, &b)) in sums.iter_mut().zip(a[first..first + count].iter().zip(&b[first..])) {
                *sum += a * b;
            }
        }
    });
    sums
}

/// S[slots, R] of a symmetric matrix, stored as its lower half and indexed by the columns of the weight. R
/// consists of the last `slots`, one per column of `out`.
pub(super) fn gather_columns<T: Number>(half: &Dense<T>, slots: &[usize], out: MatMut<'_, T>) {
    let leaving = &slots[slots.len() - out.ncols()..];
    each_block(out, |first_row, first, out| {
        let (slots, leaving) = (&slots[first_row..], &leaving[first..]);
        for i in 0..out[0].len() {
            let slot = slots[i];
            for (out, &column) in out.iter_mut().zip(leaving) {
                out[i] = half[(slot.max(column), slot.min(column))];
            }
        }
    });
}
