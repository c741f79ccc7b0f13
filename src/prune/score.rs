//! The scores that determine the order of removal: their names, formulas and sources.

use crate::names::{Named, names};

names! {
    /// The score that orders the units for removal. `Obs` is the method of the paper; the others are
    /// baselines. All use the same compensation and the same error measure.
    pub enum Score, default Obs {
        /// Increase in output error; heads by the head score, channels in groups
        Obs = "obs",
        /// ‖W_j‖², weights alone
        Magnitude = "magnitude",
        /// Mean |W_ij| times the input norm (arXiv 2312.11983)
        WandaSp = "wanda-sp",
        /// ‖W_j‖² times the input variance (arXiv 2312.11983)
        Flap = "flap",
        /// Random order, drawn from the run's seed
        Random = "random",
    }
}

names! {
    /// The score that selects the next head when units are removed by [`Score::Obs`].
    pub enum HeadScore, default Exact {
        /// ‖W_c L⁻ᵀ‖², the exact increase in error
        Exact = "exact",
        /// Σ_j ‖W_cj‖² / L_jj², the paper's grouped Cholesky
        GroupedCholesky = "grouped-cholesky",
        /// Σ_j ‖W_cj‖² / P_jj, the paper's ablation "−GCD"
        Diagonal = "diagonal",
    }
}

/// The explanation of a score.
///
/// Formulas use the weight W [rows, n], its input x and G = E[x xᵀ]; P = (G + λI)⁻¹ over the active columns;
/// c, the columns of a head; and L, the Cholesky factor of P[c, c].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScoreDescription {
    /// The score of a column j, or of a head.
    pub formula: &'static str,
    /// The meaning of the formula in one or two sentences, with its source.
    pub explanation: &'static str,
}

impl Score {
    /// Formula, explanation and source.
    pub fn description(self) -> ScoreDescription {
        match self {
            Self::Obs => ScoreDescription {
                formula: "channel: ‖W_j‖² / P_jj",
                explanation: "The increase in E‖Δy‖² per token if this unit alone were removed now and all others compensated for it (arXiv 2412.18110, §3).",
            },
            Self::Magnitude => ScoreDescription {
                formula: "‖W_j‖²",
                explanation: "Only the weight counts, as in magnitude pruning.",
            },
            Self::WandaSp => ScoreDescription {
                formula: "mean_i |W_ij| · √G_jj",
                explanation: "Weight times the norm of its input per token: the structured form of Wanda (arXiv 2312.11983; Wanda: arXiv 2306.11695).",
            },
            Self::Flap => ScoreDescription {
                formula: "Var(x_j) · ‖W_j‖²",
                explanation: "An input that varies little can be replaced by its mean: FLAP's fluctuation score (WIFV, arXiv 2312.11983).",
            },
            Self::Random => ScoreDescription {
                formula: "position in a random order",
                explanation: "Units are removed in a random order that depends only on the seed.",
            },
        }
    }

    /// Whether this is the score of another method, for comparison. Such scores are computed before any
    /// removal and do not change afterwards.
    pub fn is_baseline(self) -> bool {
        self != Self::Obs
    }

    /// The name of the score that orders the heads: the head score, or the baseline.
    pub fn order_of_heads(self, head_score: HeadScore) -> &'static str {
        if self.is_baseline() { self.name() } else { head_score.name() }
    }
}

impl HeadScore {
    /// Formula, explanation and source.
    pub fn description(self) -> ScoreDescription {
        match self {
            Self::Exact => ScoreDescription {
                formula: "head: ‖W_c L⁻ᵀ‖²,  P[c, c] = L Lᵀ",
                explanation: "The score is the increase in E‖Δy‖² per token if this unit alone were removed now and all others compensated for it as well as they can.",
            },
            Self::GroupedCholesky => ScoreDescription {
                formula: "head: Σ_j ‖W_cj‖² / L_jj²,  P[c, c] = L Lᵀ",
                explanation: "A channel's score is its cost if all others compensate for it. A head's score is the paper's grouped Cholesky, which ignores the gain of compensation inside the head (arXiv 2412.18110, §3).",
            },
            Self::Diagonal => ScoreDescription {
                formula: "head: Σ_j ‖W_cj‖² / P_jj",
                explanation: "A channel's score is its cost if all others compensate for it. A head's score adds the costs of its columns as if each were removed alone: the paper's ablation −GCD.",
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_baseline_orders_the_heads_for_every_head_score() {
        assert_eq!(Score::Flap.order_of_heads(HeadScore::Diagonal), "flap");
        assert_eq!(Score::Obs.order_of_heads(HeadScore::Diagonal), "diagonal");
    }

    #[test]
    fn every_baseline_has_its_own_explanation() {
        let all: std::collections::BTreeSet<_> =
            Score::ALL.iter().map(|score| score.description().formula).collect();
        assert_eq!(all.len(), Score::ALL.len());
    }
}
