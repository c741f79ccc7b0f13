//! One step of the elimination path, and the interface of the rules that make steps: batches, greedy, heads.

use super::PruneProblem;
use super::damping::Damped;
use super::steps::{Asked, Glance};

/// One step of the path: units that were removed together.
#[derive(Clone, Debug, PartialEq)]
pub struct Removal {
    /// Units in order of score.
    pub units: Vec<usize>,
    /// Increase in tr(ΔW G_λ ΔWᵀ) = E‖Δy‖² per token, λ‖ΔW‖² included.
    pub error: f64,
}

/// P and W during the elimination, in f32 or f64, and the rule for selecting the next units. Failures give
/// the column of the weight at which rounding has made P indefinite.
pub(super) trait RemovalRule {
    /// The score of every unit before any removal.
    fn first_scores(&self) -> Result<Vec<f64>, usize>;

    /// tr(W G Wᵀ) before any removal.
    fn energy(&self, damped: &Damped) -> f64;

    /// An estimate of λ_max / λ_min of G_λ before any removal.
    fn condition(&self, damped: &Damped) -> f64;

    /// Removes the units with the lowest cost.
    fn remove(&mut self, next: Next) -> Result<Removal, usize>;

    /// Applies the updates deferred by the last step.
    fn settle(&mut self);

    /// The last step, before and after it. Applies its deferred updates; None if they were applied before, or if
    /// rounding has made P indefinite.
    fn glance(&mut self, asked: &Asked) -> Option<Glance>;

    /// The active columns and W on them, [rows, active] row-major, if the down-dates compute it.
    fn compensated(&mut self, part: &PruneProblem) -> Option<(Vec<usize>, Vec<f64>)>;
}

/// The position on the path.
pub(super) struct Next<'n> {
    /// Units to remove in total.
    pub goal: usize,
    pub removed: usize,
    pub step: usize,
    /// The scores before any removal.
    pub first_scores: Option<&'n [f64]>,
    pub damped: &'n Damped<'n>,
}
