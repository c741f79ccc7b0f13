//! The condition number of G_λ, estimated by the Lanczos method: λ_max from G_λ, 1/λ_min from its inverse.

use faer::MatRef;
use rayon::prelude::*;

use super::damping::Damped;
use super::dense::column_of;
use super::number::{Number, dot};

const STEPS: usize = 24;
/// The iteration ends when a step changes the estimate by less than this fraction.
const SETTLED: f64 = 1e-2;
/// Columns per task. It is fixed, so sums do not depend on the number of threads.
const CHUNK: usize = 128;
/// A lower bound of λ_max / λ_min of G_λ; `p` is the lower half of its inverse.
pub(super) fn condition<T: Number>(damped: &Damped, p: MatRef<'_, T>) -> f64 {
    let n = damped.n();
    largest_eigenvalue(n, |x| times(damped, x)) * largest_eigenvalue(n, |x| lower_times(p, x))
}

/// A lower bound of the largest eigenvalue of a symmetric positive definite matrix. The start vector is
/// always the same.
///
/// The Lanczos method: α and β are the diagonals of the matrix in an orthonormal basis of the Krylov space, so their
/// largest eigenvalue is the largest Rayleigh quotient in it. Power iteration gives the quotient of one vector
/// of the same space.
fn largest_eigenvalue(n: usize, times: impl Fn(&[f64]) -> Vec<f64>) -> f64 {
    const GOLDEN: f64 = 0.618_033_988_749_894_9;
    let mut x: Vec<f64> = (0..n).map(|j| (j as f64 * GOLDEN).fract() - 0.45).collect();
    let length = dot(&x, &x).sqrt();
    scale(&mut x, 1.0 / length);
    let mut before = vec![0.0; n];
    let (mut alphas, mut betas) = (Vec::new(), Vec::new());
    let mut estimate = 0.0;
    for _ in 0..STEPS.min(n) {
        let mut y = times(&x);
        let alpha = dot(&x, &y);
        let beta: f64 = betas.last().copied().unwrap_or(0.0);
        for (y, (x, before)) in y.iter_mut().zip(x.iter().zip(&before)) {
            *y -= alpha * x + beta * before;
        }
        alphas.push(alpha);
        let next = largest_of_tridiagonal(&alphas, &betas);
        let beta = dot(&y, &y).sqrt();
        let settled = next - estimate <= SETTLED * next;
        estimate = next;
        // A negligible β: the Krylov space contains its products with the matrix.
        if settled || beta <= f64::EPSILON * estimate {
            break;
        }
        betas.push(beta);
        scale(&mut y, 1.0 / beta);
        before = std::mem::replace(&mut x, y);
    }
    estimate
}

/// The largest eigenvalue of a tridiagonal matrix, from below, by bisection.
fn largest_of_tridiagonal(alphas: &[f64], betas: &[f64]) -> f64 {
    let beta = |k: usize| betas.get(k).copied().unwrap_or(0.0);
    let row = |k: usize| alphas[k] + beta(k) + if k > 0 { beta(k - 1) } else { 0.0 };
    let mut low = alphas.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut high = (0..alphas.len()).map(row).fold(low, f64::max);
    // All eigenvalues are below `at` if the matrix minus `at` has negative pivots only.
    let above = |at: f64| {
        let mut pivot = f64::NEG_INFINITY;
        (0..alphas.len()).all(|k| {
            let coupling = if k > 0 { betas[k - 1] * betas[k - 1] / pivot } else { 0.0 };
            pivot = alphas[k] - at - coupling;
            pivot < 0.0
        })
    };
    while high - low > SETTLED * 1e-4 * high {
        let middle = 0.5 * (low + high);
        if above(middle) { high = middle } else { low = middle }
    }
    low
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

/// P x from the lower half of P, one chunk of columns at a time.
fn lower_times<T: Number>(p: MatRef<'_, T>, x: &[f64]) -> Vec<f64> {
    let n = x.len();
    let chunks: Vec<Vec<f64>> = (0..n.div_ceil(CHUNK))
        .into_par_iter()
        .map(|chunk| {
            let (first, end) = (chunk * CHUNK, n.min((chunk + 1) * CHUNK));
            let mut y = vec![0.0; n - first];
            for j in first..end {
                let (column, x_j) = (&column_of(p, j)[j..], x[j]);
                let (y_j, y_below) = y[j - first..].split_first_mut().expect("j is below n");
                for (y, &p) in y_below.iter_mut().zip(&column[1..]) {
                    *y += p.into() * x_j;
                }
                *y_j += dot(column, &x[j..]);
            }
            y
        })
        .collect();
    let mut sum = vec![0.0; n];
    for (chunk, y) in chunks.iter().enumerate() {
        for (sum, &y) in sum[chunk * CHUNK..].iter_mut().zip(y) {
            *sum += y;
        }
    }
    sum
}

fn scale(x: &mut [f64], factor: f64) {
    for x in x {
        *x *= factor;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prune::dense::Dense;
    use crate::prune::{Moment, inverse::invert, slow};

    #[test]
    fn the_condition_of_a_diagonal_is_exact() {
        let diag = [4.0, 100.0, 0.5, 2.0];
        let values = (0..16).map(|k| if k / 4 == k % 4 { diag[k / 4] } else { 0.0 }).collect();
        let moment = Moment::from_row_major(4, values).unwrap();
        let damped = Damped::new(&moment, 0.0);
        let mut p: Dense<f64> = damped.lower(&[0, 1, 2, 3]);
        invert(p.view_mut()).unwrap();
        assert!((condition(&damped, p.view()) - 200.0).abs() < 1.0);
    }

    #[test]
    fn the_estimate_is_a_close_lower_bound_of_the_largest_eigenvalue() {
        for n in [1, 2, 40] {
            let moment = slow::moment(5, n, 3 * n);
            let damped = Damped::new(&moment, 0.01);
            let mut x = vec![1.0; n];
            let mut largest = 0.0;
            for _ in 0..2000 {
                let y = times(&damped, &x);
                largest = dot(&x, &y) / dot(&x, &x);
                x = y;
                let length = dot(&x, &x).sqrt();
                scale(&mut x, 1.0 / length);
            }
            let estimate = largest_eigenvalue(n, |x| times(&damped, x));
            assert!(estimate <= largest * (1.0 + 1e-9), "{estimate} is above {largest}");
            assert!(estimate >= largest * 0.99, "{estimate} is far below {largest}");
        }
    }

    #[test]
    fn the_product_with_a_lower_half_equals_the_full_product() {
        for n in [3, 2 * CHUNK + 31] {
            let moment = slow::moment(3, n, 2 * n);
            let damped = Damped::new(&moment, 0.01);
            let all: Vec<usize> = (0..n).collect();
            let x: Vec<f64> = slow::random(4, n);
            let exact = slow::times(&slow::sub(&damped, &all, &all), &x.iter().map(|&x| vec![x]).collect());
            let of_g = times(&damped, &x);
            let of_lower = lower_times(damped.lower::<f64>(&all).view(), &x);
            let in_f32 = lower_times(damped.lower::<f32>(&all).view(), &x);
            for (i, exact) in exact.concat().into_iter().enumerate() {
                assert!((of_g[i] - exact).abs() < 1e-9 * exact.abs().max(1.0));
                assert!((of_lower[i] - exact).abs() < 1e-9 * exact.abs().max(1.0));
                assert!((in_f32[i] - exact).abs() < 1e-4 * exact.abs().max(n as f64));
            }
        }
    }
}
