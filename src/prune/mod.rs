//! The SlimGPT method (arXiv 2412.18110): pruning one weight, and the ratio of each layer.
//!
//! Whole sets of input columns of a weight W [m, n] are removed. [`SecondMoment`] accumulates G = E[x xᵀ] of its
//! inputs, [`prune()`] selects the units to remove and fits the kept columns, and [`ratios`] computes the ratio of
//! each layer. Every error is an increase in E‖Δy‖² per token, measured with the damped G_λ = G + λI, or that
//! increase divided by E‖y‖².
//!
//! # Example
//!
//! This removes three of eight input channels of a random weight.
//!
//! ```
//! use std::ops::ControlFlow;
//!
//! use rand::{RngExt, SeedableRng};
//! use slimgpt::prune::{GroupSize, PruneProblem, Refine, Score, SecondMoment, SolverDtype, Units, prune};
//!
//! let (rows, n, tokens) = (4, 8, 64);
//! let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(1);
//! let mut random = |count| -> Vec<f32> { (0..count).map(|_| rng.random_range(-1.0..1.0)).collect() };
//! let (weight, x) = (random(rows * n), random(tokens * n));
//!
//! let mut sum = SecondMoment::new(n);
//! sum.add(&x)?;
//! let moment = sum.finish()?;
//! let damping = 0.01;
//! let problem = PruneProblem {
//!     damping, solver_dtype: SolverDtype::F64,
//!     ..PruneProblem::new(&weight, rows, &moment, Units::Channels { group_size: GroupSize::Exact }, 3)
//! };
//! let pruned = prune(&problem, &mut |_progress| ControlFlow::Continue(()))?;
//! assert_eq!((pruned.kept.len(), pruned.removed.len()), (5, 3));
//!
//! // ΔW [rows, n]: the fitted columns minus the original ones; removed columns become zero.
//! let mut change: Vec<f64> = weight.iter().map(|&w| -f64::from(w)).collect();
//! for row in 0..rows {
//!     for (at, &column) in pruned.kept.iter().enumerate() {
//!         change[row * n + column] += pruned.weight[row * pruned.kept.len() + at];
//!     }
//! }
//! // The step errors add up to tr(ΔW G_λ ΔWᵀ).
//! let lambda = damping * (0..n).map(|j| moment.at(j, j)).sum::<f64>() / n as f64;
//! let g = |i: usize, j: usize| moment.at(i, j) + if i == j { lambda } else { 0.0 };
//! let product = |row: &[f64]| -> f64 {
//!     (0..n).flat_map(|i| (0..n).map(move |j| (i, j))).map(|(i, j)| row[i] * g(i, j) * row[j]).sum()
//! };
//! let error: f64 = change.chunks_exact(n).map(product).sum();
//! assert!((error / pruned.step_errors.iter().sum::<f64>() - 1.0).abs() < 1e-8);
//!
//! // The kept columns were refitted: they differ from the original ones.
//! assert!(pruned.kept.iter().any(|&column| change[column].abs() > 1e-3));
//! # Ok::<(), slimgpt::prune::Error>(())
//! ```

mod allocation;
mod baseline;
mod batches;
mod block_part;
mod candidates;
mod choices;
mod condition;
mod cross_moment;
mod damping;
mod dense;
mod down_date;
mod elimination;
mod energy;
mod error;
mod error_curve;
mod fisher;
mod footprint;
mod gram;
mod greedy;
mod group_size;
mod head_scores;
mod heads;
mod hessian_stats;
mod inverse;
mod layer_ratio;
mod moment_picture;
mod number;
mod outcome;
mod path_changes;
mod permutation;
mod problem;
mod ratio;
mod record;
mod refit;
mod removal;
mod schedule;
mod score;
mod second_moment;
mod shared_work;
mod steps;
mod stream_error;
mod swaps;
mod sweep_operator;
mod triangles;
mod uncompensated;

#[cfg(test)]
mod slow;
#[cfg(test)]
mod tests;

pub use allocation::{Choice, allocate, interpolated};
pub use block_part::Part;
pub use choices::{
    AttentionUnit, AttentionUnitChoice, GroupSize, Refine, SolverDtype, Target, TokenWeighting,
};
pub use cross_moment::CrossMoment;
pub use elimination::Elimination;
pub use error::Error;
pub use error_curve::error_curve;
pub use fisher::fisher_products;
pub use footprint::solve_bytes;
pub use group_size::group_sizes;
pub use hessian_stats::HessianStats;
pub use layer_ratio::LayerRatio;
pub use moment_picture::MomentPicture;
pub use outcome::{Outcome, Progress, prune};
pub use path_changes::{PathChange, PathChanges, path_changes};
pub use problem::{PruneProblem, Units};
pub use ratio::{Ratio, channels_to_remove, units_to_remove};
pub use record::{LayerRecord, PartRecord, Refined, Scheduled};
pub use removal::Removal;
pub use schedule::{Schedule, Span, ratios};
pub use score::{HeadScore, Score, ScoreDescription};
pub use second_moment::{ChunkSums, Moment, SecondMoment};
pub use steps::{BlockPicture, InversePicture, Look, RulePicture, StepPicture, WeightPicture, steps};
pub use stream_error::{LARGEST_DIMENSIONS, StreamError, StreamErrors};
