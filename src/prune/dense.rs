//! A column-major matrix that starts as zeros.
//!
//! The zeros come from the allocator, which hands out fresh pages untouched: the half of a symmetric matrix that nobody
//! writes costs neither time nor memory.

use std::ops::{Index, IndexMut};

use faer::{MatMut, MatRef};

pub(super) struct Dense {
    values: Vec<f64>,
    rows: usize,
    columns: usize,
    stride: usize,
}

impl Dense {
    pub(super) fn zeros(rows: usize, columns: usize) -> Self {
        // an odd number of cache lines, so that the entries of a row don't share their place in the cache
        let stride = (rows.div_ceil(8) | 1) * 8;
        Self { values: vec![0.0; stride * columns], rows, columns, stride }
    }

    pub(super) fn columns(&self) -> usize {
        self.columns
    }

    pub(super) fn view(&self) -> MatRef<'_, f64> {
        MatRef::from_column_major_slice_with_stride(&self.values, self.rows, self.columns, self.stride)
    }

    pub(super) fn view_mut(&mut self) -> MatMut<'_, f64> {
        MatMut::from_column_major_slice_with_stride_mut(
            &mut self.values,
            self.rows,
            self.columns,
            self.stride,
        )
    }

    pub(super) fn column_mut(&mut self, j: usize) -> &mut [f64] {
        &mut self.values[j * self.stride..][..self.rows]
    }

    /// More columns of zeros behind, where there are fewer than this.
    pub(super) fn grow(&mut self, columns: usize) {
        if columns > self.columns {
            self.columns = columns;
            self.values.resize(self.stride * columns, 0.0);
        }
    }

    pub(super) fn diagonal(&self) -> Vec<f64> {
        (0..self.rows).map(|j| self[(j, j)]).collect()
    }
}

impl Index<(usize, usize)> for Dense {
    type Output = f64;

    fn index(&self, (i, j): (usize, usize)) -> &f64 {
        &self.values[j * self.stride + i]
    }
}

impl IndexMut<(usize, usize)> for Dense {
    fn index_mut(&mut self, (i, j): (usize, usize)) -> &mut f64 {
        &mut self.values[j * self.stride + i]
    }
}
