//! The charts of a run, for the report and for pictures saved by the explorer.

mod compared;
mod layers;
mod parts;

pub use compared::{Candidate, SizedSession, attempt_curves, candidates, output_errors, size_and_perplexity};
pub use layers::{
    attempts, before_and_after, damping_and_condition, layer_errors, ratio_curve, session_curves,
};
pub use parts::{
    CURVES, Curve, Scored, channel_scores, curve_of, error_curves, head_scores, hessian_diagonals,
};

use crate::{
    plot::{Dot, Ink},
    prune::Part,
};

/// The colour and the dot of a part in all charts.
fn of_part(part: Part) -> (Ink, Dot) {
    match part {
        Part::Attention => (Ink::First, Dot::Circle),
        Part::Mlp => (Ink::Second, Dot::Square),
    }
}

/// Number of panels per row.
fn columns(panels: usize) -> usize {
    match panels {
        0..=3 => panels.max(1),
        4 => 2,
        5 | 6 | 9 => 3,
        _ => 4,
    }
}

fn percent(share: f64) -> f64 {
    100.0 * share
}
