//! The labels of the loss.

use crate::calibration::Windows;

/// What the model predicts at each position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Labels {
    /// The next token of the window. The last position has no loss.
    Next,
    /// Tokens drawn from the model's own distribution at every position. They depend on the seed, the draw, and the place
    /// of the position among all windows.
    Drawn {
        /// Number of labels of each position; each has gradients of its own.
        draws: usize,
        /// Seed of the draws.
        seed: u64,
    },
    /// Labels by draw: [samples · seq_len] each, row-major. A position without a label has no loss.
    Given(Vec<Vec<Option<u32>>>),
}

impl Labels {
    /// Number of labels of each position.
    pub fn draws(&self) -> usize {
        match self {
            Self::Next => 1,
            Self::Drawn { draws, .. } => *draws,
            Self::Given(labels) => labels.len(),
        }
    }

    /// The labels that are known before the pass, by draw; None if they are drawn.
    pub(super) fn known(&self, windows: &Windows) -> Option<Vec<Vec<Option<u32>>>> {
        match self {
            Self::Next => {
                let next =
                    |window: &[u32]| window[1..].iter().copied().map(Some).chain([None]).collect::<Vec<_>>();
                Some(vec![windows.iter().flat_map(next).collect()])
            }
            Self::Drawn { .. } => None,
            Self::Given(labels) => Some(labels.clone()),
        }
    }
}
