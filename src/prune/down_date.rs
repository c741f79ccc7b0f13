//! Down-dating P = G_λ⁻¹ and W when columns leave.
//!
//! The active columns lie in front. Columns that leave are exchanged to their back, where P_RR = L Lᵀ is factored in
//! place, U = L⁻¹ P_RA takes the place of P_RA and V = W_R L⁻ᵀ that of W_R; then P_AA ← P_AA − Uᵀ U and W_A ← W_A − V U.
//! Nothing is copied, and one half of P does.

use faer::linalg::matmul::matmul;
use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::linalg::triangular_solve::solve_lower_triangular_in_place;
use faer::{Accum, Mat, MatRef, Par};

use super::damping::Damped;
use super::dense::Dense;
use super::exchange::{exchange_columns, exchange_symmetric, pairs_to_the_back};
use super::inverse::cholesky;

pub(super) struct ActiveBlock {
    /// Lower half of [active, active] in front; what lies behind has left.
    p: Dense,
    /// [rows, active] in front.
    w: Dense,
    /// The column of the weight that lies in each slot.
    slots: Vec<usize>,
    active: usize,
    /// Columns just behind the active ones whose departure P and W have not seen yet.
    pending: usize,
    compensate: bool,
}

impl ActiveBlock {
    /// p: lower half of [n, n]; w: [rows, n].
    pub(super) fn new(p: Dense, w: Dense, compensate: bool) -> Self {
        let n = p.columns();
        Self { p, w, slots: (0..n).collect(), active: n, pending: 0, compensate }
    }

    /// The lower half of P over the active columns. Call [`Self::settle`] first.
    pub(super) fn p(&self) -> MatRef<'_, f64> {
        self.p.view().submatrix(0, 0, self.active, self.active)
    }

    /// W over the active columns. Call [`Self::settle`] first.
    pub(super) fn w(&self) -> MatRef<'_, f64> {
        self.w.view().subcols(0, self.active)
    }

    /// The weight's column in each active slot.
    pub(super) fn slots(&self) -> &[usize] {
        &self.slots[..self.active]
    }

    /// Takes the columns in the slots `leaving` (ascending) out and returns what that costs: ‖W_R L⁻ᵀ‖² with
    /// compensation, else the rise of tr(ΔW G_λ ΔWᵀ). P and W follow at the next [`Self::settle`].
    ///
    /// Fails with a column of the weight where rounding has left P indefinite.
    pub(super) fn remove(&mut self, leaving: &[usize], damped: &Damped) -> Result<f64, usize> {
        self.settle();
        let (stay, leave) = (self.active - leaving.len(), leaving.len());
        let pairs = pairs_to_the_back(leaving, self.active);
        exchange_symmetric(&mut self.p, &pairs, self.active);
        exchange_columns(&mut self.w, &pairs);
        for &(i, j) in &pairs {
            self.slots.swap(i, j);
        }
        let mut p_rr = self.p.view_mut().submatrix_mut(stay, stay, leave, leave);
        cholesky(p_rr.as_mut(), Par::rayon(0)).map_err(|k| self.slots[stay + k])?;
        (self.active, self.pending) = (stay, leave);
        if !self.compensate {
            return Ok(self.rise_without_compensation(damped));
        }
        let l = self.p.view().submatrix(stay, stay, leave, leave);
        let mut v = self.w.view_mut().subcols_mut(stay, leave);
        solve_lower_triangular_in_place(l, v.as_mut().transpose_mut(), Par::rayon(0));
        Ok(v.squared_norm_l2())
    }

    /// Brings P and W over the active columns up to date.
    pub(super) fn settle(&mut self) {
        let (stay, leave) = (self.active, std::mem::take(&mut self.pending));
        if leave == 0 || stay == 0 {
            return;
        }
        let (mut p_aa, _, u, l) =
            self.p.view_mut().submatrix_mut(0, 0, stay + leave, stay + leave).split_at_mut(stay, stay);
        let mut u = u;
        solve_lower_triangular_in_place(l.as_ref(), u.as_mut(), Par::rayon(0));
        triangular::matmul(
            p_aa.as_mut(),
            BlockStructure::TriangularLower,
            Accum::Add,
            u.as_ref().transpose(),
            BlockStructure::Rectangular,
            u.as_ref(),
            BlockStructure::Rectangular,
            -1.0,
            Par::rayon(0),
        );
        if self.compensate {
            let (w_a, v) = self.w.view_mut().subcols_mut(0, stay + leave).split_at_col_mut(stay);
            matmul(w_a, Accum::Add, v.as_ref(), u.as_ref(), -1.0, Par::rayon(0));
        }
    }

    /// tr(W_R G_RR W_Rᵀ) + 2 tr(W_R G_RS W_Sᵀ), S what had left before R.
    fn rise_without_compensation(&self, damped: &Damped) -> f64 {
        let (stay, leave) = (self.active, self.pending);
        let gone = self.w.columns() - stay;
        let w_r = self.w.view().subcols(stay, leave);
        let w_gone = self.w.view().subcols(stay, gone);
        let mut gram = Mat::zeros(gone, leave);
        matmul(gram.as_mut(), Accum::Replace, w_gone.transpose(), w_r, 1.0, Par::rayon(0));
        let slots = &self.slots[stay..];
        let mut rise = 0.0;
        for r in 0..leave {
            for s in 0..gone {
                let times = if s < leave { 1.0 } else { 2.0 };
                rise += times * gram[(s, r)] * damped.at(slots[s], slots[r]);
            }
        }
        rise
    }
}
