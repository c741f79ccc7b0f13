//! Operation counts. A multiplication and an addition are two operations.

use slimgpt::model::Architecture;

/// Operations for one weight [rows, n] from which K columns are removed and A kept.
///
/// They are n³ for the inverse; (n³ − A³)/3 for the down-dates of one half of it; 2·rows·(n·K − K²/2) for
/// updating W along the path; and for the refit of the kept columns A³/3 (their factor), 2·rows·K·A (the
/// contribution of the removed columns) and 2·rows·A² (two triangular solves).
pub fn solve(rows: usize, n: usize, removed: usize) -> f64 {
    let [rows, n, k, a] = [rows, n, removed, n - removed].map(|size| size as f64);
    let inverse = n.powi(3);
    let down_dates = (n.powi(3) - a.powi(3)) / 3.0;
    let along_the_path = 2.0 * rows * (n * k - k * k / 2.0);
    let refit = a.powi(3) / 3.0 + 2.0 * rows * k * a + 2.0 * rows * a * a;
    inverse + down_dates + along_the_path + refit
}

/// The product of two square matrices.
pub fn product(side: usize) -> f64 {
    2.0 * (side as f64).powi(3)
}

/// Operations for passing tokens through the first block and accumulating the second moments of both parts'
/// inputs.
///
/// A token takes 2 operations per weight; causal attention takes 2·(seq_len + 1)·context per token for scores
/// and mixture together; the symmetric half of a second moment takes n² per token.
pub fn calibration(architecture: &Architecture, samples: usize, seq_len: usize) -> f64 {
    let size = architecture.layers[0];
    let tokens = (samples * seq_len) as f64;
    let (context, channels) = ((size.heads * architecture.head_dim) as f64, size.channels as f64);
    let weights = 2.0 * architecture.layer_parameters(0) as f64;
    let attention = 2.0 * (seq_len + 1) as f64 * context;
    tokens * (weights + attention + context * context + channels * channels)
}
