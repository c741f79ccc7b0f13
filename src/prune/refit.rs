//! The weights of the kept columns: one least-squares fit in f64.

use faer::{Accum, MatMut, MatRef};
use rayon::prelude::*;

use super::PruneProblem;
use super::damping::{Damped, dead_inputs};
use super::dense::Dense;
use super::inverse::cholesky;
use super::triangles::{solve_lower, solve_upper};
use crate::product::multiply;

/// W_OBS = W G_λ[:,A] G_λ[A,A]⁻¹. With a target T it is W_T = (T[:,A] + λ W_OBS) G_λ[A,A]⁻¹, or a mixture of
/// the two, weighted by the target's weight: [rows, kept], row-major.
///
/// W_OBS is computed as W_A + W_R G[R,A] G_λ[A,A]⁻¹, where R was removed. The inverse is applied to the rows
/// of W_R G[R,A] or to those of G[R,A], whichever are fewer. Both lists of columns are ascending. Fails with
/// a column of the weight if G_λ[A,A] is not positive definite.
pub(super) fn refit(
    part: &PruneProblem,
    damped: &Damped,
    kept: &[usize],
    removed: &[usize],
) -> Result<Vec<f64>, usize> {
    let mut l: Dense<f64> = damped.lower(kept);
    cholesky(l.view_mut()).map_err(|k| kept[k])?;
    let mut fitted = vec![0.0; part.rows * kept.len()];
    let dead = dead_inputs(part);
    {
        let w_r = gather(part, removed, &dead);
        let mut product = |g_ar: MatRef<'_, f64>| {
            let w_r = MatRef::from_row_major_slice(&w_r, part.rows, removed.len());
            let fitted = MatMut::from_row_major_slice_mut(&mut fitted, part.rows, kept.len());
            multiply(fitted, Accum::Replace, w_r, g_ar.transpose(), 1.0);
        };
        let mut g_ar = damped.between(kept, removed);
        if removed.len() < part.rows {
            divide(g_ar.view_mut(), &l);
            product(g_ar.view());
        } else {
            product(g_ar.view());
            divide_rows(&mut fitted, &l);
        }
    }
    let own = part.weight.par_chunks_exact(part.n());
    fitted.par_chunks_exact_mut(kept.len()).zip(own).for_each(|(fitted, own)| {
        for (fitted, &j) in fitted.iter_mut().zip(kept) {
            if !dead[j] {
                *fitted += f64::from(own[j]);
            }
        }
    });
    if let Some(target) = part.target {
        let own = fitted.clone();
        let rows = fitted.par_chunks_exact_mut(kept.len()).zip(target.par_chunks_exact(part.n()));
        rows.for_each(|(fitted, target)| {
            for (fitted, &j) in fitted.iter_mut().zip(kept) {
                *fitted = target[j] + damped.lambda * *fitted;
            }
        });
        divide_rows(&mut fitted, &l);
        let weight = part.target_weight;
        for (fitted, own) in fitted.iter_mut().zip(own) {
            *fitted = own + weight * (*fitted - own);
        }
    }
    Ok(fitted)
}

/// Columns of the original W: [rows, columns], row-major.
pub(super) fn originals(part: &PruneProblem, columns: &[usize]) -> Vec<f64> {
    let row = |row: &[f32]| columns.iter().map(|&j| f64::from(row[j])).collect::<Vec<_>>();
    part.weight.chunks_exact(part.n()).flat_map(row).collect()
}

/// Columns of W with zeros for dead inputs: [rows, columns], row-major.
fn gather(part: &PruneProblem, columns: &[usize], dead: &[bool]) -> Vec<f64> {
    let mut gathered = vec![0.0; part.rows * columns.len()];
    if columns.is_empty() {
        return gathered;
    }
    let rows = gathered.par_chunks_exact_mut(columns.len()).zip(part.weight.par_chunks_exact(part.n()));
    rows.for_each(|(out, row)| {
        for (out, &j) in out.iter_mut().zip(columns) {
            *out = if dead[j] { 0.0 } else { f64::from(row[j]) };
        }
    });
    gathered
}

/// rows ← rows (L Lᵀ)⁻¹; rows: [any, kept], row-major.
fn divide_rows(rows: &mut [f64], l: &Dense<f64>) {
    let kept = l.columns();
    let count = rows.len() / kept;
    divide(MatMut::from_column_major_slice_mut(rows, kept, count), l);
}

/// columns ← (L Lᵀ)⁻¹ columns; columns: [kept, any].
fn divide(mut columns: MatMut<'_, f64>, l: &Dense<f64>) {
    solve_lower(l.view(), columns.as_mut());
    solve_upper(l.view().transpose(), columns.as_mut());
}
