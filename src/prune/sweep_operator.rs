//! G_λ swept by the kept columns, and the cost of swapping two units when the kept columns compensate.
//!
//! With A the kept columns, R the removed ones and F = G_AA⁻¹ (all of G_λ), the matrix S has the blocks S_RR = K =
//! G_RR − G_RA F G_AR, S_AA = −F and S_RA = G_RA F. Q = Ŵᵀ Ŵ holds the fitted weights Ŵ_A, and Ŵ_R = W_R K. The
//! error is tr(W_R K W_Rᵀ). Moving a unit p to the other side, in either direction, adds −tr(S_pp⁻¹ Q_pp): the gain
//! of restoring a removed unit, or the cost of removing a kept one. With Z = S_pp⁻¹ S_p: and Y = Q_p: − ½ Q_pp Z,
//! all other entries become S − S_:p Z and Q − Zᵀ Y − Yᵀ Z (the sweep of Beaton and of Goodnight), so the cost of a
//! pair also has a closed form.

use faer::linalg::triangular_solve::solve_lower_triangular_in_place;
use faer::{Accum, Mat, MatRef, Par};
use rayon::prelude::*;

use super::dense::Dense;
use super::inverse::cholesky;
use super::swaps::{Swap, first_of};
use super::triangles::{solve_lower, solve_upper};
use crate::product::multiply;

/// Some of the units, in any order. Their entries do not depend on other units unless those are moved.
pub(super) struct SweepOperator {
    pub width: usize,
    /// Whether each unit is removed.
    pub out: Vec<bool>,
    /// S [units·width, units·width], both halves.
    pub s: Dense<f64>,
    /// Q [units·width, units·width], both halves.
    pub q: Dense<f64>,
}

impl SweepOperator {
    /// The swap of a removed and a kept unit with the lowest change of the error, among the allowed pairs (removed, kept).
    pub(super) fn best(&self, allowed: impl Fn(usize, usize) -> bool + Sync) -> Option<Swap> {
        let (gone, kept) = sides(&self.out);
        if self.width == 1 {
            let (s, q) = (self.s.diagonal(self.out.len()), self.q.diagonal(self.out.len()));
            let of = |&back: &usize| self.best_with(back, &kept, (&s, &q), &allowed);
            return first_of(gone.par_iter().filter_map(of).collect::<Vec<_>>());
        }
        let pairs: Vec<(usize, usize)> =
            gone.iter().flat_map(|&back| kept.iter().map(move |&out| (back, out))).collect();
        let of = |&(back, out): &(usize, usize)| {
            let change = allowed(back, out).then(|| self.change(back, out)).flatten()?;
            Some(Swap { back, out, change })
        };
        first_of(pairs.par_iter().filter_map(of).collect::<Vec<_>>())
    }

    /// The best swap of one removed channel; `s` and `q` are the diagonals.
    fn best_with(
        &self,
        back: usize,
        kept: &[usize],
        (s, q): (&[f64], &[f64]),
        allowed: &(impl Fn(usize, usize) -> bool + Sync),
    ) -> Option<Swap> {
        let (s_back, q_back) = (self.s.column(back), self.q.column(back));
        let given_back = q[back] / s[back];
        let swaps = kept.iter().filter(|&&out| allowed(back, out)).map(|&out| {
            let z = s_back[out] / s[back];
            let (s_out, q_out) = (s[out] - s_back[out] * z, q[out] - z * (2.0 * q_back[out] - z * q[back]));
            Swap { back, out, change: -q_out.max(0.0) / s_out - given_back }
        });
        // Except for rounding, S_pp is positive for removed units and negative for kept ones.
        first_of(swaps.filter(|swap| s[back] > 0.0 && s[swap.out] < 0.0))
    }

    /// The change of the error from restoring `back` and removing `out`; None if rounding has corrupted S.
    fn change(&self, back: usize, out: usize) -> Option<f64> {
        let corner = |of: &Dense<f64>, i: usize, j: usize| self.corner(of, i, j).to_owned();
        let mut l = corner(&self.s, back, back);
        cholesky(l.as_mut()).ok()?;
        let (s_bo, q_bb) = (corner(&self.s, back, out), corner(&self.q, back, back));
        let mut z = s_bo.clone();
        solve(&l, &mut z);
        let y = corner(&self.q, back, out) - &q_bb * &z * 0.5;
        let s_oo = corner(&self.s, out, out) - s_bo.transpose() * &z;
        let q_oo = corner(&self.q, out, out) - z.transpose() * &y - y.transpose() * &z;
        let mut l_out = s_oo * -1.0;
        cholesky(l_out.as_mut()).ok()?;
        Some(trace_of_quotient(&l_out, q_oo) - trace_of_quotient(&l, q_bb))
    }

    /// Restores one unit and removes the other. Returns false if rounding has corrupted S.
    pub(super) fn swap(&mut self, back: usize, out: usize) -> bool {
        self.sweep(back).is_some() && self.sweep(out).is_some()
    }

    /// Moves a unit to the other side.
    fn sweep(&mut self, unit: usize) -> Option<()> {
        let (w, m) = (self.width, self.out.len() * self.width);
        let (first, sign) = (unit * w, if self.out[unit] { 1.0 } else { -1.0 });
        let mut l = self.corner(&self.s, unit, unit) * sign;
        cholesky(l.as_mut()).ok()?;
        let mut inverse: Mat<f64> = Mat::identity(w, w);
        solve(&l, &mut inverse);
        inverse *= sign;
        let (s_p, q_p) = (self.columns(&self.s, first), self.columns(&self.q, first));
        let q_pp = self.corner(&self.q, unit, unit).to_owned();
        // Zᵀ and Yᵀ, concatenated in both orders.
        let z = &s_p * &inverse;
        let y = &q_p - &z * &q_pp * 0.5;
        let both = |a: &Mat<f64>, b: &Mat<f64>| {
            Mat::from_fn(m, 2 * w, |i, j| if j < w { a[(i, j)] } else { b[(i, j - w)] })
        };
        let (zy, yz) = (both(&z, &y), both(&y, &z));
        multiply(self.s.view_mut(), Accum::Add, z.as_ref(), s_p.transpose(), -1.0);
        multiply(self.q.view_mut(), Accum::Add, zy.as_ref(), yz.transpose(), -1.0);
        let mut of_s = z.clone() * sign;
        let mut of_q = (&q_p - &z * &q_pp) * &inverse * sign;
        let q_pp = &inverse * &q_pp * &inverse;
        of_s.as_mut().subrows_mut(first, w).copy_from(&inverse * -1.0);
        of_q.as_mut().subrows_mut(first, w).copy_from(&q_pp);
        for (matrix, of) in [(&mut self.s, of_s), (&mut self.q, of_q)] {
            matrix.view_mut().subcols_mut(first, w).copy_from(&of);
            matrix.view_mut().subrows_mut(first, w).copy_from(of.transpose());
        }
        self.out[unit] = !self.out[unit];
        Some(())
    }

    fn corner<'m>(&self, of: &'m Dense<f64>, i: usize, j: usize) -> MatRef<'m, f64> {
        of.view().submatrix(i * self.width, j * self.width, self.width, self.width)
    }

    fn columns(&self, of: &Dense<f64>, first: usize) -> Mat<f64> {
        of.view().subcols(first, self.width).to_owned()
    }
}

/// The removed units and the kept ones.
pub(super) fn sides(out: &[bool]) -> (Vec<usize>, Vec<usize>) {
    (0..out.len()).partition(|&unit| out[unit])
}

/// columns ← (L Lᵀ)⁻¹ columns
fn solve(l: &Mat<f64>, columns: &mut Mat<f64>) {
    solve_lower(l.as_ref(), columns.as_mut());
    solve_upper(l.transpose(), columns.as_mut());
}

/// tr((L Lᵀ)⁻¹ Q)
pub(super) fn trace_of_quotient(l: &Mat<f64>, mut q: Mat<f64>) -> f64 {
    solve_lower_triangular_in_place(l.as_ref(), q.as_mut(), Par::Seq);
    solve_lower_triangular_in_place(l.as_ref(), q.as_mut().transpose_mut(), Par::Seq);
    (0..q.nrows()).map(|j| q[(j, j)]).sum()
}
