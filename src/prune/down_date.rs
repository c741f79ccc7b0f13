//! Down-dating P = G_λ⁻¹ and W when columns leave: a Cholesky factorisation of P whose pivots are found on the way.
//!
//! P itself stays as it was. What the scores need, the blocks of its diagonal, is kept up to date; the columns of what
//! leaves are P_:R less U U_Rᵀ for all that left before. With P_RR = L Lᵀ, U gains the columns P_AR L⁻ᵀ, the diagonal
//! loses their squares, and with V = W_R L⁻ᵀ the weight becomes W_A − V U_Aᵀ.

use faer::linalg::matmul::matmul;
use faer::linalg::triangular_solve::solve_lower_triangular_in_place;
use faer::{Accum, Mat, MatMut, MatRef, Par};
use rayon::prelude::*;

use super::damping::Damped;
use super::dense::Dense;
use super::exchange::{exchange_columns, exchange_rows, pairs_to_the_back};
use super::inverse::cholesky;
use super::number::{Number, columns_squared};

/// Columns of P that are gathered together, so that what lies in one of its rows is read at once.
const SIDE_BY_SIDE: usize = 16;
/// Rows of W that are turned from column-major to row-major together.
const ROWS: usize = 64;

pub(super) struct ActiveBlock<T> {
    /// P [n, n] before anything left, lower half, in the order of the weight's columns.
    p: Dense<T>,
    /// The columns of one unit.
    width: usize,
    /// [width, n]: of each column of the weight, the rows of P that belong to its unit.
    corners: Dense<T>,
    /// [active, removed] in front, in the order of the slots.
    u: Dense<T>,
    /// [rows, active] in front, in the order of the slots.
    w: Dense<T>,
    /// The column of the weight that lies in each slot; what lies behind the active ones has left.
    slots: Vec<usize>,
    active: usize,
    /// Columns just behind the active ones whose departure the diagonal, U and W have not seen yet.
    pending: usize,
    compensate: bool,
}

impl<T: Number> ActiveBlock<T> {
    /// p: [n, n], lower half; w: [rows, n]; `expected` columns are likely to leave.
    pub(super) fn new(p: Dense<T>, w: Dense<T>, width: usize, expected: usize, compensate: bool) -> Self {
        let n = p.columns();
        let corners = corners(p.view(), width);
        let u = Dense::zeros(n, expected);
        let slots = (0..n).collect();
        Self { p, width, corners, u, w, slots, active: n, pending: 0, compensate }
    }

    /// P[c, c] of the unit whose first column lies in this slot. Call [`Self::settle`] first.
    pub(super) fn corner(&self, slot: usize) -> MatRef<'_, T> {
        self.corners.view().subcols(self.slots[slot], self.width)
    }

    /// P [n, n] before anything left, lower half.
    pub(super) fn p(&self) -> MatRef<'_, T> {
        self.p.view()
    }

    /// W over the active columns. Call [`Self::settle`] first.
    pub(super) fn w(&self) -> MatRef<'_, T> {
        self.w.view().subcols(0, self.active)
    }

    /// The weight's column in each active slot.
    pub(super) fn slots(&self) -> &[usize] {
        &self.slots[..self.active]
    }

    /// Takes the columns in the slots `leaving` (ascending, whole units) out and returns what that costs: ‖W_R L⁻ᵀ‖² with
    /// compensation, else the rise of tr(ΔW G_λ ΔWᵀ). The rest follows at the next [`Self::settle`].
    ///
    /// Fails with a column of the weight where rounding has left P indefinite.
    pub(super) fn remove(&mut self, leaving: &[usize], damped: &Damped) -> Result<f64, usize> {
        self.settle();
        let (stay, leave) = (self.active - leaving.len(), leaving.len());
        let gone = self.slots.len() - self.active;
        let pairs = pairs_to_the_back(leaving, self.active);
        exchange_columns(&mut self.w, &pairs);
        exchange_rows(&mut self.u, &pairs, gone);
        for &(i, j) in &pairs {
            self.slots.swap(i, j);
        }
        self.u.grow(gone + leave);
        let (u, mut p_r) =
            self.u.view_mut().submatrix_mut(0, 0, self.active, gone + leave).split_at_col_mut(gone);
        gather_columns(&self.p, &self.slots[..self.active], p_r.as_mut());
        let u_r = u.as_ref().subrows(stay, leave);
        matmul(p_r.as_mut(), Accum::Add, u.as_ref(), u_r.transpose(), T::of(-1.0), Par::rayon(0));
        let p_rr = p_r.subrows_mut(stay, leave);
        cholesky(p_rr, Par::rayon(0)).map_err(|k| self.slots[stay + k])?;
        (self.active, self.pending) = (stay, leave);
        if !self.compensate {
            return Ok(self.rise_without_compensation(damped));
        }
        let l = self.u.view().submatrix(stay, gone, leave, leave);
        let mut v = self.w.view_mut().subcols_mut(stay, leave);
        solve_lower_triangular_in_place(l, v.as_mut().transpose_mut(), Par::rayon(0));
        Ok(columns_squared(v.as_ref()).iter().sum())
    }

    /// Brings U, the diagonal and W over the active columns up to date.
    pub(super) fn settle(&mut self) {
        let (stay, leave) = (self.active, std::mem::take(&mut self.pending));
        if leave == 0 || stay == 0 {
            return;
        }
        let first = self.slots.len() - stay - leave;
        let new = self.u.view_mut().submatrix_mut(0, first, stay + leave, leave);
        let (mut u, l) = new.split_at_row_mut(stay);
        let l = l.as_ref().subrows(0, leave);
        solve_lower_triangular_in_place(l, u.as_mut().transpose_mut(), Par::rayon(0));
        let u = u.as_ref();
        take_from_corners(&mut self.corners, &self.slots[..stay], self.width, u);
        if self.compensate {
            let (w_a, v) = self.w.view_mut().subcols_mut(0, stay + leave).split_at_col_mut(stay);
            matmul(w_a, Accum::Add, v.as_ref(), u.transpose(), T::of(-1.0), Par::rayon(0));
        }
    }

    /// The columns that are active, ascending, and W on them as the down-dates have left it: [rows, active], row-major.
    pub(super) fn compensated(&mut self) -> (Vec<usize>, Vec<f64>) {
        self.settle();
        let mut order: Vec<usize> = (0..self.active).collect();
        order.sort_unstable_by_key(|&slot| self.slots[slot]);
        let columns: Vec<usize> = order.iter().map(|&slot| self.slots[slot]).collect();
        let w = self.w();
        let mut weight = vec![0.0; w.nrows() * order.len()];
        weight.par_chunks_mut(ROWS * order.len()).enumerate().for_each(|(chunk, rows)| {
            let first = chunk * ROWS;
            for (k, &slot) in order.iter().enumerate() {
                let w_k = w.col(slot).subrows(first, rows.len() / order.len());
                for (i, &value) in w_k.iter().enumerate() {
                    rows[i * order.len() + k] = value.into();
                }
            }
        });
        (columns, weight)
    }

    /// tr(W_R G_RR W_Rᵀ) + 2 tr(W_R G_RS W_Sᵀ), S what had left before R.
    fn rise_without_compensation(&self, damped: &Damped) -> f64 {
        let (stay, leave) = (self.active, self.pending);
        let gone = self.w.columns() - stay;
        let w_r = self.w.view().subcols(stay, leave);
        let w_gone = self.w.view().subcols(stay, gone);
        let mut gram: Mat<T> = Mat::zeros(gone, leave);
        matmul(gram.as_mut(), Accum::Replace, w_gone.transpose(), w_r, T::of(1.0), Par::rayon(0));
        let slots = &self.slots[stay..];
        let mut rise = 0.0;
        for r in 0..leave {
            for s in 0..gone {
                let times = if s < leave { 1.0 } else { 2.0 };
                rise += times * gram[(s, r)].into() * damped.at(slots[s], slots[r]);
            }
        }
        rise
    }
}

/// The blocks of P along its diagonal, side by side: [width, n].
fn corners<T: Number>(p: MatRef<'_, T>, width: usize) -> Dense<T> {
    let mut corners = Dense::zeros(width, p.ncols());
    for (column, corner) in corners.view_mut().col_iter_mut().enumerate() {
        let (first, j) = (column - column % width, column % width);
        for (i, corner) in corner.iter_mut().enumerate() {
            *corner = p[(first + i.max(j), first + i.min(j))];
        }
    }
    corners
}

/// The corner of every active unit loses U_c U_cᵀ; u: [active, leaving].
fn take_from_corners<T: Number>(corners: &mut Dense<T>, slots: &[usize], width: usize, u: MatRef<'_, T>) {
    let mut slot_of_unit = vec![None; corners.columns() / width];
    for (slot, column) in slots.iter().enumerate().step_by(width) {
        slot_of_unit[column / width] = Some(slot);
    }
    let units = corners.view_mut().par_col_chunks_mut(width).zip(slot_of_unit);
    units.for_each(|(mut corner, slot)| {
        if let Some(slot) = slot {
            let u_c = u.subrows(slot, width);
            matmul(corner.as_mut(), Accum::Add, u_c, u_c.transpose(), T::of(-1.0), Par::Seq);
        }
    });
}

/// P[slots, R] before anything left, where R is the last of `slots`, as many as `out` has columns.
fn gather_columns<T: Number>(p: &Dense<T>, slots: &[usize], out: MatMut<'_, T>) {
    let leaving = &slots[slots.len() - out.ncols()..];
    let chunks = out.par_col_chunks_mut(SIDE_BY_SIDE).zip(leaving.par_chunks(SIDE_BY_SIDE));
    chunks.for_each(|(mut out, leaving)| {
        for (i, &slot) in slots.iter().enumerate() {
            for (r, &column) in leaving.iter().enumerate() {
                out[(i, r)] = p[(slot.max(column), slot.min(column))];
            }
        }
    });
}
