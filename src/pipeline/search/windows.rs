//! The windows of a search for ratios.

use crate::calibration::{TokenWeights, Windows};

/// The windows of a search. The three sets are disjoint if there are enough windows: a plan fits the windows that it was
/// chosen on, so it is compared on others.
#[derive(Clone, Debug)]
pub struct SearchWindows {
    /// For fitting weights.
    pub fit: Windows,
    /// Weights of the tokens of `fit` in the second moments; None if all are equal.
    pub weights: Option<TokenWeights>,
    /// For the gradients of predicted costs.
    pub gradient: Windows,
    /// For comparing predictions.
    pub judge: Windows,
    /// Number of windows at the end of `judge` that are from the guard text.
    pub guarded: usize,
}

impl SearchWindows {
    /// At most `most` windows for each purpose. With fewer than three windows, some serve several purposes. `weights`: of
    /// the tokens of all windows.
    ///
    /// # Errors
    /// If there are no windows.
    pub fn of(
        windows: &Windows,
        weights: Option<&TokenWeights>,
        most: usize,
    ) -> Result<Self, crate::calibration::Error> {
        let each = Self::each(windows.samples(), most);
        let part = |at: usize| windows.part(at * each..(at + 1) * each);
        let last = Self::sets(windows.samples()) - 1;
        let weights = weights.and_then(|weights| weights.part(0..each * windows.seq_len()));
        Ok(Self { fit: part(0)?, weights, gradient: part(last.min(1))?, judge: part(last)?, guarded: 0 })
    }
}

impl SearchWindows {
    /// Number of windows of the guard text that replace others in [`Self::guarded_by`].
    pub fn guard_windows(&self) -> usize {
        2 * (self.judge.samples() / 2).max(1)
    }

    /// Replaces half of the windows for gradients and for comparing with windows of another text: the first half of `guard`,
    /// and the second.
    ///
    /// # Errors
    /// If windows have another length.
    pub fn guarded_by(self, guard: &Windows) -> Result<Self, crate::calibration::Error> {
        let guarded = guard.samples() / 2;
        let joined = |own: &Windows, guard: Windows| {
            own.part(0..own.samples().saturating_sub(guarded).max(1))?.join(&guard)
        };
        let gradient = joined(&self.gradient, guard.part(0..guarded)?)?;
        let judge = joined(&self.judge, guard.part(guarded..2 * guarded)?)?;
        Ok(Self { gradient, judge, guarded, ..self })
    }

    /// Number of disjoint sets from this many windows.
    fn sets(samples: usize) -> usize {
        samples.clamp(1, 3)
    }

    /// Number of windows of each set.
    pub(super) fn each(samples: usize, most: usize) -> usize {
        most.min(samples / Self::sets(samples)).max(1)
    }
}
