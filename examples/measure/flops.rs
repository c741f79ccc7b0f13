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

/// Operations for passing tokens through the first `layers` blocks.
///
/// A token takes 2 operations per weight; causal attention takes 2·(length + 1)·context per token for scores and
/// mixture together.
pub fn forward(architecture: &Architecture, layers: usize, windows: usize, length: usize) -> f64 {
    let of_layer = |layer: usize| {
        let context = (architecture.layers[layer].heads * architecture.head_dim) as f64;
        2.0 * architecture.layer_parameters(layer) as f64 + 2.0 * (length + 1) as f64 * context
    };
    (windows * length) as f64 * (0..layers).map(of_layer).sum::<f64>()
}

/// Operations of the second moments of both parts' inputs: for the symmetric half, n² per token.
pub fn second_moments(architecture: &Architecture, layers: usize, windows: usize, length: usize) -> f64 {
    let of_layer = |layer: usize| {
        let size = architecture.layers[layer];
        ((size.heads * architecture.head_dim) as f64).powi(2) + (size.channels as f64).powi(2)
    };
    (windows * length) as f64 * (0..layers).map(of_layer).sum::<f64>()
}

/// Operations of the output head for every position of the windows.
pub fn head(architecture: &Architecture, windows: usize, length: usize) -> f64 {
    2.0 * (windows * length) as f64 * architecture.hidden as f64 * architecture.vocab as f64
}
