//! A small picture of a second moment: the histogram of its diagonal and a map of its correlations.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::Moment;

/// Maximum number of bars in the histogram.
const BARS: usize = 48;
/// Maximum number of rows and columns of the map.
const CELLS: usize = 32;
/// Maximum number of evenly spread inputs from which the map is computed.
const SAMPLED: usize = 512;

/// A picture of H = 2G. Cells and bars are means, so its size does not depend on the size of H.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MomentPicture {
    /// log₁₀ of the smallest and the largest positive H_jj; both 0 if none is positive.
    pub diag_log_range: [f64; 2],
    /// Number of live inputs per bin of log₁₀ H_jj; the bins divide the range equally.
    pub diag_histogram: Vec<u32>,
    /// Number of rows of the map.
    pub cells: usize,
    /// Mean |G_ij| / √(G_ii G_jj) between two groups of neighbouring inputs, excluding i = j: [cells, cells],
    /// row-major.
    pub correlation: Vec<f32>,
}

impl MomentPicture {
    /// Computes the picture. A cell is one unit if all `units` (equal groups of inputs) fit; otherwise
    /// neighbours share a cell.
    pub fn new(moment: &Moment, units: usize) -> Self {
        let (diag_log_range, diag_histogram) = histogram(moment);
        let cells = units.min(CELLS);
        Self { diag_log_range, diag_histogram, cells, correlation: correlation(moment, cells) }
    }
}

fn histogram(moment: &Moment) -> ([f64; 2], Vec<u32>) {
    let n = moment.n();
    let logs: Vec<f64> = (0..n).map(|j| 2.0 * moment.at(j, j)).filter(|&h| h > 0.0).map(f64::log10).collect();
    let low = logs.iter().copied().fold(f64::INFINITY, f64::min);
    let high = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if logs.is_empty() {
        return ([0.0; 2], Vec::new());
    }
    let mut bars = vec![0; BARS.min(n)];
    let width = (high - low) / bars.len() as f64;
    for log in logs {
        let bar = if width > 0.0 { ((log - low) / width) as usize } else { 0 };
        let last = bars.len() - 1;
        bars[bar.min(last)] += 1;
    }
    ([low, high], bars)
}

fn correlation(moment: &Moment, cells: usize) -> Vec<f32> {
    let n = moment.n();
    let sampled = |cell: usize| -> Vec<usize> {
        let (first, end) = (cell * n / cells, (cell + 1) * n / cells);
        let step = ((end - first) * cells).div_ceil(SAMPLED).max(1);
        (first..end).step_by(step).collect()
    };
    let groups: Vec<Vec<usize>> = (0..cells).map(sampled).collect();
    let scale = |&j: &usize| moment.at(j, j).sqrt().recip();
    let scales: Vec<Vec<f64>> = groups.iter().map(|group| group.iter().map(scale).collect()).collect();
    // The map is symmetric, and in column b of the lower half a cell's inputs follow those of b.
    let cell = |a: usize, b: usize| {
        let (mut sum, mut count) = (0.0, 0u32);
        for (&j, &scale_j) in groups[b].iter().zip(&scales[b]) {
            for (&i, &scale_i) in groups[a].iter().zip(&scales[a]) {
                if i != j && scale_i.is_finite() && scale_j.is_finite() {
                    sum += moment.at(i, j).abs() * scale_i * scale_j;
                    count += 1;
                }
            }
        }
        if count == 0 { 0.0 } else { (sum / f64::from(count)) as f32 }
    };
    let of_row = |a: usize| (0..=a).map(|b| cell(a, b)).collect();
    let lower: Vec<Vec<f32>> = (0..cells).into_par_iter().map(of_row).collect();
    (0..cells * cells).map(|at| (at / cells, at % cells)).map(|(a, b)| lower[a.max(b)][a.min(b)]).collect()
}
