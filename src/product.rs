//! Products in tiles. One thread computes each tile from start to end.
//!
//! The library shares every block of a product among all threads, which wait for each other after each block; tiles
//! avoid this. Tile sizes are fixed, so the bytes do not depend on the number of threads.

use faer::traits::RealField;
use faer::{Accum, Mat, MatMut, MatRef};
use rayon::prelude::*;

use std::time::Instant;

mod kernel;

pub use kernel::{Kernels, multiply_corner, multiply_tile};

/// f32 or f64.
pub trait Number: RealField + Copy {
    #[cfg(target_arch = "x86_64")]
    /// The type's name for the kernels.
    const TYPE: private_gemm_x86::DType;
}

impl Number for f32 {
    #[cfg(target_arch = "x86_64")]
    const TYPE: private_gemm_x86::DType = private_gemm_x86::DType::F32;
}

impl Number for f64 {
    #[cfg(target_arch = "x86_64")]
    const TYPE: private_gemm_x86::DType = private_gemm_x86::DType::F64;
}

/// Columns of a tile of a product.
const COLUMNS: usize = 512;
/// Columns of a tile of a small symmetric product, so every thread gets a share.
const FEW_COLUMNS: usize = 192;
/// Rows of a tile: a multiple of the 96 rows that the widest kernel computes together.
const ROWS: usize = 1920;
/// Rows of a tile if the product is one tile wide. It is smaller, so every thread gets a share.
const FEW_ROWS: usize = 384;

/// Operations per second of products of square matrices of this size on all threads, from the faster of two.
pub fn rate<T: Number>(size: usize) -> f64 {
    let a = Mat::<T>::from_fn(size, size, |_, _| T::one_impl());
    let mut out = Mat::<T>::zeros(size, size);
    let mut seconds = || {
        let began = Instant::now();
        multiply(out.as_mut(), Accum::Replace, a.as_ref(), a.as_ref(), T::one_impl());
        began.elapsed().as_secs_f64()
    };
    2.0 * (size as f64).powi(3) / seconds().min(seconds())
}

/// out ← factor · a b, or out ← out + factor · a b.
pub fn multiply<T: Number>(out: MatMut<'_, T>, add: Accum, a: MatRef<'_, T>, b: MatRef<'_, T>, factor: T) {
    if out.ncols() <= COLUMNS {
        return multiply_rows(out, add, a, b, factor, FEW_ROWS);
    }
    out.par_col_chunks_mut(COLUMNS).zip(b.par_col_chunks(COLUMNS)).for_each(|(out, b)| {
        multiply_rows(out, add, a, b, factor, ROWS);
    });
}

/// [`multiply`] in tiles of the product's width and this many rows.
fn multiply_rows<T: Number>(
    out: MatMut<'_, T>,
    add: Accum,
    a: MatRef<'_, T>,
    b: MatRef<'_, T>,
    factor: T,
    rows: usize,
) {
    let tiles = out.par_row_chunks_mut(rows).zip(a.par_row_chunks(rows));
    tiles.for_each(|(out, a)| multiply_tile(out, add, a, b, factor));
}

/// [`multiply`] for the lower half of a symmetric product.
pub fn multiply_half<T: Number>(
    half: MatMut<'_, T>,
    add: Accum,
    a: MatRef<'_, T>,
    b: MatRef<'_, T>,
    factor: T,
) {
    if half.ncols() <= FEW_COLUMNS {
        return multiply_corner(half, add, a, b, factor);
    }
    let columns = if half.ncols() <= 4 * COLUMNS { FEW_COLUMNS } else { COLUMNS };
    let chunks = half.par_col_chunks_mut(columns).zip(b.par_col_chunks(columns)).enumerate();
    chunks.for_each(|(chunk, (half, b))| {
        let (above, count) = (chunk * columns, half.ncols());
        let (corner, below) = half.subrows_mut(above, a.nrows() - above).split_at_row_mut(count);
        let (a_corner, a_below) = a.subrows(above, a.nrows() - above).split_at_row(count);
        rayon::join(
            || multiply_rows(below, add, a_below, b, factor, FEW_ROWS),
            || multiply_corner(corner, add, a_corner, b, factor),
        );
    });
}

#[cfg(test)]
mod tests {
    use faer::Mat;

    use super::*;

    fn numbers(rows: usize, columns: usize, seed: usize) -> Mat<f64> {
        Mat::from_fn(rows, columns, |i, j| ((i * 31 + j * 17 + seed) % 23) as f64 / 23.0 - 0.4)
    }

    fn apart(a: MatRef<'_, f64>, b: MatRef<'_, f64>) -> f64 {
        let far = |j: usize| (0..a.nrows()).map(move |i| (a[(i, j)] - b[(i, j)]).abs()).fold(0.0, f64::max);
        (0..a.ncols()).map(far).fold(0.0, f64::max)
    }

    #[test]
    fn tiles_make_up_the_product() {
        for (rows, inner, columns) in
            [(ROWS + 3, 7, COLUMNS + 5), (5, 9, 2 * COLUMNS), (2 * FEW_ROWS + 1, 4, 3), (6, 5, 4)]
        {
            let (a, b) = (numbers(rows, inner, 1), numbers(inner, columns, 2));
            let mut out = numbers(rows, columns, 3);
            let expected = &out - &a * &b;
            multiply(out.as_mut(), Accum::Add, a.as_ref(), b.as_ref(), -1.0);
            assert!(apart(out.as_ref(), expected.as_ref()) < 1e-12, "{rows} {inner} {columns}");
        }
    }

    #[test]
    fn tiles_make_up_the_lower_half_and_leave_the_rest_unchanged() {
        for n in [FEW_COLUMNS, 2 * FEW_COLUMNS + 5, 4 * COLUMNS + 77] {
            let x = numbers(n, 6, 1);
            let whole = &x * x.transpose();
            let mut half = Mat::from_fn(n, n, |_, _| 9.0);
            multiply_half(half.as_mut(), Accum::Replace, x.as_ref(), x.transpose(), 1.0);
            let right = |i: usize, j: usize| half[(i, j)] == 9.0 || i >= j;
            assert!((0..n).all(|j| (0..n).all(|i| right(i, j))));
            assert!((0..n).all(|j| (j..n).all(|i| (half[(i, j)] - whole[(i, j)]).abs() < 1e-12)));
        }
    }
}
