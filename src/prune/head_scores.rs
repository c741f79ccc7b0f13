//! The cost of removing each head.

use faer::linalg::triangular_solve::solve_lower_triangular_in_place;
use faer::{Mat, Par};
use rayon::prelude::*;

use super::dense::Dense;
use super::down_date::ActiveBlock;
use super::inverse::cholesky;
use super::number::Number;
use crate::prune::HeadScore;

/// The score of every active head, indexed by slot; a head has `width` columns.
///
/// c: [width, n], the diagonal blocks of C = Wᵀ W. They give ‖W_c L⁻ᵀ‖² = tr(L⁻¹ C[c, c] L⁻ᵀ) and ‖W_j‖² =
/// C_jj. Fails with a column of the weight if rounding has made P indefinite.
pub(super) fn head_scores<T: Number>(
    block: &ActiveBlock<T>,
    c: &Dense<T>,
    width: usize,
    kind: HeadScore,
) -> Result<Vec<f64>, usize> {
    let firsts: Vec<usize> = block.slots().iter().step_by(width).copied().collect();
    scores_of(block, c, &firsts, width, kind)
}

/// The scores of the heads with these first columns of the weight.
pub(super) fn scores_of<T: Number>(
    block: &ActiveBlock<T>,
    c: &Dense<T>,
    firsts: &[usize],
    width: usize,
    kind: HeadScore,
) -> Result<Vec<f64>, usize> {
    let heads = firsts.len();
    let score = |(l, m): &mut (Mat<T>, Mat<T>), head: usize| {
        let first = firsts[head];
        let c_cc = c.view().subcols(first, width);
        let p_cc = block.corner_of(first);
        let per_column = |divisor: &dyn Fn(usize) -> f64| -> f64 {
            (0..width).map(|j| c_cc[(j, j)].into().max(0.0) / divisor(j)).sum()
        };
        if kind == HeadScore::Diagonal {
            return Ok(per_column(&|j| p_cc[(j, j)].into()));
        }
        l.copy_from_triangular_lower(p_cc);
        cholesky(l.as_mut()).map_err(|k| first + k)?;
        if kind == HeadScore::GroupedCholesky {
            return Ok(per_column(&|j| l[(j, j)].into() * l[(j, j)].into()));
        }
        m.copy_from(c_cc);
        solve_lower_triangular_in_place(l.as_ref(), m.as_mut(), Par::Seq);
        solve_lower_triangular_in_place(l.as_ref(), m.as_mut().transpose_mut(), Par::Seq);
        Ok((0..width).map(|j| m[(j, j)].into()).sum())
    };
    let scratch = || (Mat::zeros(width, width), Mat::zeros(width, width));
    let at_once = heads.div_ceil(2 * rayon::current_num_threads());
    (0..heads).into_par_iter().with_min_len(at_once).map_init(scratch, score).collect()
}
