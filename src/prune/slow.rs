//! The formulas as plain loops, for tests of the fast versions.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::Moment;
use super::damping::Damped;

pub(super) type Rows = Vec<Vec<f64>>;

/// Random numbers, uniform between −1 and 1.
pub(super) fn random(seed: u64, count: usize) -> Vec<f64> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    (0..count).map(|_| rng.random_range(-1.0..1.0)).collect()
}

pub(super) fn random_f32(seed: u64, count: usize) -> Vec<f32> {
    random(seed, count).into_iter().map(|value| value as f32).collect()
}

/// The second moment of correlated random inputs of unequal sizes.
pub(super) fn moment(seed: u64, n: usize, tokens: usize) -> Moment {
    let sizes = random(seed + 1000, n);
    let mix = random(seed + 2000, n * n);
    let raw = random(seed, tokens * n);
    let x: Rows = raw
        .chunks(n)
        .map(|raw| {
            let mixed = |j: usize| (0..n).map(|k| raw[k] * mix[k * n + j]).sum::<f64>();
            (0..n).map(|j| sizes[j].exp() * (raw[j] + mixed(j) / (n as f64).sqrt())).collect()
        })
        .collect();
    let entry = |k: usize| x.iter().map(|x| x[k / n] * x[k % n]).sum::<f64>() / tokens as f64;
    Moment::from_row_major(n, (0..n * n).map(entry).collect()).unwrap()
}

/// G_λ[rows, columns]
pub(super) fn sub(damped: &Damped, rows: &[usize], columns: &[usize]) -> Rows {
    rows.iter().map(|&i| columns.iter().map(|&j| damped.at(i, j)).collect()).collect()
}

pub(super) fn columns(w: &Rows, columns: &[usize]) -> Rows {
    w.iter().map(|row| columns.iter().map(|&j| row[j]).collect()).collect()
}

pub(super) fn times(a: &Rows, b: &Rows) -> Rows {
    let row = |row: &Vec<f64>| {
        let width = b.first().map_or(0, Vec::len);
        (0..width).map(|j| row.iter().zip(b).map(|(a, b)| a * b[j]).sum()).collect()
    };
    a.iter().map(row).collect()
}

/// tr(A G Aᵀ)
pub(super) fn energy(a: &Rows, g: &Rows) -> f64 {
    times(a, g).iter().flatten().zip(a.iter().flatten()).map(|(ag, a)| ag * a).sum()
}

/// The inverse by Gauss-Jordan elimination with the largest pivot.
pub(super) fn inverse(a: &Rows) -> Rows {
    let n = a.len();
    let mut a = a.clone();
    let mut inverse: Rows = (0..n).map(|i| (0..n).map(|j| f64::from(i == j)).collect()).collect();
    for k in 0..n {
        let pivot = (k..n).max_by(|&i, &j| a[i][k].abs().total_cmp(&a[j][k].abs())).unwrap();
        a.swap(k, pivot);
        inverse.swap(k, pivot);
        let scale = 1.0 / a[k][k];
        for value in a[k].iter_mut().chain(&mut inverse[k]) {
            *value *= scale;
        }
        let (a_k, inverse_k) = (a[k].clone(), inverse[k].clone());
        for i in (0..n).filter(|&i| i != k) {
            let factor = a[i][k];
            for j in 0..n {
                a[i][j] -= factor * a_k[j];
                inverse[i][j] -= factor * inverse_k[j];
            }
        }
    }
    inverse
}

/// W G_λ[:,A] G_λ[A,A]⁻¹: [rows, kept]
pub(super) fn refit(w: &Rows, damped: &Damped, kept: &[usize]) -> Rows {
    let all: Vec<usize> = (0..damped.n()).collect();
    times(&times(w, &sub(damped, &all, kept)), &inverse(&sub(damped, kept, kept)))
}

/// The cost of removing `leaving` from `active` by definition: the increase in tr(ΔW G_λ ΔWᵀ).
pub(super) fn cost(w: &Rows, damped: &Damped, active: &[usize], leaving: &[usize]) -> f64 {
    let left: Vec<usize> = active.iter().copied().filter(|j| !leaving.contains(j)).collect();
    layer_error(w, damped, &left) - layer_error(w, damped, active)
}

/// tr(ΔW G_λ ΔWᵀ) of the best weights on the kept columns.
pub(super) fn layer_error(w: &Rows, damped: &Damped, kept: &[usize]) -> f64 {
    change_error(w, damped, kept, &refit(w, damped, kept))
}

/// tr(ΔW G_λ ΔWᵀ) when the kept columns become `fitted`.
pub(super) fn change_error(w: &Rows, damped: &Damped, kept: &[usize], fitted: &Rows) -> f64 {
    let mut change = w.clone();
    for (change, fitted) in change.iter_mut().zip(fitted) {
        for (&j, fitted) in kept.iter().zip(fitted) {
            change[j] -= fitted;
        }
    }
    let all: Vec<usize> = (0..damped.n()).collect();
    energy(&change, &sub(damped, &all, &all))
}

pub(super) fn rows(n: usize, values: &[f64]) -> Rows {
    values.chunks(n).map(<[f64]>::to_vec).collect()
}
