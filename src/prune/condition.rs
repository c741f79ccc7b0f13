//! The condition number of G_λ, estimated: λ_max by power iteration on G_λ, 1/λ_min by the same on its inverse.

use faer::MatRef;
use rayon::prelude::*;

use super::damping::Damped;

const STEPS: usize = 24;
/// A step that changes the estimate by less than this part of it is the last.
const SETTLED: f64 = 1e-3;
/// Columns that one task takes; fixed, so that sums do not depend on the number of threads.
const CHUNK: usize = 128;

/// λ_max / λ_min of G_λ from below; `p` is the lower half of its inverse.
pub(super) fn condition(damped: &Damped, p: MatRef<'_, f64>) -> f64 {
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
    let row = |j: usize| {
        let column = damped.column_of_g(j);
        dot(column, x) + (damped.diag()[j] - column[j]) * x[j]
    };
    (0..x.len()).into_par_iter().map(row).collect()
}

/// P x, from the lower half of P.
fn lower_times(p: MatRef<'_, f64>, x: &[f64]) -> Vec<f64> {
    let n = x.len();
    let chunks: Vec<Vec<f64>> = (0..n.div_ceil(CHUNK))
        .into_par_iter()
        .map(|chunk| {
            let first = chunk * CHUNK;
            let mut y = vec![0.0; n - first];
            for j in first..(first + CHUNK).min(n) {
                let mut below = 0.0;
                let column = p.col(j).subrows(j + 1, n - j - 1);
                for ((&p, y), &x_i) in column.iter().zip(&mut y[j + 1 - first..]).zip(&x[j + 1..]) {
                    *y += p * x[j];
                    below += p * x_i;
                }
                y[j - first] += p[(j, j)] * x[j] + below;
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

/// Eight sums side by side, so that the processor's vectors are filled.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let (a8, b8) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: f64 = a8.remainder().iter().zip(b8.remainder()).map(|(a, b)| a * b).sum();
    let mut sums = [0.0; 8];
    for (a, b) in a8.zip(b8) {
        for k in 0..8 {
            sums[k] += a[k] * b[k];
        }
    }
    rest + sums.iter().sum::<f64>()
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
        invert(p.view_mut(), Par::Seq).unwrap();
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
