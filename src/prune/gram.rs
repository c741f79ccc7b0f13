//! C = Wᵀ W, which gives a column's contribution to the output energy without the rows of W.

use faer::Accum;

use super::damping::Damped;
use super::dense::{Dense, column_of};
use super::number::{Number, dot};
use super::shared_work::numbers;
use crate::product::multiply_half;

/// The lower half of C [n, n]; w: [rows, n].
pub(super) fn gram<T: Number>(w: &Dense<T>) -> Dense<T> {
    let mut c = Dense::zeros(w.columns(), w.columns());
    multiply_half(c.view_mut(), Accum::Replace, w.view().transpose(), w.view(), T::of(1.0));
    c
}

/// E‖y‖² = tr(W G Wᵀ) = Σ_ij C_ij G_ij, without damping.
pub(super) fn energy_of<T: Number>(c: &Dense<T>, damped: &Damped) -> f64 {
    let g = damped.undamped();
    let of_column = |j: usize| {
        let c_j = &c.column(j)[j..];
        let g_j = &column_of(g, j)[j..];
        2.0 * dot(c_j, g_j) - c_j[0].into() * g_j[0]
    };
    numbers(c.columns(), &of_column).iter().sum()
}
