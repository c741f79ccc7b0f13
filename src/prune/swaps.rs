//! Refinement after the elimination: a removed and a kept unit are swapped while that lowers the exact error.
//!
//! Each swap exchanges the pair that lowers the error most. Swapping ends when no pair lowers it by more than a
//! millionth. Weights with too many columns to consider together are refined in rounds. In a round, the removed
//! units with the largest gain and the kept units with the lowest cost are swapped until no pair gains; then new
//! candidates are chosen. A round that gains less than a thousandth is the last one. After every round the error is
//! recomputed, and a round that did not lower it is undone.

use std::ops::ControlFlow;

use super::candidates::{Field, Fit, fitted, uncompensated};
use super::damping::Damped;
use super::outcome::emit;
use super::{Error, Progress, PruneProblem, Units};

/// Minimum decrease of the error by a swap, as a fraction of the error.
const LEAST_GAIN: f64 = 1e-6;
/// Minimum decrease of the error by a round, as a fraction of the error; a round below it is the last.
const LEAST_GAIN_OF_A_ROUND: f64 = 1e-3;

/// A removed and a kept unit to swap.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Swap {
    /// The removed unit to restore, and the kept unit to remove.
    pub back: usize,
    pub out: usize,
    /// The change of tr(ΔW G_λ ΔWᵀ).
    pub change: f64,
}

/// The result of the swaps.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Refinement {
    /// Removed units in order of removal. A unit removed by a swap takes the position of the restored unit.
    pub removed: Vec<usize>,
    pub swaps: usize,
    /// tr(ΔW G_λ ΔWᵀ), computed from the set of removed units.
    pub error_before: f64,
    pub error_after: f64,
}

impl Refinement {
    fn progress(&self) -> Progress<'static> {
        Progress::Swapped { swaps: self.swaps, removed: self.removed.len(), error: self.error_after }
    }
}

/// Swaps units of `removed`, which is not empty, with kept units, after `steps` steps of elimination.
///
/// Fails with [`Error::NotPositiveDefinite`] if G_λ of the kept columns cannot be factored, and with
/// [`Error::Cancelled`].
pub(super) fn refine(
    part: &PruneProblem,
    damped: &Damped,
    (removed, damping, steps): (Vec<usize>, f64, usize),
    observe: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<Refinement, Error> {
    let mut now = Refinement { removed, swaps: 0, error_before: 0.0, error_after: 0.0 };
    let mut before: Option<Refinement> = None;
    let mut last = false;
    loop {
        emit(observe, steps, now.progress())?;
        let failed = |input| Error::NotPositiveDefinite { damping, input };
        let fit = if part.compensate {
            Fit::Fitted(fitted(part, damped, &now.removed).map_err(failed)?)
        } else {
            Fit::Uncompensated(uncompensated(part, damped, &now.removed))
        };
        now.error_after = fit.error();
        let lowered = before.as_ref().is_none_or(|before| fit.error() < before.error_after);
        match before {
            None => now.error_before = fit.error(),
            Some(before) if !lowered => return Ok(before),
            Some(before) => {
                let gain = before.error_after - now.error_after;
                if last || gain <= LEAST_GAIN_OF_A_ROUND * before.error_after {
                    return Ok(now);
                }
            }
        }
        before = Some(now.clone());
        let mut field = fit.candidates();
        last = field.whole;
        let made = swap_all(part, &mut field, &mut now, &mut |progress| emit(observe, steps, progress))?;
        if made == 0 {
            return Ok(now);
        }
    }
}

/// Swaps candidates until no swap lowers the error. Returns the number of swaps.
fn swap_all(
    part: &PruneProblem,
    field: &mut Field,
    now: &mut Refinement,
    emit: &mut dyn FnMut(Progress) -> Result<(), Error>,
) -> Result<usize, Error> {
    let units = field.units.clone();
    let group = |unit: usize| match part.units {
        Units::Heads { per_group: Some(per_group), .. } => unit / per_group,
        Units::Heads { per_group: None, .. } | Units::Channels { .. } => 0,
    };
    let allowed = |back: usize, out: usize| group(units[back]) == group(units[out]);
    let mut made = 0;
    // The limit prevents a cycle of swaps caused by rounding.
    while made < 4 * units.len() {
        let Some(swap) = field.best(allowed) else { break };
        let lowers = swap.change < -LEAST_GAIN * now.error_after;
        if !lowers || !field.swap(swap) {
            break;
        }
        let (back, out) = (units[swap.back], units[swap.out]);
        for removed in now.removed.iter_mut().filter(|removed| **removed == back) {
            *removed = out;
        }
        now.error_after += swap.change;
        (now.swaps, made) = (now.swaps + 1, made + 1);
        emit(now.progress())?;
    }
    Ok(made)
}

/// The swap with the lowest change, and with the lowest units on a tie.
pub(super) fn first_of(swaps: impl IntoIterator<Item = Swap>) -> Option<Swap> {
    let key = |swap: &Swap| (swap.back, swap.out);
    let finite = swaps.into_iter().filter(|swap| swap.change.is_finite());
    finite.min_by(|a, b| a.change.total_cmp(&b.change).then(key(a).cmp(&key(b))))
}
