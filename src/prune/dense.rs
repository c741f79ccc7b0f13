//! A column-major matrix, initially zero.
//!
//! The allocator provides the zeros as untouched pages, so the unwritten half of a symmetric matrix takes neither
//! time nor memory.

use std::ops::{Index, IndexMut};

use faer::{MatMut, MatRef};

use super::number::Number;

pub(super) struct Dense<T> {
    values: Vec<T>,
    rows: usize,
    columns: usize,
    stride: usize,
}

impl<T: Number> Dense<T> {
    pub(super) fn zeros(rows: usize, columns: usize) -> Self {
        // The stride is an odd number of cache lines, so entries of one row do not compete for the same cache
        // set.
        let stride = (rows.div_ceil(8) | 1) * 8;
        Self { values: vec![T::default(); stride * columns], rows, columns, stride }
    }

    pub(super) fn columns(&self) -> usize {
        self.columns
    }

    pub(super) fn view(&self) -> MatRef<'_, T> {
        MatRef::from_column_major_slice_with_stride(&self.values, self.rows, self.columns, self.stride)
    }

    pub(super) fn view_mut(&mut self) -> MatMut<'_, T> {
        MatMut::from_column_major_slice_with_stride_mut(
            &mut self.values,
            self.rows,
            self.columns,
            self.stride,
        )
    }

    pub(super) fn column(&self, j: usize) -> &[T] {
        &self.values[j * self.stride..][..self.rows]
    }

    pub(super) fn column_mut(&mut self, j: usize) -> &mut [T] {
        &mut self.values[j * self.stride..][..self.rows]
    }

    /// Appends columns of zeros up to this number of columns.
    pub(super) fn grow(&mut self, columns: usize) {
        if columns > self.columns {
            self.columns = columns;
            self.values.resize(self.stride * columns, T::default());
        }
    }

    /// Keeps only the rows and columns `of` (ascending) of the lower half, in place.
    pub(super) fn compact_symmetric(&mut self, of: &[usize]) {
        for (to_column, &from_column) in of.iter().enumerate() {
            for (to, &from) in of.iter().enumerate().skip(to_column) {
                // The target never overwrites an entry that has not been read yet.
                self.values[to_column * self.stride + to] = self.values[from_column * self.stride + from];
            }
        }
    }

    /// Rows `first`.. of column q of a symmetric matrix stored as its lower half.
    pub(super) fn half_column(&self, q: usize, first: usize, out: &mut [T]) {
        for (out, i) in out.iter_mut().zip(first..) {
            *out = self[(i.max(q), i.min(q))];
        }
    }

    /// The first `size` entries of the diagonal.
    pub(super) fn diagonal(&self, size: usize) -> Vec<f64> {
        (0..size).map(|j| self[(j, j)].into()).collect()
    }
}

/// Column j of a matrix whose columns are contiguous.
pub(super) fn column_of<T: Number>(matrix: MatRef<'_, T>, j: usize) -> &[T] {
    matrix.col(j).try_as_col_major().expect("columns of a column-major matrix are contiguous").as_slice()
}

impl<T> Index<(usize, usize)> for Dense<T> {
    type Output = T;

    #[inline]
    fn index(&self, (i, j): (usize, usize)) -> &T {
        &self.values[j * self.stride + i]
    }
}

impl<T> IndexMut<(usize, usize)> for Dense<T> {
    #[inline]
    fn index_mut(&mut self, (i, j): (usize, usize)) -> &mut T {
        &mut self.values[j * self.stride + i]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compacting_keeps_the_lower_half_of_the_kept_rows() {
        let (n, stay) = (9, [0, 3, 4, 7]);
        let mut half: Dense<f64> = Dense::zeros(n, n);
        for (i, j) in (0..n).flat_map(|j| (j..n).map(move |i| (i, j))) {
            half[(i, j)] = (j * 100 + i) as f64;
        }
        half.compact_symmetric(&stay);
        for j in 0..stay.len() {
            for i in j..stay.len() {
                assert_eq!(half[(i, j)], (stay[j] * 100 + stay[i]) as f64);
            }
        }
    }
}
