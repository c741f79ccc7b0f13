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

pub fn scores_side_by_side() -> Explanation {
    Explanation {
        title: "Scores of several attempts",
        formula: Vec::new(),
        text: vec![
            "Scores before any removal. Heads are listed by number; × with a number is the position in the order of removal. Channels are in ascending order of the first attempt's scores, with one strip per attempt below: × removed, · some of the neighbours removed.",
            "Attempts with the same score and damping behind the same layers have equal scores; they differ in the number of removed units alone.",
        ],
    }
}

pub fn removed_units() -> Explanation {
    Explanation {
        title: "Removed units of several attempts",
        formula: vec!["only A = R_A without R_B,  both = R_A ∩ R_B"],
        text: vec![
            "Every unit is counted once, in the line of exactly those attempts that remove it. With three attempts, A and B means that C keeps the unit.",
            "Sets of one elimination path are nested: a larger ratio removes what a smaller one removes, and more. Dynamic groups depend on the number of removed units, so the sets of two ratios may differ a little.",
        ],
    }
}

pub fn error_curves() -> Explanation {
    Explanation {
        title: "Error curves of several attempts",
        formula: vec!["e(k) = Σ errors of the first k removals / E‖y‖²"],
        text: vec![
            "One line per attempt up to its cut, which has the letter. The faint line is the curve of the active method, if it was continued past the cut. At the same ratio, the lower line is the better order of removal.",
        ],
    }
}

pub fn differences() -> Explanation {
    Explanation {
        title: "Differences between attempts",
        formula: vec!["E‖Δy‖² = relative error · E‖y‖²"],
        text: vec![
            "Values of each attempt, and the difference from the first one. Relative errors are over E‖y‖² of the part, the output error is E‖h − h_dense‖² / E‖h_dense‖² of the layer. Damping is what the shown part needed. Settings are listed if they differ.",
        ],
    }
}

pub fn last_layer() -> Explanation {
    Explanation {
        title: "Error at the last layer",
        formula: vec!["E‖h − h_dense‖² / E‖h_dense‖²  behind the last layer"],
        text: vec![
            "The first calibration windows pass from this layer to the last one, once with each marked attempt. Later layers keep the weights of their active attempts, which were solved behind the active attempt of this layer; solved again, they would correct a part of the difference.",
            "The lines show the relative error of each attempt behind every layer, as the change from that of the first attempt: the difference grows or fades in the later layers.",
        ],
    }
}
