//! Pictures of elimination steps: scores, choice, factor, compensation and down-date, with their numbers.
//!
//! A step is drawn only when its observer asks for it ([`Look`]). Until then, nothing is computed or kept for it.

mod glance;
mod picture;
#[cfg(test)]
mod tests;

use std::{fmt, ops::ControlFlow};

pub(super) use glance::{Asked, Glance, Rule, add_step, lower};
pub(super) use picture::{Binned, picture};
pub use picture::{BlockPicture, InversePicture, RulePicture, StepPicture, WeightPicture};

use super::outcome::raising_damping;
use super::{Elimination, Error, Progress, PruneProblem};

/// Steps spread evenly over a path, and steps at each of its ends, that are worth keeping.
const SPREAD: usize = 64;
const ENDS: usize = 16;

/// Draws a step that was just made.
#[derive(Clone, Copy)]
pub struct Look<'a> {
    landmark: bool,
    draw: &'a dyn Fn() -> Option<StepPicture>,
}

impl<'a> Look<'a> {
    pub(super) fn new(landmark: bool, draw: &'a dyn Fn() -> Option<StepPicture>) -> Self {
        Self { landmark, draw }
    }

    /// The picture of the step. None if it was drawn before, or if rounding has made P indefinite.
    pub fn picture(&self) -> Option<StepPicture> {
        (self.draw)()
    }

    /// True for the steps to keep if there are thousands: some spread evenly over the path, and the steps at its
    /// ends.
    pub fn is_landmark(&self) -> bool {
        self.landmark
    }
}

impl fmt::Debug for Look<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Look").field("landmark", &self.landmark).finish_non_exhaustive()
    }
}

/// Whether the step that removes `leaving` units after `removed`, of `goal`, is one to keep.
pub(super) fn is_landmark(removed: usize, leaving: usize, goal: usize) -> bool {
    let after = removed + leaving;
    let stretch = |removed: usize| removed * SPREAD / goal.max(1);
    removed < ENDS || after + ENDS > goal || stretch(removed) != stretch(after)
}

/// Follows the elimination path of [`super::prune()`] without a final fit, for the pictures of its steps.
/// `observe` receives [`Progress::Removed`], and [`Progress::DampingRaised`] when the path starts again.
///
/// # Errors
/// As for [`super::prune()`].
pub fn steps(part: &PruneProblem, observe: &mut dyn FnMut(Progress) -> ControlFlow<()>) -> Result<(), Error> {
    raising_damping(part, observe, |part, damping, observe| {
        let mut elimination = Elimination::start(part, damping)?;
        let mut step = 0;
        while elimination.step()?.is_some() {
            elimination.report(step, observe)?;
            step += 1;
        }
        Ok(())
    })
}
