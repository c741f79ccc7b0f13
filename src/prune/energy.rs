//! E‖y‖² = tr(W G Wᵀ), what relative errors are told against.

use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::{Accum, Mat, Par};
use rayon::prelude::*;

use super::dense::Dense;
use super::number::{Number, dot};

/// Rows of W that are multiplied at once.
const ROWS: usize = 512;

/// tr(W G Wᵀ) per token; w: [rows, n], g: [n, n], of which the lower half is looked at.
///
/// With D the diagonal and B the strictly lower half of G it is 2 tr(W (D + B) Wᵀ) − tr(W D Wᵀ). Products are those of the
/// number type, their sum is one of f64.
pub(super) fn energy<T: Number>(w: &Dense<T>, g: &Dense<T>) -> f64 {
    let (rows, n) = (w.view().nrows(), g.columns());
    let mut below: Mat<T> = Mat::zeros(ROWS.min(rows), n);
    let mut energy = 0.0;
    for first in (0..rows).step_by(ROWS) {
        let count = ROWS.min(rows - first);
        let mut below = below.as_mut().subrows_mut(0, count);
        triangular::matmul(
            below.as_mut(),
            BlockStructure::Rectangular,
            Accum::Replace,
            w.view().subrows(first, count),
            BlockStructure::Rectangular,
            g.view(),
            BlockStructure::TriangularLower,
            T::of(1.0),
            Par::rayon(0),
        );
        let of_column = |(j, below): (usize, faer::ColRef<'_, T>)| {
            let below = below.try_as_col_major().expect("a column of a matrix of whole columns");
            let w_j = &w.column(j)[first..first + count];
            2.0 * dot(w_j, below.as_slice()) - g[(j, j)].into() * dot(w_j, w_j)
        };
        let columns: Vec<f64> = below.as_ref().par_col_iter().enumerate().map(of_column).collect();
        energy += columns.iter().sum::<f64>();
    }
    energy
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prune::damping::Damped;
    use crate::prune::slow;

    #[test]
    fn half_of_g_gives_the_energy_of_the_output() {
        let (rows, n) = (ROWS + 9, 21);
        let moment = slow::moment(1, n, 3 * n);
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
            energy(&dense, &Damped::new(moment, 0.3).undamped_lower())
        }
        assert!((found::<f64>(&moment, &w) / exact - 1.0).abs() < 1e-12);
        assert!((found::<f32>(&moment, &w) / exact - 1.0).abs() < 1e-6);
    }
}
