//! P = G_λ⁻¹, once for each weight: Cholesky, the inverse of L, and the product of the halves (n³ flops).

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::llt::factor;
use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::linalg::triangular_inverse::invert_lower_triangular;
use faer::{Accum, Mat, MatMut, Par};

/// Overwrites the lower half of `a` with its Cholesky factor L, a = L Lᵀ. Fails with the column of the pivot that was
/// not positive.
pub(super) fn cholesky(a: MatMut<'_, f64>, par: Par) -> Result<(), usize> {
    let n = a.nrows();
    let mut scratch = MemBuffer::new(factor::cholesky_in_place_scratch::<f64>(n, par, Default::default()));
    let stack = MemStack::new(&mut scratch);
    match factor::cholesky_in_place(a, Default::default(), par, stack, Default::default()) {
        Ok(_) => Ok(()),
        Err(factor::LltError::NonPositivePivot { index }) => Err(index),
    }
}

/// Overwrites the lower half of `a` with that of its inverse. Fails like [`cholesky`].
pub(super) fn invert(mut a: Mat<f64>, par: Par) -> Result<Mat<f64>, usize> {
    let n = a.nrows();
    cholesky(a.as_mut(), par)?;
    let mut l_inv = Mat::zeros(n, n);
    invert_lower_triangular(l_inv.as_mut(), a.as_ref(), par);
    triangular::matmul(
        a.as_mut(),
        BlockStructure::TriangularLower,
        Accum::Replace,
        l_inv.transpose(),
        BlockStructure::TriangularUpper,
        l_inv.as_ref(),
        BlockStructure::TriangularLower,
        1.0,
        par,
    );
    Ok(a)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prune::damping::Damped;
    use crate::prune::slow;

    #[test]
    fn it_is_the_inverse() {
        for n in [1, 2, 33, 100] {
            let moment = slow::moment(n as u64, n, 3 * n);
            let damped = Damped::new(&moment, 0.01);
            let all: Vec<usize> = (0..n).collect();
            let p = invert(damped.lower(&all), Par::rayon(0)).unwrap();
            let expected = slow::inverse(&slow::sub(&damped, &all, &all));
            for j in 0..n {
                for i in j..n {
                    assert!((p[(i, j)] - expected[i][j]).abs() < 1e-9 * expected[i][i].max(1.0));
                }
            }
        }
    }

    #[test]
    fn the_pivot_that_fails_is_told() {
        let a = Mat::from_fn(3, 3, |i, j| if i == j { [1.0, -1.0, 1.0][i] } else { 0.0 });
        assert_eq!(invert(a, Par::Seq).unwrap_err(), 1);
    }
}
