//! The condition number of G_λ, estimated: λ_max by power iteration on G_λ, 1/λ_min by the same on its inverse.

use faer::MatRef;
use rayon::prelude::*;

use super::damping::Damped;
use super::number::{Number, dot};

const STEPS: usize = 24;
/// A step that changes the estimate by less than this part of it is the last.
const SETTLED: f64 = 1e-3;
/// Columns that one task takes; fixed, so that sums do not depend on the number of threads.
const CHUNK: usize = 128;

/// λ_max / λ_min of G_λ from below; `p` is the lower half of its inverse.
pub(super) fn condition<T: Number>(damped: &Damped, p: MatRef<'_, T>) -> f64 {
    let n = damped.n();
    largest_eigenvalue(n, |x| times(damped, x)) * largest_eigenvalue(n, |x| lower_times(p, x))
}

/// The largest eigenvalue of a symmetric positive definite matrix, from below; always the same start.
fn largest_eigenvalue(n: usize, times: impl Fn(&[f64]) -> Vec<f64>) -> f64 {
    const GOLDEN: f64 = 0.618_033_988_749_894_9;
    let mut x: Vec<f64> = (0..n).map(|j| (j as f64 * GOLDEN).fract() - 0.45).collect();
    let mut estimate = 0.0;
    for _ in 0..STEPS {
        let length = dot(&x, &x).sqrt();
        for x in &mut x {
            *x /= length;
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

/// Column j below the diagonal.
fn column_of<'p, T: Number>(p: MatRef<'p, T>, j: usize) -> &'p [T] {
    let column = p.col(j).try_as_col_major().expect("a column of a column-major matrix");
    &column.as_slice()[j + 1..]
}

/// P x, from the lower half of P.
fn lower_times<T: Number>(p: MatRef<'_, T>, x: &[f64]) -> Vec<f64> {
    let n = x.len();
    let chunks: Vec<Vec<f64>> = (0..n.div_ceil(CHUNK))
        .into_par_iter()
        .map(|chunk| {
            let first = chunk * CHUNK;
            let mut y = vec![0.0; n - first];
            for j in first..(first + CHUNK).min(n) {
                let below = column_of(p, j);
                for (y, &p) in y[j + 1 - first..].iter_mut().zip(below) {
                    *y += p.into() * x[j];
                }
                y[j - first] += p[(j, j)].into() * x[j] + dot(below, &x[j + 1..]);
            }
            y
        })
        .collect();
    let mut sum = vec![0.0; n];
    for (chunk, y) in chunks.iter().enumerate() {
        for (sum, y) in sum[chunk * CHUNK..].iter_mut().zip(y) {
            *sum += y;
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use faer::Par;

    use super::*;
    use crate::prune::{Moment, inverse::invert, slow};

    #[test]
    fn a_diagonal_shows_its_own_condition() {
        let diag = [4.0, 100.0, 0.5, 2.0];
        let values = (0..16).map(|k| if k / 4 == k % 4 { diag[k / 4] } else { 0.0 }).collect();
        let moment = Moment::from_row_major(4, values).unwrap();
        let damped = Damped::new(&moment, 0.0);
        let mut p = damped.lower(&[0, 1, 2, 3]);
        invert::<f64>(p.view_mut(), Par::Seq).unwrap();
        assert!((condition(&damped, p.view()) - 200.0).abs() < 1.0);
    }

    #[test]
    fn half_a_matrix_times_a_vector_is_the_whole_times_it() {
        let n = 2 * CHUNK + 30;
        let moment = slow::moment(3, n, 2 * n);
        let damped = Damped::new(&moment, 0.01);
        let all: Vec<usize> = (0..n).collect();
        let x: Vec<f64> = slow::random(4, n);
        let (whole, half) = (times(&damped, &x), lower_times(damped.lower(&all).view(), &x));
        for (whole, half) in whole.iter().zip(&half) {
            assert!((whole - half).abs() < 1e-9 * whole.abs().max(1.0));
        }
    }
}
