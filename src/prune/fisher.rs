//! The quadratic form of Fisher: how much a change of a weight costs, by the gradients at its output.
//!
//! With labels drawn from the model, g = ∂(−ln p)/∂y is the gradient at an output y of the weight. A change Δy of one
//! output raises KL(dense ‖ changed) by F(Δy) = ½ E[(g · Δy)²], to second order.

use faer::{Accum, MatMut, MatRef};
use rayon::prelude::*;

use super::Error;
use crate::product::multiply_tile;

/// Tokens per task.
const TOKENS: usize = 512;

/// gₜ · ΔW xₜ by draw and token: [draws · tokens]. `change`: ΔW [rows, n]; x: [tokens, n]; each draw of `gradients`:
/// [tokens, rows]; all row-major. Half of the mean square is the predicted rise of the KL divergence.
///
/// # Errors
/// [`Error::Shape`] if lengths do not fit.
pub fn fisher_products(change: &[f32], n: usize, x: &[f32], gradients: &[&[f32]]) -> Result<Vec<f32>, Error> {
    let rows = change.len() / n.max(1);
    let tokens = x.len() / n.max(1);
    let checked = |what, expected: usize, found: usize| {
        if expected == found { Ok(()) } else { Err(Error::Shape { what, expected, found }) }
    };
    checked("weight change", rows * n, change.len())?;
    checked("inputs", tokens * n, x.len())?;
    for gradient in gradients {
        checked("gradients", tokens * rows, gradient.len())?;
    }
    let change = MatRef::from_row_major_slice(change, rows, n);
    let task = |first: usize| -> Vec<Vec<f32>> {
        let tokens = TOKENS.min(tokens - first);
        let x = MatRef::from_row_major_slice(&x[first * n..][..tokens * n], tokens, n);
        let mut y = vec![0.0; tokens * rows];
        let out = MatMut::from_row_major_slice_mut(&mut y, tokens, rows);
        multiply_tile(out, Accum::Replace, x, change.transpose(), 1.0);
        let of_draw = |gradient: &&[f32]| -> Vec<f32> {
            let gradient = &gradient[first * rows..][..tokens * rows];
            let dot = |(y, g): (&[f32], &[f32])| {
                y.iter().zip(g).map(|(y, g)| f64::from(*y) * f64::from(*g)).sum::<f64>() as f32
            };
            y.chunks_exact(rows).zip(gradient.chunks_exact(rows)).map(dot).collect()
        };
        gradients.iter().map(of_draw).collect()
    };
    let tasks: Vec<Vec<Vec<f32>>> =
        (0..tokens).step_by(TOKENS).collect::<Vec<_>>().into_par_iter().map(task).collect();
    let of_draw = |draw: usize| tasks.iter().flat_map(move |task| task[draw].iter().copied());
    Ok((0..gradients.len()).flat_map(of_draw).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prune::slow::random_f32;

    #[test]
    fn the_products_are_those_of_the_formula() {
        let (rows, n, tokens) = (5, 7, TOKENS + 9);
        let (change, x) = (random_f32(1, rows * n), random_f32(2, tokens * n));
        let draws = [random_f32(3, tokens * rows), random_f32(4, tokens * rows)];
        let found = fisher_products(&change, n, &x, &[&draws[0], &draws[1]]).unwrap();
        assert_eq!(found.len(), 2 * tokens);
        for (draw, found) in draws.iter().zip(found.chunks_exact(tokens)) {
            for token in 0..tokens {
                let y = |row: usize| -> f64 {
                    (0..n).map(|j| f64::from(change[row * n + j]) * f64::from(x[token * n + j])).sum()
                };
                let dot: f64 = (0..rows).map(|row| y(row) * f64::from(draw[token * rows + row])).sum();
                assert!((f64::from(found[token]) - dot).abs() < 1e-5, "{} is not {dot}", found[token]);
            }
        }
        assert!(fisher_products(&change, n, &x[1..], &[]).is_err());
    }
}
