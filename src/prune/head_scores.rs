//! What each head would cost.

use faer::linalg::triangular_solve::solve_lower_triangular_in_place;
use faer::{Mat, Par};
use rayon::prelude::*;

use super::down_date::ActiveBlock;
use super::inverse::cholesky;
use super::number::{Number, columns_squared};
use crate::config::HeadScore;

/// The score of every head in the active block, in the order of its slots; a head is `width` columns.
///
/// Fails with a column of the weight where rounding has left P indefinite.
pub(super) fn head_scores<T: Number>(
    block: &ActiveBlock<T>,
    width: usize,
    kind: HeadScore,
) -> Result<Vec<f64>, usize> {
    let heads = block.slots().len() / width;
    let score = |(l, v): &mut (Mat<T>, Mat<T>), head: usize| {
        let first = head * width;
        let w_c = block.w().subcols(first, width);
        let p_cc = block.corner(first);
        let per_column = |divisor: &dyn Fn(usize) -> f64| -> f64 {
            columns_squared(w_c).iter().enumerate().map(|(j, squared)| squared / divisor(j)).sum()
        };
        if kind == HeadScore::Diagonal {
            return Ok(per_column(&|j| p_cc[(j, j)].into()));
        }
        l.copy_from_triangular_lower(p_cc);
        cholesky(l.as_mut(), Par::Seq).map_err(|k| block.slots()[first + k])?;
        if kind == HeadScore::GroupedCholesky {
            return Ok(per_column(&|j| l[(j, j)].into() * l[(j, j)].into()));
        }
        v.copy_from(w_c);
        solve_lower_triangular_in_place(l.as_ref(), v.as_mut().transpose_mut(), Par::Seq);
        Ok(columns_squared(v.as_ref()).iter().sum())
    };
    // only the exact score works on a copy of W_c
    let rows = if kind == HeadScore::Exact { block.w().nrows() } else { 0 };
    let scratch = || (Mat::zeros(width, width), Mat::zeros(rows, width));
    let at_once = heads.div_ceil(2 * rayon::current_num_threads());
    (0..heads).into_par_iter().with_min_len(at_once).map_init(scratch, score).collect()
}
