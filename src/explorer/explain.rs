//! What a quantity means: its formula and how to read it.

use crate::{
    protocol::Method,
    prune::{GroupSize, HeadScore, Refine, Score, ScoreDescription, Target},
};

use super::{Panel, State};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    pub title: &'static str,
    /// One a line.
    pub formula: Vec<&'static str>,
    /// Paragraphs, to be wrapped.
    pub text: Vec<&'static str>,
}

/// What the focused panel shows, by the method that the selected layer was solved with, or would be.
pub fn explanation(state: &State) -> Explanation {
    let method = state.method(state.layer);
    match state.focused() {
        Panel::LayerTable => Explanation {
            title: "A layer's errors",
            formula: vec![
                "relative error = Σ step errors / E‖y‖²",
                "output error = E‖h − h_dense‖² / E‖h_dense‖²",
            ],
            text: vec![
                "Each row is a decoder block. Its ratio says which share of the attention's units and of the FFN's channels leaves; counts are rounded from it.",
                "The relative errors of attention and mlp are what pruning costs the weight itself, on the inputs it sees after everything above was pruned. The output error compares the whole block with the dense model: it holds what came from above as well, so it grows with depth.",
            ],
        },
        Panel::RatioCurve => Explanation {
            title: "Incremental Pruning Ratio",
            formula: vec![
                "r_i = r_first + (r_last − r_first) · t_i",
                "log: t_i = ln(1 + i) / ln n",
                "linear: t_i = i / (n − 1)",
            ],
            text: vec![
                "Errors of early layers pass through all later ones, so early layers lose less. With a mean R alone, r_first = 0.3125 R and r_last follows from the mean: the paper's 0.0625 → 0.25 for R = 0.2 on 32 layers.",
                "The line is the plan, filled points are layers that are done. Every ratio can be moved by hand; presets and renormalising leave locked ones where they are.",
            ],
        },
        Panel::Hessian => Explanation {
            title: "Hessian H = 2G",
            formula: vec![
                "G = Xᵀ X / N",
                "G_λ = G + λ I,  λ = damping · mean(diag G)",
                "condition = λ_max / λ_min of G_λ",
            ],
            text: vec![
                "X holds the inputs of the scored weight (o_proj or down_proj) over N calibration tokens. H = 2G is the second derivative of E‖Δy‖² for each row of W: it says which inputs are large and which move together.",
                "Dead inputs are always 0. Damping lifts the diagonal until the inverse exists and is trustworthy; it is raised tenfold when the factorisation fails. A condition above 10⁶ or so means that compensation leans on small differences.",
            ],
        },
        Panel::Correlation => Explanation {
            title: "Correlation of the inputs",
            formula: vec!["c_ij = mean |G_ij| / √(G_ii G_jj)"],
            text: vec![
                "Every cell is a pair of units (or of neighbouring groups of them). Bright cells off the diagonal are inputs that move together: when one of them leaves, the other can take over its work. That is what compensation lives on.",
            ],
        },
        Panel::Scores => scores(&method),
        Panel::Batches => batches(&method),
        Panel::ErrorCurve => Explanation {
            title: "Error versus ratio",
            formula: vec!["e(k) = Σ of the first k removals' errors / E‖y‖²"],
            text: vec![
                "The elimination path goes on past the cut until nothing more may leave, so one solve tells the error of every ratio. Where the curve is flat, more can go for little; where it bends up, the next per cent is dear.",
            ],
        },
        Panel::Attempts => Explanation {
            title: "Attempts",
            formula: vec![
                "stale: an attempt above is not the one that this rests on, or its planned ratio was moved",
            ],
            text: vec![
                "Each solve of the layer is kept with its settings and result. One is active (●); Enter puts another active. Layers below rest on the attempts above them, so they become stale until they are run again.",
            ],
        },
        Panel::Errors => errors(state.settings.target),
        Panel::Sessions => Explanation {
            title: "Sessions side by side",
            formula: vec!["mean error = Σ relative errors of the pruned layers / their number"],
            text: vec![
                "Every row is a session with its attempts active: the open one (●) first, then those that were marked (m) in the list of sessions (S). The smallest of a column has a star.",
                "A perplexity with ! was measured on another text, or in other windows, than the first one: it says nothing beside it. Errors of models pruned to other ratios differ by the ratio first.",
            ],
        },
        Panel::Curves => Explanation {
            title: "Curves of several sessions",
            formula: vec![
                "relative error = Σ step errors / E‖y‖²",
                "output error = E‖h − h_dense‖² / E‖h_dense‖²",
            ],
            text: vec![
                "One line a session over the layers, with the session's letter on it; that under the cursor lies above the others. Left and right show another quantity: the ratio of heads or channels, the error of either part, or the output error where it was tracked. Errors stand on a log axis.",
            ],
        },
        Panel::Perplexity => Explanation {
            title: "Perplexity",
            formula: vec!["exp( mean of −ln p(token) )"],
            text: vec![
                "The text is cut into windows of L tokens that do not overlap; tokens 2…L of each are predicted. Lower is better; a text that was calibrated on flatters the pruned model.",
            ],
        },
        Panel::Texts => Explanation {
            title: "Two texts from one prompt",
            formula: vec!["p(token) ∝ exp(logit / temperature)"],
            text: vec![
                "Both models go on from the same prompt with the same seed, token by token in turn. Temperature 0 always takes the likeliest token, so differences are the models' own.",
            ],
        },
        Panel::Log => Explanation {
            title: "Log",
            formula: vec![],
            text: vec![
                "What happened, newest last: every batch, every raised damping with its reason, warnings and failures.",
            ],
        },
    }
}

fn scores(method: &Method) -> Explanation {
    if method.score.is_baseline() { baseline(method.score) } else { costs(method.head_score) }
}

fn baseline(score: Score) -> Explanation {
    let ScoreDescription { formula, explanation, .. } = score.description();
    Explanation {
        title: "Scores of a baseline",
        formula: vec![formula, "head: the sum over its columns"],
        text: vec![
            explanation,
            "The scores do not change while units are removed, the lowest first. Errors are exact all the same, and the kept weights are fitted unless compensation is off. Removed units are marked × with their place in the order.",
        ],
    }
}

fn costs(head_score: HeadScore) -> Explanation {
    let ScoreDescription { formula, explanation, .. } = head_score.description();
    Explanation {
        title: "Scores: what a unit costs",
        formula: vec![formula, Score::Obs.description().formula, "P = G_λ⁻¹ over the active columns"],
        text: vec![
            explanation,
            "Shown are the scores before anything was removed; the cheapest are removed first. After each removal P and the weights are updated, so later scores differ: a unit becomes expensive once a similar one has been removed. Removed units are marked × with their place in the order.",
        ],
    }
}

fn batches(method: &Method) -> Explanation {
    let sizes = match method.group_size {
        GroupSize::Dynamic => {
            "Heads leave one at a time. Channels leave in groups, large at first and small at the end (Dynamic Group Size): half of what is still to go, at least 8 and at most 1024."
        }
        GroupSize::Reference => {
            "Heads leave one at a time. Channels leave in the groups of the authors' code: ⌊(K − 512)/2⌋ of K, then ⌊(b − 512)/2⌋ after each batch b, between 64 and 1024."
        }
        GroupSize::Exact => "Heads leave one at a time, and so do channels: true greedy.",
        GroupSize::Fixed(_) => {
            "Heads leave one at a time. Channels leave in groups of one size, the paper's ablation −DGS."
        }
    };
    let (formula, errors) = if method.compensation {
        (
            vec![
                "cost of a set R = ‖W_R L⁻ᵀ‖²,  P_RR = L Lᵀ",
                "W_A ← W_A − W_R P_RR⁻¹ P_RA",
                "P_AA ← P_AA − P_AR P_RR⁻¹ P_RA",
            ],
            "The error of a batch is exact, with everything else making up for it; the batches' errors add up to the error of the part.",
        )
    } else {
        (
            vec!["rise of tr(ΔW G_λ ΔWᵀ), the kept weights as they are", "P_AA ← P_AA − P_AR P_RR⁻¹ P_RA"],
            "Compensation is off: the error of a batch is what it adds with the kept weights as they are; the batches' errors add up to the error of the part.",
        )
    };
    let swaps = match method.refine {
        Refine::None => None,
        Refine::Swaps => Some(
            "Then a removed and a kept unit change places, the pair that lowers the exact error most, while there is one. The batches' errors are those before the swaps.",
        ),
    };
    let text = [sizes, errors].into_iter().chain(swaps).collect();
    Explanation { title: "Batches: Batched Greedy Pruning", formula, text }
}

fn errors(target: Target) -> Explanation {
    let piles_up = match target {
        Target::Layer => {
            "h is the residual stream of the pruned model, h_dense that of the dense model, over the same calibration tokens. Each layer repairs its own output only, for the inputs that it gets, so what earlier layers lost is never repaired and piles up. Faint lines are earlier runs."
        }
        Target::DenseStream => {
            "h is the residual stream of the pruned model, h_dense that of the dense model, over the same calibration tokens. With the dense stream as the target, the kept columns of each layer also aim to repair what earlier layers lost. Faint lines are earlier runs."
        }
    };
    Explanation {
        title: "Error accumulation",
        formula: vec!["E‖h − h_dense‖² / E‖h_dense‖²  after each block"],
        text: vec![piles_up],
    }
}
