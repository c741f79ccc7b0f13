//! Triangular matrices times others, in place, in tiles of one thread each.
//!
//! The widths of tiles depend on the sizes of matrices only, so the bytes do not depend on the number of threads.

use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::linalg::triangular_solve::{solve_lower_triangular_in_place, solve_upper_triangular_in_place};
use faer::{Accum, Mat, MatMut, MatRef, Par};
use rayon::prelude::*;

use super::number::Number;
use crate::product::multiply_tile;

/// The number of tiles of a small matrix.
const TILES: usize = 8;
/// Columns of the narrowest tile, whose kernels are still fast, and of the widest.
const NARROW: usize = 64;
const WIDE: usize = 256;
/// Rows computed together. The scratch memory of one tile fits into a core's cache.
const ROWS: usize = 256;

/// Columns of one of `TILES` tiles, within the limits.
fn width(columns: usize) -> usize {
    columns.div_ceil(TILES).next_multiple_of(16).clamp(NARROW, WIDE)
}

fn each_tile<T: Number>(columns: MatMut<'_, T>, work: &(dyn Fn(MatMut<'_, T>) + Sync)) {
    let width = width(columns.ncols());
    columns.par_col_chunks_mut(width).for_each(work);
}

/// columns ← L⁻¹ columns
pub(super) fn solve_lower<T: Number>(l: MatRef<'_, T>, columns: MatMut<'_, T>) {
    each_tile(columns, &|columns| solve_lower_triangular_in_place(l, columns, Par::Seq));
}

/// columns ← U⁻¹ columns
pub(super) fn solve_upper<T: Number>(u: MatRef<'_, T>, columns: MatMut<'_, T>) {
    each_tile(columns, &|columns| solve_upper_triangular_in_place(u, columns, Par::Seq));
}

/// columns ← factor · L columns, from the last row up.
pub(super) fn times_lower<T: Number>(l: MatRef<'_, T>, columns: MatMut<'_, T>, factor: T) {
    let n = l.nrows();
    each_tile(columns, &|mut x| {
        let mut scratch: Mat<T> = Mat::zeros(ROWS.min(n), x.ncols());
        for first in (0..n).step_by(ROWS).rev() {
            let count = ROWS.min(n - first);
            let mut new = scratch.as_mut().subrows_mut(0, count);
            let (above, mut own) = x.as_mut().subrows_mut(0, first + count).split_at_row_mut(first);
            let (corner, left) =
                (l.submatrix(first, first, count, count), l.submatrix(first, 0, count, first));
            times_triangle(new.as_mut(), (corner, BlockStructure::TriangularLower), own.as_ref(), factor);
            multiply_tile(new.as_mut(), Accum::Add, left, above.as_ref(), factor);
            own.copy_from(&new);
        }
    });
}

/// columns ← U columns, from the first row down.
pub(super) fn times_upper<T: Number>(u: MatRef<'_, T>, columns: MatMut<'_, T>) {
    let n = u.nrows();
    each_tile(columns, &|mut x| {
        let mut scratch: Mat<T> = Mat::zeros(ROWS.min(n), x.ncols());
        for first in (0..n).step_by(ROWS) {
            let count = ROWS.min(n - first);
            let end = first + count;
            let mut new = scratch.as_mut().subrows_mut(0, count);
            let (mut own, below) = x.as_mut().subrows_mut(first, n - first).split_at_row_mut(count);
            let (corner, right) =
                (u.submatrix(first, first, count, count), u.submatrix(first, end, count, n - end));
            times_triangle(new.as_mut(), (corner, BlockStructure::TriangularUpper), own.as_ref(), T::of(1.0));
            multiply_tile(new.as_mut(), Accum::Add, right, below.as_ref(), T::of(1.0));
            own.copy_from(&new);
        }
    });
}

/// out ← factor · triangle · x
fn times_triangle<T: Number>(
    out: MatMut<'_, T>,
    (triangle, shape): (MatRef<'_, T>, BlockStructure),
    x: MatRef<'_, T>,
    factor: T,
) {
    let whole = BlockStructure::Rectangular;
    triangular::matmul(out, whole, Accum::Replace, triangle, shape, x, whole, factor, Par::Seq);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(rows: usize, columns: usize) -> Mat<f64> {
        Mat::from_fn(rows, columns, |i, j| ((i * 31 + j * 17) % 23) as f64 / 23.0 - 0.4)
    }

    fn apart(a: &Mat<f64>, b: &Mat<f64>, counts: impl Fn(usize, usize) -> bool) -> f64 {
        let entries = (0..a.ncols()).flat_map(|j| (0..a.nrows()).map(move |i| (i, j)));
        entries.filter(|&(i, j)| counts(i, j)).map(|at| (a[at] - b[at]).abs()).fold(0.0, f64::max)
    }

    #[test]
    fn products_in_place_equal_products_of_whole_matrices() {
        for (n, columns) in [(1, 3), (70, 5), (2 * ROWS + 9, NARROW + 1)] {
            // Entries of the other half must not count.
            let full = numbers(n, n);
            let lower = Mat::from_fn(n, n, |i, j| if i >= j { full[(i, j)] } else { 0.0 });
            let x = numbers(n, columns);
            let (mut by_lower, mut by_upper) = (x.clone(), x.clone());
            times_lower(full.as_ref(), by_lower.as_mut(), -1.0);
            times_upper(full.transpose(), by_upper.as_mut());
            assert!(apart(&by_lower, &(&lower * &x * -1.0), |_, _| true) < 1e-10, "{n}");
            assert!(apart(&by_upper, &(lower.transpose() * &x), |_, _| true) < 1e-10, "{n}");
        }
    }

    #[test]
    fn solves_undo_products() {
        let (n, columns) = (ROWS + 5, WIDE + 9);
        let l = Mat::from_fn(n, n, |i, j| if i == j { 2.0 } else { ((i + 3 * j) % 5) as f64 / 500.0 });
        let x = numbers(n, columns);
        let (mut by_lower, mut by_upper) = (x.clone(), x.clone());
        times_lower(l.as_ref(), by_lower.as_mut(), 1.0);
        solve_lower(l.as_ref(), by_lower.as_mut());
        times_upper(l.transpose(), by_upper.as_mut());
        solve_upper(l.transpose(), by_upper.as_mut());
        assert!(apart(&by_lower, &x, |_, _| true) < 1e-12);
        assert!(apart(&by_upper, &x, |_, _| true) < 1e-12);
    }
}
