//! The SlimGPT method (arXiv 2412.18110): it prunes one weight, and gives each layer its ratio.
//!
//! Whole sets of input columns of a weight W [m, n] are removed. [`SecondMoment`] accumulates G = E[x xᵀ] of its inputs,
//! [`prune()`] selects the units to remove and fits the kept columns, [`ratios`] gives a ratio to each layer. Every error is an
//! increase of E‖Δy‖² per token, measured with the damped G_λ = G + λI, or that increase divided by E‖y‖².

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
mod swaps;
mod sweep_operator;
mod tiles;
mod uncompensated;

#[cfg(test)]
mod slow;
#[cfg(test)]
mod tests;

pub use allocation::{Choice, allocate, interpolated};
pub use block_part::Part;
pub use choices::{AttentionUnit, GroupSize, Refine, SolverDtype, Target};
pub use cross_moment::CrossMoment;
pub use elimination::Elimination;
pub use error::Error;
pub use error_curve::error_curve;
pub use footprint::solve_bytes;
pub use hessian_stats::HessianStats;
pub use layer_ratio::LayerRatio;
pub use moment_picture::MomentPicture;
pub use outcome::{Outcome, Progress, prune};
pub use problem::{PruneProblem, Units};
pub use ratio::{Ratio, channels_to_remove, units_to_remove};
pub use record::{LayerRecord, PartRecord, Refined, Scheduled};
pub use removal::Removal;
pub use schedule::{Schedule, Span, ratios};
pub use score::{HeadScore, Score, ScoreDescription};
pub use second_moment::{Moment, SecondMoment};
