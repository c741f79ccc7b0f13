//! Factors on the costs of parts: plans fit the text that they are chosen on.

use crate::prune::Part;

/// How much the costs of the parts together exceed the sum of their own.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Caution {
    /// The costs are used as they are.
    None,
    /// A factor that keeps the ratios of neighbouring layers together.
    Spread,
    /// Factors that also spare attention.
    Full,
}

impl Caution {
    /// The factor of a part's cost with this share of its units removed.
    ///
    /// Attentions back each other up: removing one costs little, removing several costs much more than the sum. A plan that
    /// empties a few layers fits the text that it was chosen on, and is worse on other text.
    pub fn factor(self, part: Part, share: f64) -> f64 {
        const ATTENTION: f64 = 4.0;
        const SPREAD: f64 = 4.0;
        match self {
            Self::None => 1.0,
            Self::Spread => 1.0 + SPREAD * share,
            Self::Full => {
                let of_part = match part {
                    Part::Attention => ATTENTION,
                    Part::Mlp => 1.0,
                };
                of_part * (1.0 + SPREAD * share)
            }
        }
    }

    /// KL of a plan with this caution over that of an equally good plan with full caution: the advantage of a plan with less
    /// caution is smaller on other text.
    pub fn advantage(self) -> f64 {
        match self {
            Self::None => 0.7,
            Self::Spread => 0.9,
            Self::Full => 1.0,
        }
    }
}
