//! Loops shared by all threads. They call their body through a pointer, so the loop is compiled once per number
//! type.

use faer::{ColMut, MatMut, MatRef};
use rayon::prelude::*;

use super::dense::column_of;
use super::number::{Number, dot};

/// Size of a block.
const ROWS: usize = 128;
const COLUMNS: usize = 64;

/// Calls `work` on every column with its index.
pub(super) fn each_column<T: Number>(matrix: MatMut<'_, T>, work: &(dyn Fn(usize, ColMut<'_, T>) + Sync)) {
    matrix.par_col_iter_mut().enumerate().for_each(|(j, column)| work(j, column));
}

/// Calls `work` on `width` columns at a time, with the index of the first column.
pub(super) fn each_panel<T: Number>(
    matrix: MatMut<'_, T>,
    width: usize,
    work: &(dyn Fn(usize, MatMut<'_, T>) + Sync),
) {
    matrix.par_col_chunks_mut(width).enumerate().for_each(|(panel, columns)| work(panel * width, columns));
}

/// The columns of a column-major matrix as slices. Loops over them are inlined, unlike those over a matrix.
pub(super) fn slices<T: Number>(matrix: MatMut<'_, T>) -> Vec<&mut [T]> {
    let columns = matrix.col_iter_mut().map(|column| column.try_as_col_major_mut());
    columns.map(|column| column.expect("the columns are contiguous").as_slice_mut()).collect()
}

/// Calls `work` on blocks of [`ROWS`] × [`COLUMNS`], with the indices of their first row and column and their columns as
/// slices. An entry gathered from the rows of another matrix touches a page of its own in each row; in a block, its
/// neighbours use that page as well.
pub(super) fn each_block<T: Number>(
    matrix: MatMut<'_, T>,
    work: impl Fn(usize, usize, &mut [&mut [T]]) + Sync,
) {
    matrix.par_row_chunks_mut(ROWS).enumerate().for_each(|(stretch, rows)| {
        for (block, columns) in slices(rows).chunks_mut(COLUMNS).enumerate() {
            work(stretch * ROWS, block * COLUMNS, columns);
        }
    });
}

/// The values of(0), of(1), … of(count − 1).
pub(super) fn numbers(count: usize, of: &(dyn Fn(usize) -> f64 + Sync)) -> Vec<f64> {
    (0..count).into_par_iter().map(of).collect()
}

/// ‖column‖² of every column, in f64; the matrix is column-major.
pub(super) fn columns_squared<T: Number>(matrix: MatRef<'_, T>) -> Vec<f64> {
    numbers(matrix.ncols(), &|j| {
        let column = column_of(matrix, j);
        dot(column, column)
    })
}
