//! What each head would cost.

use faer::linalg::triangular_solve::solve_lower_triangular_in_place;
use faer::{Mat, Par};
use rayon::prelude::*;

use super::down_date::ActiveBlock;
use super::inverse::cholesky;
use crate::config::HeadScore;

/// The score of every head in the active block, in the order of its slots; a head is `width` columns.
///
/// Fails with a column of the weight where rounding has left P indefinite.
pub(super) fn head_scores(block: &ActiveBlock, width: usize, kind: HeadScore) -> Result<Vec<f64>, usize> {
    let heads = block.slots().len() / width;
    let score = |(l, v): &mut (Mat<f64>, Mat<f64>), head: usize| {
        let first = head * width;
        let w_c = block.w().subcols(first, width);
        let p_cc = block.corner(first);
        let per_column = |divisor: &dyn Fn(usize) -> f64| -> f64 {
            (0..width).map(|j| w_c.col(j).squared_norm_l2() / divisor(j)).sum()
        };
        if kind == HeadScore::Diagonal {
            return Ok(per_column(&|j| p_cc[(j, j)]));
        }
        l.copy_from_triangular_lower(p_cc);
        cholesky(l.as_mut(), Par::Seq).map_err(|k| block.slots()[first + k])?;
        if kind == HeadScore::GroupedCholesky {
            return Ok(per_column(&|j| l[(j, j)] * l[(j, j)]));
        }
        v.copy_from(w_c);
        solve_lower_triangular_in_place(l.as_ref(), v.as_mut().transpose_mut(), Par::Seq);
        Ok(v.squared_norm_l2())
    };
    // only the exact score works on a copy of W_c
    let rows = if kind == HeadScore::Exact { block.w().nrows() } else { 0 };
    let scratch = || (Mat::zeros(width, width), Mat::zeros(rows, width));
    let at_once = heads.div_ceil(2 * rayon::current_num_threads());
    (0..heads).into_par_iter().with_min_len(at_once).map_init(scratch, score).collect()
}
