//! E‖y‖² = tr(W G Wᵀ), the denominator of relative errors.

use faer::Accum;

use super::damping::{Damped, dead_inputs};
use super::dense::{Dense, column_of};
use super::number::{Number, dot};
use super::shared_work::{each_block, each_column, numbers};
use super::{PruneProblem, Units};
use crate::product::multiply;
use crate::prune::{GroupSize, Refine};

/// Number of columns of G per product with W.
const COLUMNS: usize = 256;

/// Multiplications of a product with G from which E‖y‖² is computed after the fit: a few tenths of a second.
const COSTLY: u128 = 1 << 35;

/// Whether E‖y‖² = tr(W G Wᵀ) is computed before the first removal. Otherwise [`energy_after_fit`] gives it.
pub(super) fn is_known_at_start(part: &PruneProblem) -> bool {
    let products = part.rows as u128 * (part.n() as u128).pow(2);
    let batches = matches!(part.units, Units::Channels { group_size } if group_size != GroupSize::Exact);
    let fit_is_the_optimum = part.compensate && part.target.is_none() && part.refine == Refine::None;
    products < COSTLY || !batches || !fit_is_the_optimum || part.remove == 0
}

/// tr(W G Wᵀ) from the fitted weights [rows, kept] of a compensated path with this sum of step errors.
///
/// The fit F minimises E‖Δy‖² + λ‖ΔW‖², so tr(W G_λ Wᵀ) = tr(F G_λ[A,A] Fᵀ) + Σ ε, where A is the set of kept
/// columns. This product has (kept / n)² of the operations of tr(W G Wᵀ).
pub(super) fn energy_after_fit<T: Number>(
    part: &PruneProblem,
    damped: &Damped,
    (kept, fitted): (&[usize], &[f64]),
    step_errors: f64,
) -> f64 {
    let mut w: Dense<T> = Dense::zeros(part.rows, kept.len());
    each_block(w.view_mut(), |first_row, first, columns| {
        for i in 0..columns[0].len() {
            let row = &fitted[(first_row + i) * kept.len() + first..];
            for (column, &value) in columns.iter_mut().zip(row) {
                column[i] = T::of(value);
            }
        }
    });
    let dead = dead_inputs(part);
    let squared = |row: &[f32]| -> f64 {
        row.iter().zip(&dead).filter(|(_, dead)| !**dead).map(|(&w, _)| f64::from(w).powi(2)).sum()
    };
    let before: f64 = part.weight.chunks_exact(part.n()).map(squared).sum();
    let after: f64 = fitted.iter().map(|w| w * w).sum();
    energy(&w, damped, kept) + step_errors + damped.lambda * (after - before)
}

/// tr(W G[of, of] Wᵀ) per token, without damping; w: [rows, of], column-major, `of` is ascending.
///
/// With D the diagonal and B the strictly lower half of G, it is 2 tr(W (D + B) Wᵀ) − tr(W D Wᵀ). Products
/// use the number type, and their sum is in f64.
pub(super) fn energy<T: Number>(w: &Dense<T>, damped: &Damped, of: &[usize]) -> f64 {
    let (rows, n) = (w.view().nrows(), w.columns());
    let g = damped.undamped();
    let width = COLUMNS.min(n);
    // Both are allocated once, because pages of new memory are costly.
    let (mut product, mut panel): (Dense<T>, Dense<T>) = (Dense::zeros(rows, width), Dense::zeros(n, width));
    let mut energy = 0.0;
    for first in (0..n).step_by(COLUMNS) {
        let count = COLUMNS.min(n - first);
        let mut panel = panel.view_mut().submatrix_mut(0, 0, n - first, count);
        each_column(panel.as_mut(), &|j, column| {
            let column = column.try_as_col_major_mut().expect("a column of whole columns").as_slice_mut();
            column[..j].fill(T::default());
            let g = column_of(g, of[first + j]);
            for (out, &i) in column[j..].iter_mut().zip(&of[first + j..]) {
                *out = T::of(g[i]);
            }
        });
        let w_below = w.view().subcols(first, n - first);
        let product_view = product.view_mut().subcols_mut(0, count);
        multiply(product_view, Accum::Replace, w_below, panel.as_ref(), T::of(1.0));
        let columns = numbers(count, &|j| {
            let w_j = w.column(first + j);
            2.0 * dot(w_j, product.column(j)) - g[(of[first + j], of[first + j])] * dot(w_j, w_j)
        });
        energy += columns.iter().sum::<f64>();
    }
    energy
}

/// Σ C_rs G_rs over the columns removed now, plus twice that sum with the columns removed earlier. `columns`
/// contains all removed columns, starting with the `leave` columns removed now; `c` gives C = Wᵀ W between
/// two positions in `columns`.
pub(super) fn rise(columns: &[usize], leave: usize, damped: &Damped, c: impl Fn(usize, usize) -> f64) -> f64 {
    let mut rise = 0.0;
    for r in 0..leave {
        for s in 0..columns.len() {
            let times = if s < leave { 1.0 } else { 2.0 };
            rise += times * c(s, r) * damped.at(columns[s], columns[r]);
        }
    }
    rise
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prune::damping::Damped;
    use crate::prune::slow;

    #[test]
    fn half_of_g_gives_the_energy_of_the_output() {
        let (rows, n) = (9, COLUMNS + 21);
        let moment = slow::moment(1, n, 20);
        let values = slow::random(2, rows * n);
        let w = slow::rows(n, &values);
        let all: Vec<usize> = (0..n).collect();
        let exact = slow::energy(&w, &slow::sub(&Damped::new(&moment, 0.0), &all, &all));
        fn found<T: Number>(moment: &crate::prune::Moment, w: &slow::Rows) -> f64 {
            let mut dense: Dense<T> = Dense::zeros(w.len(), w[0].len());
            for (i, row) in w.iter().enumerate() {
                for (j, &value) in row.iter().enumerate() {
                    dense[(i, j)] = T::of(value);
                }
            }
            energy(&dense, &Damped::new(moment, 0.3), &(0..w[0].len()).collect::<Vec<_>>())
        }
        assert!((found::<f64>(&moment, &w) / exact - 1.0).abs() < 1e-12);
        assert!((found::<f32>(&moment, &w) / exact - 1.0).abs() < 1e-6);
    }
}
