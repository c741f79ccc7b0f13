//! Explanations of the panels of the Layer screen, for the method of the shown attempt or of the next one.
//!
//! Equations are those of SlimGPT (arXiv 2412.18110); `docs/method.md` derives them.

use crate::{
    explorer::screens::Explanation,
    protocol::Method,
    prune::{GroupSize, HeadScore, Refine, Score, ScoreDescription},
};

pub fn hessian() -> Explanation {
    Explanation {
        title: "Hessian H = 2G",
        formula: vec![
            "G = Xᵀ X / N",
            "G_λ = G + λ I,  λ = damping · mean(diag G)",
            "condition = λ_max / λ_min of G_λ",
        ],
        text: vec![
            "X [N, columns] holds the inputs of the pruned weight (o_proj or down_proj) over N calibration tokens. H = 2G is the Hessian of E‖Δy‖² for each row of W. Its diagonal shows which inputs are large, its off-diagonal entries which inputs are correlated.",
            "Dead inputs are 0 on every token. Damping is added to the diagonal so that G_λ can be inverted; it is raised tenfold when the factorisation fails. With a condition number above about 10⁶, compensation depends on small differences of large numbers.",
        ],
    }
}

pub fn correlation() -> Explanation {
    Explanation {
        title: "Correlation of the inputs",
        formula: vec!["c_ij = mean |G_ij| / √(G_ii G_jj)"],
        text: vec![
            "Each cell is a pair of units, or of groups of neighbouring units. Values range from 0 to 1. A bright cell off the diagonal is a pair of correlated inputs: when one of them is removed, the other can compensate for it.",
        ],
    }
}

pub fn error_curve() -> Explanation {
    Explanation {
        title: "Error versus ratio",
        formula: vec!["e(k) = Σ errors of the first k removals / E‖y‖²"],
        text: vec![
            "The elimination path continues past the cut until no more units can be removed, so one solve gives the error at every ratio. Where the curve is flat, more units can be removed at little cost; where it turns upwards, each further per cent is expensive.",
        ],
    }
}

pub fn attempts() -> Explanation {
    Explanation {
        title: "Attempts",
        formula: vec![
            "stale: the active attempt of an earlier layer differs from the one this attempt was solved with, or the planned ratio was changed",
        ],
        text: vec![
            "Every solve of the layer is kept with its settings and its result. One is active (●); Enter activates another one. Later layers were solved with the attempts that were active above them, so they are then stale until they are run again.",
        ],
    }
}

pub fn scores(method: &Method) -> Explanation {
    if method.solver.score.is_baseline() {
        baseline(method.solver.score)
    } else {
        costs(method.solver.head_score)
    }
}

fn baseline(score: Score) -> Explanation {
    let ScoreDescription { formula, explanation, .. } = score.description();
    Explanation {
        title: "Scores of a baseline",
        formula: vec![formula, "head: the sum over its columns"],
        text: vec![
            explanation,
            "Units are removed in ascending order of score; the scores do not change meanwhile. The errors shown are still exact, and the kept weights are refitted unless compensation is off. Removed units are marked × with their position in the order.",
        ],
    }
}

fn costs(head_score: HeadScore) -> Explanation {
    let ScoreDescription { formula, explanation, .. } = head_score.description();
    Explanation {
        title: "Scores: the cost of a unit",
        formula: vec![formula, Score::Obs.description().formula, "P = G_λ⁻¹ over the active columns"],
        text: vec![
            explanation,
            "The chart shows the scores before any removal; the units with the lowest scores are removed first. P and the weights are updated after each removal, so later scores differ: a unit becomes expensive once the unit that could compensate for it is gone. Removed units are marked × with their position in the order.",
        ],
    }
}

pub fn batches(method: &Method) -> Explanation {
    let sizes = match method.solver.group_size {
        GroupSize::Dynamic => {
            "Heads are removed one at a time. Channels are removed in groups that shrink towards the end (Dynamic Group Size): each is half of the channels still to remove, at least 8 and at most 1024."
        }
        GroupSize::Reference => {
            "Heads are removed one at a time. Channels are removed in the groups of the authors' code: ⌊(K − 512)/2⌋ of K, then ⌊(b − 512)/2⌋ after each batch b, between 64 and 1024."
        }
        GroupSize::Exact => "Heads and channels are removed one at a time: true greedy.",
        GroupSize::Fixed(_) => {
            "Heads are removed one at a time. Channels are removed in groups of one size, the paper's ablation −DGS."
        }
    };
    let (formula, errors) = if method.solver.compensation {
        (
            vec![
                "cost of a set R = ‖W_R L⁻ᵀ‖²,  P_RR = L Lᵀ",
                "W_A ← W_A − W_R P_RR⁻¹ P_RA",
                "P_AA ← P_AA − P_AR P_RR⁻¹ P_RA",
            ],
            "The error of a batch is exact, with the remaining columns compensating for it. The errors of the batches add up to the error of the part.",
        )
    } else {
        (
            vec!["increase in tr(ΔW G_λ ΔWᵀ), kept weights unchanged", "P_AA ← P_AA − P_AR P_RR⁻¹ P_RA"],
            "Compensation is off: the error of a batch is the increase with the kept weights unchanged. The errors of the batches add up to the error of the part.",
        )
    };
    let swaps = match method.solver.refine {
        Refine::None => None,
        Refine::Swaps => Some(
            "Swaps follow: the removed and the kept unit whose exchange lowers the exact error most are exchanged, until no exchange lowers it. The errors of the batches are those before the swaps.",
        ),
    };
    let text = [sizes, errors].into_iter().chain(swaps).collect();
    Explanation { title: "Batches: Batched Greedy Pruning", formula, text }
}
