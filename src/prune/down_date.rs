//! Down-dating P = G_λ⁻¹ when columns leave: a Cholesky factorisation of P whose pivots are found on the way.
//!
//! P itself stays as it was. What the scores need, the blocks of its diagonal, is kept up to date; the columns of what
//! leaves are P_:R less U U_Rᵀ for all that left before. With P_RR = L Lᵀ, U gains the columns P_AR L⁻ᵀ and the diagonal
//! loses their squares.

use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatMut, MatRef, Par};

use super::PruneProblem;
use super::damping::dead_inputs;
use super::dense::Dense;
use super::inverse::cholesky;
use super::number::Number;
use super::permutation::{pairs_to_the_back, swap_rows};
use super::shared_work::each_panel;
use super::tiles::{multiply, solve_lower};

/// Columns of P that are gathered together, so that what lies in one of its rows is read at once.
const SIDE_BY_SIDE: usize = 16;

pub(super) struct ActiveBlock<T> {
    /// P [n, n] before anything left, lower half, in the order of the weight's columns.
    p: Dense<T>,
    /// The columns of one unit.
    width: usize,
    /// [width, n]: of each column of the weight, the rows of P that belong to its unit.
    corners: Dense<T>,
    /// [active, removed] in front, in the order of the slots.
    u: Dense<T>,
    /// The column of the weight that lies in each slot; what lies behind the active ones has left.
    slots: Vec<usize>,
    active: usize,
    /// Columns just behind the active ones whose departure U and the diagonal have not seen yet.
    pending: usize,
    /// How many columns left in each step.
    steps: Vec<usize>,
}

impl<T: Number> ActiveBlock<T> {
    /// p: [n, n], lower half; `expected` columns are likely to leave.
    pub(super) fn new(p: Dense<T>, width: usize, expected: usize) -> Self {
        let n = p.columns();
        let (corners, u) = (corners(&p, width), Dense::zeros(n, expected));
        Self { p, width, corners, u, slots: (0..n).collect(), active: n, pending: 0, steps: Vec::new() }
    }

    /// P[c, c] of the unit whose first column lies in this slot. Call [`Self::settle`] first.
    pub(super) fn corner(&self, slot: usize) -> MatRef<'_, T> {
        self.corners.view().subcols(self.slots[slot], self.width)
    }

    /// P [n, n] before anything left, lower half.
    pub(super) fn p(&self) -> MatRef<'_, T> {
        self.p.view()
    }

    /// The weight's column in each active slot.
    pub(super) fn slots(&self) -> &[usize] {
        &self.slots[..self.active]
    }

    /// The columns that have left, the last ones first.
    pub(super) fn gone(&self) -> &[usize] {
        &self.slots[self.active..]
    }

    /// U [slots, columns that left before]: those of the last step are not among them before [`Self::settle`].
    pub(super) fn u(&self) -> MatRef<'_, T> {
        self.u.view().subcols(0, self.slots.len() - self.active - self.pending)
    }

    /// Takes the columns in the slots `leaving` (ascending, whole units) to the back and factors their block of P. Call
    /// [`Self::settle`] first and, for those that stay, afterwards. Gives the pairs of slots that were exchanged.
    ///
    /// Fails with a column of the weight where rounding has left P indefinite.
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
        cholesky(p_rr, Par::rayon(0)).map_err(|k| self.slots[stay + k])?;
        (self.active, self.pending) = (stay, leave);
        self.steps.push(leave);
        Ok(pairs)
    }

    /// L [leaving, leaving] of the columns that were taken out last, lower half.
    pub(super) fn l(&self) -> MatRef<'_, T> {
        let (first, leave) = self.last_step();
        self.u.view().submatrix(self.active, first, leave, leave)
    }

    /// P_AR L⁻ᵀ [active, leaving] of the columns that were taken out last. Call [`Self::settle`] first.
    pub(super) fn last_u(&self) -> MatRef<'_, T> {
        let (first, leave) = self.last_step();
        self.u.view().submatrix(0, first, self.active, leave)
    }

    /// The first column of U that belongs to the last step, and how many do.
    fn last_step(&self) -> (usize, usize) {
        let leave = self.steps.last().copied().unwrap_or(0);
        (self.slots.len() - self.active - leave, leave)
    }

    /// Brings U and the diagonal up to date; false where there was nothing to do.
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

    /// The columns that are active, ascending, and W on them as the down-dates mean it, W_A − W_R 𝓛⁻ᵀ U_Aᵀ where
    /// 𝓛 𝓛ᵀ = P_RR of all that has left: [rows, active], row-major. Without compensation they are those of W.
    pub(super) fn compensated(&self, part: &PruneProblem) -> (Vec<usize>, Vec<f64>) {
        let (active, gone) = (self.active, self.slots.len() - self.active);
        let dead = dead_inputs(part.moment);
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

    /// The slots of all that has left: what left together lies side by side, and later steps before earlier ones.
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

/// The blocks of a symmetric matrix along its diagonal, side by side: [width, n]; from its lower half.
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

/// The corner of every active unit loses A_c B_cᵀ; a, b: [active, leaving].
pub(super) fn take_from_corners<T: Number>(
    corners: &mut Dense<T>,
    slots: &[usize],
    width: usize,
    a: MatRef<'_, T>,
    b: MatRef<'_, T>,
) {
    let mut slot_of_unit = vec![None; corners.columns() / width];
    for (slot, column) in slots.iter().enumerate().step_by(width) {
        slot_of_unit[column / width] = Some(slot);
    }
    each_panel(corners.view_mut(), width, &|first, corner| {
        if let Some(slot) = slot_of_unit[first / width] {
            let (a_c, b_c) = (a.subrows(slot, width), b.subrows(slot, width));
            matmul(corner, Accum::Add, a_c, b_c.transpose(), T::of(-1.0), Par::Seq);
        }
    });
}

/// S[slots, R] of a symmetric matrix that is there as its lower half in the order of the weight's columns; R is the last
/// of `slots`, as many as `out` has columns.
pub(super) fn gather_columns<T: Number>(half: &Dense<T>, slots: &[usize], out: MatMut<'_, T>) {
    let leaving = &slots[slots.len() - out.ncols()..];
    each_panel(out, SIDE_BY_SIDE, &|first, mut out| {
        let leaving = &leaving[first..first + out.ncols()];
        for (i, &slot) in slots.iter().enumerate() {
            for (r, &column) in leaving.iter().enumerate() {
                out[(i, r)] = half[(slot.max(column), slot.min(column))];
            }
        }
    });
}
