//! P = G_λ⁻¹, once per weight: Cholesky, the inverse of L, and the product of the halves (n³ flops in total).
//!
//! Each of the three splits the matrix into halves, so that almost all operations are products of large matrices.

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::llt::factor;
use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::linalg::triangular_inverse::invert_lower_triangular;
use faer::{Accum, Mat, MatMut, Par};

use super::number::Number;
use super::triangles::{solve_lower, solve_upper, times_lower, times_upper};
use crate::product::multiply_half;

/// Maximum size for which the library factors the matrix, on one thread.
const ONE_PANEL: usize = 256;

/// Blocks up to this size are not split further.
const SMALL: usize = 128;

/// Overwrites the lower half of `a` with its Cholesky factor L, a = L Lᵀ. Fails with the column of the
/// non-positive pivot.
pub(super) fn cholesky<T: Number>(a: MatMut<'_, T>) -> Result<(), usize> {
    let n = a.nrows();
    if n <= ONE_PANEL {
        return cholesky_of_panel(a);
    }
    let half = n / 2;
    let (mut a_11, _, mut a_21, mut a_22) = a.split_at_mut(half, half);
    cholesky(a_11.as_mut())?;
    solve_lower(a_11.as_ref(), a_21.as_mut().transpose_mut());
    multiply_half(a_22.as_mut(), Accum::Add, a_21.as_ref(), a_21.as_ref().transpose(), T::of(-1.0));
    cholesky(a_22).map_err(|pivot| half + pivot)
}

fn cholesky_of_panel<T: Number>(a: MatMut<'_, T>) -> Result<(), usize> {
    let (n, par) = (a.nrows(), Par::Seq);
    let mut scratch = MemBuffer::new(factor::cholesky_in_place_scratch::<T>(n, par, Default::default()));
    let stack = MemStack::new(&mut scratch);
    match factor::cholesky_in_place(a, Default::default(), par, stack, Default::default()) {
        Ok(_) => Ok(()),
        Err(factor::LltError::NonPositivePivot { index }) => Err(index),
    }
}

/// Overwrites the lower half of `a` with the lower half of its inverse. Fails like [`cholesky`].
pub(super) fn invert<T: Number>(mut a: MatMut<'_, T>) -> Result<(), usize> {
    cholesky(a.as_mut())?;
    invert_lower(a.as_mut());
    multiply_halves(a);
    Ok(())
}

/// L ← L⁻¹, lower half.
pub(super) fn invert_lower<T: Number>(mut l: MatMut<'_, T>) {
    let n = l.nrows();
    if n <= SMALL {
        let mut l_inv = Mat::zeros(n, n);
        invert_lower_triangular(l_inv.as_mut(), l.as_ref(), Par::Seq);
        l.copy_from_triangular_lower(&l_inv);
        return;
    }
    let (mut l_11, _, mut l_21, mut l_22) = l.split_at_mut(n / 2, n / 2);
    // The lower left block of the inverse is −L₂₂⁻¹ L₂₁ L₁₁⁻¹: a solve with the block that is not yet inverted,
    // and a product with the other one, inverted.
    solve_upper(l_11.as_ref().transpose(), l_21.as_mut().transpose_mut());
    rayon::join(|| invert_lower(l_11.as_mut()), || invert_lower(l_22.as_mut()));
    times_lower(l_22.as_ref(), l_21, T::of(-1.0));
}

/// M ← Mᵀ M, lower halves.
fn multiply_halves<T: Number>(mut m: MatMut<'_, T>) {
    let n = m.nrows();
    if n <= SMALL {
        let (lower, upper) = (BlockStructure::TriangularLower, BlockStructure::TriangularUpper);
        let old = m.as_ref().to_owned();
        let (a, b, one) = (old.transpose(), old.as_ref(), T::of(1.0));
        triangular::matmul(m.as_mut(), lower, Accum::Replace, a, upper, b, lower, one, Par::Seq);
        return;
    }
    let (mut m_11, _, mut m_21, m_22) = m.split_at_mut(n / 2, n / 2);
    multiply_halves(m_11.as_mut());
    multiply_half(m_11, Accum::Add, m_21.as_ref().transpose(), m_21.as_ref(), T::of(1.0));
    times_upper(m_22.as_ref().transpose(), m_21.as_mut());
    multiply_halves(m_22);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prune::damping::Damped;
    use crate::prune::dense::Dense;
    use crate::prune::slow;

    #[test]
    fn it_is_the_inverse() {
        for n in [1, 2, 33, 129, 300, 560] {
            let moment = slow::moment(n as u64, n, 3 * n);
            let damped = Damped::new(&moment, 0.01);
            let all: Vec<usize> = (0..n).collect();
            let mut p: Dense<f64> = damped.lower(&all);
            invert(p.view_mut()).unwrap();
            let expected = slow::inverse(&slow::sub(&damped, &all, &all));
            for j in 0..n {
                for i in j..n {
                    assert!((p[(i, j)] - expected[i][j]).abs() < 1e-9 * expected[i][i].max(1.0));
                }
            }
        }
    }

    #[test]
    fn a_factor_by_halves_is_the_cholesky_factor() {
        let n = 2 * ONE_PANEL + 77;
        let a =
            Mat::from_fn(n, n, |i, j| if i == j { 3.0 } else { 1.0 / (1.0 + i.abs_diff(j) as f64).powi(2) });
        let (mut halves, mut whole) = (a.clone(), a);
        cholesky(halves.as_mut()).unwrap();
        cholesky_of_panel(whole.as_mut()).unwrap();
        let apart = |i: usize, j: usize| (halves[(i, j)] - whole[(i, j)]).abs();
        assert!((0..n).all(|j| (j..n).all(|i| apart(i, j) < 1e-12)));
        let late = ONE_PANEL + 300;
        whole[(late, late)] = -1.0;
        assert_eq!(cholesky(whole.as_mut()), Err(late));
    }

    #[test]
    fn a_failed_factorisation_names_the_pivot() {
        let mut a = Mat::from_fn(3, 3, |i, j| if i == j { [1.0, -1.0, 1.0][i] } else { 0.0 });
        assert_eq!(invert(a.as_mut()), Err(1));
    }
}
