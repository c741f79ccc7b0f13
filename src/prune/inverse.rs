//! P = G_λ⁻¹, once per weight: Cholesky, the inverse of L, and the product of the halves (n³ flops in total).

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::llt::factor;
use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::linalg::triangular_inverse::invert_lower_triangular;
use faer::{Accum, Mat, MatMut, MatRef, Par};

use super::dense::Dense;
use super::number::Number;
use super::shared_work::each_column;
use super::tiles::{multiply_half, solve_lower, solve_upper};

/// Overwrites the lower half of `a` with its Cholesky factor L, a = L Lᵀ. Fails with the column of the
/// non-positive pivot.
///
/// It splits the matrix into halves, so the updates are products of large matrices.
pub(super) fn cholesky<T: Number>(a: MatMut<'_, T>, par: Par) -> Result<(), usize> {
    let n = a.nrows();
    if n <= ONE_PANEL {
        return cholesky_of_panel(a, par);
    }
    let half = n / 2;
    let (mut a_11, _, mut a_21, mut a_22) = a.split_at_mut(half, half);
    cholesky(a_11.as_mut(), par)?;
    solve_lower(a_11.as_ref(), a_21.as_mut().transpose_mut());
    let l_21 = a_21.as_ref();
    multiply_half(a_22.as_mut(), Accum::Add, l_21, l_21.transpose(), T::of(-1.0));
    cholesky(a_22, par).map_err(|pivot| half + pivot)
}

fn cholesky_of_panel<T: Number>(a: MatMut<'_, T>, par: Par) -> Result<(), usize> {
    let n = a.nrows();
    let mut scratch = MemBuffer::new(factor::cholesky_in_place_scratch::<T>(n, par, Default::default()));
    let stack = MemStack::new(&mut scratch);
    match factor::cholesky_in_place(a, Default::default(), par, stack, Default::default()) {
        Ok(_) => Ok(()),
        Err(factor::LltError::NonPositivePivot { index }) => Err(index),
    }
}

/// Overwrites the lower half of `a` with the lower half of its inverse. Fails like [`cholesky`].
///
/// It works in place, with extra memory for a quarter of the matrix.
pub(super) fn invert<T: Number>(mut a: MatMut<'_, T>) -> Result<(), usize> {
    cholesky(a.as_mut(), Par::rayon(0))?;
    let half = a.nrows().div_ceil(2);
    let mut scratch = Dense::zeros(half, half);
    invert_lower(a.as_mut(), scratch.view_mut());
    multiply_halves(a, scratch.view_mut());
    Ok(())
}

/// Maximum size for which the library factors the matrix.
const ONE_PANEL: usize = 512;

/// Blocks up to this size are not split further.
const SMALL: usize = 128;

/// L ← L⁻¹, lower half; scratch: a quarter of L.
pub(super) fn invert_lower<T: Number>(l: MatMut<'_, T>, mut scratch: MatMut<'_, T>) {
    let n = l.nrows();
    if n <= SMALL {
        let mut l = l;
        let mut l_inv = Mat::zeros(n, n);
        invert_lower_triangular(l_inv.as_mut(), l.as_ref(), Par::Seq);
        l.copy_from_triangular_lower(&l_inv);
        return;
    }
    let (l_11, _, mut l_21, mut l_22) = l.split_at_mut(n / 2, n / 2);
    invert_lower(l_22.as_mut(), scratch.as_mut());
    // The lower left block of the inverse is −L₂₂⁻¹ L₂₁ L₁₁⁻¹: a product, and a solve with the block that is
    // not yet inverted.
    let mut corner = scratch.as_mut().submatrix_mut(0, 0, l_21.nrows(), l_21.ncols());
    let (lower, whole) = (BlockStructure::TriangularLower, BlockStructure::Rectangular);
    let (x_22, minus) = (l_22.as_ref(), T::of(-1.0));
    triangular::matmul(
        corner.as_mut(),
        whole,
        Accum::Replace,
        x_22,
        lower,
        l_21.as_ref(),
        whole,
        minus,
        Par::rayon(0),
    );
    copy(corner.as_ref(), l_21.as_mut());
    solve_upper(l_11.as_ref().transpose(), l_21.transpose_mut());
    invert_lower(l_11, scratch);
}

fn copy<T: Number>(from: MatRef<'_, T>, to: MatMut<'_, T>) {
    each_column(to, &|j, mut to| to.copy_from(from.col(j)));
}

/// M ← Mᵀ M, lower halves; scratch: a quarter of M.
fn multiply_halves<T: Number>(m: MatMut<'_, T>, mut scratch: MatMut<'_, T>) {
    let n = m.nrows();
    let product = |out: MatMut<'_, T>, of: BlockStructure, add, a: MatRef<'_, T>, a_is, b, b_is| {
        triangular::matmul(out, of, add, a, a_is, b, b_is, T::of(1.0), Par::rayon(0));
    };
    let (whole, lower, upper) =
        (BlockStructure::Rectangular, BlockStructure::TriangularLower, BlockStructure::TriangularUpper);
    if n <= SMALL {
        let mut m = m;
        let old = m.as_ref().to_owned();
        product(m.as_mut(), lower, Accum::Replace, old.transpose(), upper, old.as_ref(), lower);
        return;
    }
    let (mut m_11, _, m_21, m_22) = m.split_at_mut(n / 2, n / 2);
    multiply_halves(m_11.as_mut(), scratch.as_mut());
    multiply_half(m_11, Accum::Add, m_21.as_ref().transpose(), m_21.as_ref(), T::of(1.0));
    let mut corner = scratch.as_mut().submatrix_mut(0, 0, m_21.nrows(), m_21.ncols());
    product(corner.as_mut(), whole, Accum::Replace, m_22.as_ref().transpose(), upper, m_21.as_ref(), whole);
    copy(corner.as_ref(), m_21);
    multiply_halves(m_22, scratch);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prune::damping::Damped;
    use crate::prune::slow;

    #[test]
    fn it_is_the_inverse() {
        for n in [1, 2, 33, 129, 300] {
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
        cholesky(halves.as_mut(), Par::rayon(0)).unwrap();
        cholesky_of_panel(whole.as_mut(), Par::rayon(0)).unwrap();
        let apart = |i: usize, j: usize| (halves[(i, j)] - whole[(i, j)]).abs();
        assert!((0..n).all(|j| (j..n).all(|i| apart(i, j) < 1e-12)));
        let late = ONE_PANEL + 300;
        whole[(late, late)] = -1.0;
        assert_eq!(cholesky(whole.as_mut(), Par::rayon(0)), Err(late));
    }

    #[test]
    fn a_failed_factorisation_names_the_pivot() {
        let mut a = Mat::from_fn(3, 3, |i, j| if i == j { [1.0, -1.0, 1.0][i] } else { 0.0 });
        assert_eq!(invert(a.as_mut()), Err(1));
    }
}
