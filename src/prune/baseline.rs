//! Scores of other methods, for comparison.
//!
//! A baseline computes its scores before any removal, and they do not change afterwards. They only determine the
//! order: the reported errors are exact and the kept columns are fitted, as with the method's own scores.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::PruneProblem;
use crate::prune::Score;

/// Columns that one task sums; in a row, these numbers are contiguous.
const STRETCH: usize = 64;

/// The score of every unit; a head's score is the sum over its columns. None for [`Score::Obs`].
///
/// With W [rows, n] and G = E[x xᵀ], the score of column j is
///
/// - magnitude: ‖W_:j‖²;
/// - Wanda-sp (An et al., arXiv 2312.11983; the structured form of Wanda, Sun et al., arXiv 2306.11695): the mean over rows
///   of |W_ij| ‖x_j‖, with ‖x_j‖ = √G_jj per token. The authors sum over all tokens, which does not change the order;
/// - FLAP (arXiv 2312.11983, WIFV): Var(x_j) ‖W_:j‖² with Var(x_j) = G_jj − E[x_j]². The authors average over a head's
///   columns, which does not change the order of heads of equal width;
/// - random: the unit's position in a permutation drawn from the part's seed.
pub(super) fn baseline(part: &PruneProblem) -> Option<Vec<f64>> {
    let (n, width) = (part.n(), part.units.width());
    let moment = part.moment;
    let columns: Vec<f64> = match part.score {
        Score::Obs => return None,
        Score::Magnitude => sums(part, |w| w * w),
        Score::WandaSp => {
            let rows = part.rows as f64;
            let means = sums(part, f64::abs).into_iter().enumerate();
            means.map(|(j, sum)| sum / rows * moment.at(j, j).max(0.0).sqrt()).collect()
        }
        Score::Flap => {
            let squared = sums(part, |w| w * w).into_iter();
            squared.zip(0..n).map(|(squared, j)| moment.variance(j) * squared).collect()
        }
        Score::Random => return Some(places(part.unit_count(), part.seed)),
    };
    Some(columns.chunks_exact(width).map(|unit| unit.iter().sum()).collect())
}

/// Σ_i f(W_ij) for every column, summed in row order.
fn sums(part: &PruneProblem, f: impl Fn(f64) -> f64 + Sync) -> Vec<f64> {
    let n = part.n();
    let mut sums = vec![0.0; n];
    sums.par_chunks_mut(STRETCH).enumerate().for_each(|(stretch, sums)| {
        let first = stretch * STRETCH;
        for row in part.weight.chunks_exact(n) {
            for (sum, &w) in sums.iter_mut().zip(&row[first..]) {
                *sum += f(w.into());
            }
        }
    });
    sums
}

/// The position of every unit in a random order.
fn places(units: usize, seed: u64) -> Vec<f64> {
    let mut places: Vec<f64> = (0..units).map(|place| place as f64).collect();
    places.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
    places
}
