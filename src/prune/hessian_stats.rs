//! Statistics of a weight's Hessian H = 2G.

use serde::{Deserialize, Serialize};

use super::Moment;

/// Statistics of the measured H = 2G, and the damping of its inverse.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct HessianStats {
    /// tr H.
    pub trace: f64,
    /// The smallest H_jj.
    pub diag_min: f64,
    /// tr H / n.
    pub diag_mean: f64,
    /// The largest H_jj.
    pub diag_max: f64,
    /// Number of inputs with H_jj = 0.
    pub dead: usize,
    /// A lower bound of λ_max / λ_min of the damped matrix, by the Lanczos method; 0 if not requested.
    pub condition: f64,
    /// The damping that the inverse needed, relative to the mean diagonal.
    pub damping_used: f64,
}

impl HessianStats {
    pub(super) fn new(moment: &Moment, damping_used: f64) -> Self {
        let n = moment.n();
        let diag = || (0..n).map(|j| 2.0 * moment.at(j, j));
        let trace: f64 = diag().sum();
        Self {
            trace,
            diag_min: diag().fold(f64::INFINITY, f64::min),
            diag_mean: trace / n as f64,
            diag_max: diag().fold(f64::NEG_INFINITY, f64::max),
            dead: diag().filter(|&value| value == 0.0).count(),
            condition: 0.0,
            damping_used,
        }
    }
}
