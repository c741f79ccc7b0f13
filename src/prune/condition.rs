//! The condition number of G_λ, estimated: λ_max by power iteration on G_λ, 1/λ_min by power iteration on its
//! inverse.

use faer::linalg::matmul::matmul;
use faer::{Accum, ColMut, ColRef, MatRef, Par};
use rayon::prelude::*;

use super::damping::Damped;
use super::number::{Number, dot};

const STEPS: usize = 24;
/// The iteration ends when a step changes the estimate by less than this fraction.
const SETTLED: f64 = 1e-3;
/// Columns per task. It is fixed, so sums do not depend on the number of threads.
const CHUNK: usize = 128;

/// A lower bound of λ_max / λ_min of G_λ; `p` is the lower half of its inverse.
pub(super) fn condition<T: Number>(damped: &Damped, p: MatRef<'_, T>) -> f64 {
    let n = damped.n();
    largest_eigenvalue(n, |x| times(damped, x)) * largest_eigenvalue(n, |x| lower_times(p, x))
}

/// A lower bound of the largest eigenvalue of a symmetric positive definite matrix. The start vector is
/// always the same.
fn largest_eigenvalue<T: Number>(n: usize, times: impl Fn(&[T]) -> Vec<T>) -> f64 {
    const GOLDEN: f64 = 0.618_033_988_749_894_9;
    let mut x: Vec<T> = (0..n).map(|j| T::of((j as f64 * GOLDEN).fract() - 0.45)).collect();
    let mut estimate = 0.0;
    for _ in 0..STEPS {
        let length = dot(&x, &x).sqrt();
        for x in &mut x {
            *x /= T::of(length);
        }
        let y = times(&x);
        let next = dot(&x, &y);
        x = y;
        let settled = (next - estimate).abs() <= SETTLED * next;
        estimate = next;
        if settled {
            break;
        }
    }
    estimate
}

/// G_λ x
fn times(damped: &Damped, x: &[f64]) -> Vec<f64> {
    let g = damped.undamped();
    let mut y = lower_times(g, x);
    for (j, y) in y.iter_mut().enumerate() {
        *y += (damped.diag()[j] - g[(j, j)]) * x[j];
    }
    y
}

/// P x from the lower half of P, one chunk of columns at a time: its triangle and the block below it.
fn lower_times<T: Number>(p: MatRef<'_, T>, x: &[T]) -> Vec<T> {
    let n = x.len();
    let chunks: Vec<Vec<T>> = (0..n.div_ceil(CHUNK))
        .into_par_iter()
        .map(|chunk| {
            let first = chunk * CHUNK;
            let size = CHUNK.min(n - first);
            let p = p.submatrix(first, first, n - first, size);
            let (x_chunk, x_below) = x[first..].split_at(size);
            let mut y = vec![T::default(); n - first];
            let (y_chunk, y_below) = y.split_at_mut(size);
            for j in 0..size {
                for i in 0..size {
                    y_chunk[i] += p[(i.max(j), i.min(j))] * x_chunk[j];
                }
            }
            let below = p.subrows(size, n - first - size);
            let add = |y: &mut [T], a: MatRef<'_, T>, x: &[T]| {
                let (y, x) = (ColMut::from_slice_mut(y), ColRef::from_slice(x));
                matmul(y.as_mat_mut(), Accum::Add, a, x.as_mat(), T::of(1.0), Par::Seq);
            };
            add(y_below, below, x_chunk);
            add(y_chunk, below.transpose(), x_below);
            y
        })
        .collect();
    let mut sum = vec![T::default(); n];
    for (chunk, y) in chunks.iter().enumerate() {
        for (sum, &y) in sum[chunk * CHUNK..].iter_mut().zip(y) {
            *sum += y;
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prune::{Moment, inverse::invert, slow};

    #[test]
    fn the_condition_of_a_diagonal_is_exact() {
        let diag = [4.0, 100.0, 0.5, 2.0];
        let values = (0..16).map(|k| if k / 4 == k % 4 { diag[k / 4] } else { 0.0 }).collect();
        let moment = Moment::from_row_major(4, values).unwrap();
        let damped = Damped::new(&moment, 0.0);
        let mut p: crate::prune::dense::Dense<f64> = damped.lower(&[0, 1, 2, 3]);
        invert(p.view_mut()).unwrap();
        assert!((condition(&damped, p.view()) - 200.0).abs() < 1.0);
    }

    #[test]
    fn the_product_with_a_lower_half_equals_the_full_product() {
        let n = 2 * CHUNK + 30;
        let moment = slow::moment(3, n, 2 * n);
        let damped = Damped::new(&moment, 0.01);
        let all: Vec<usize> = (0..n).collect();
        let x: Vec<f64> = slow::random(4, n);
        let (whole, half) = (times(&damped, &x), lower_times(damped.lower::<f64>(&all).view(), &x));
        for (whole, half) in whole.iter().zip(&half) {
            assert!((whole - half).abs() < 1e-9 * whole.abs().max(1.0));
        }
    }
}
