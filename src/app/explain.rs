//! What a quantity means: its formula and how to read it.

use super::Panel;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Explanation {
    pub title: &'static str,
    /// One a line.
    pub formula: &'static [&'static str],
    /// Paragraphs, to be wrapped.
    pub text: &'static [&'static str],
}

/// What the panel shows.
pub fn explanation(panel: Panel) -> Explanation {
    match panel {
        Panel::LayerTable => Explanation {
            title: "A layer's errors",
            formula: &[
                "relative error = Σ step errors / E‖y‖²",
                "output error = E‖h − h_dense‖² / E‖h_dense‖²",
            ],
            text: &[
                "Each row is a decoder block. Its ratio says which share of the attention's units and of the FFN's channels leaves; counts are rounded from it.",
                "The relative errors of attention and mlp are what pruning costs the weight itself, on the inputs it sees after everything above was pruned. The output error compares the whole block with the dense model: it holds what came from above as well, so it grows with depth.",
            ],
        },
        Panel::RatioCurve => Explanation {
            title: "Incremental Pruning Ratio",
            formula: &[
                "r_i = r_first + (r_last − r_first) · t_i",
                "log: t_i = ln(1 + i) / ln n",
                "linear: t_i = i / (n − 1)",
            ],
            text: &[
                "Errors of early layers pass through all later ones, so early layers lose less. With a mean R alone, r_first = 0.3125 R and r_last follows from the mean: the paper's 0.0625 → 0.25 for R = 0.2 on 32 layers.",
                "The line is the plan, filled points are layers that are done. Every ratio can be moved by hand; locked ones stay where they are.",
            ],
        },
        Panel::Hessian => Explanation {
            title: "Hessian H = 2G",
            formula: &[
                "G = Xᵀ X / N",
                "G_λ = G + λ I,  λ = damping · mean(diag G)",
                "condition = λ_max / λ_min of G_λ",
            ],
            text: &[
                "X holds the inputs of the scored weight (o_proj or down_proj) over N calibration tokens. H = 2G is the second derivative of E‖Δy‖² for each row of W: it says which inputs are large and which move together.",
                "Dead inputs are always 0. Damping lifts the diagonal until the inverse exists and is trustworthy; it is raised tenfold when the factorisation fails. A condition above 10⁶ or so means that compensation leans on small differences.",
            ],
        },
        Panel::Correlation => Explanation {
            title: "Correlation of the inputs",
            formula: &["c_ij = mean |G_ij| / √(G_ii G_jj)"],
            text: &[
                "Every cell is a pair of units (or of neighbouring groups of them). Bright cells off the diagonal are inputs that move together: when one of them leaves, the other can take over its work. That is what compensation lives on.",
            ],
        },
        Panel::Scores => Explanation {
            title: "Scores: what a unit costs",
            formula: &[
                "head: ‖W_c L⁻ᵀ‖²,  P[c, c] = L Lᵀ",
                "channel: ‖W_j‖² / P_jj",
                "P = G_λ⁻¹ over the columns that are left",
            ],
            text: &[
                "The score is the rise of E‖Δy‖² per token if this unit alone left now and all others made up for it as well as they can. Shown are the scores before anything left; the cheapest go first.",
                "After each removal W and P are updated, so later scores differ: a unit whose twin has gone becomes dear. Removed units are marked × with their place in the order.",
            ],
        },
        Panel::Batches => Explanation {
            title: "Batches: Batched Greedy Pruning",
            formula: &[
                "cost of a set R = ‖W_R L⁻ᵀ‖²,  P_RR = L Lᵀ",
                "W_A ← W_A − W_R P_RR⁻¹ P_RA",
                "P_AA ← P_AA − P_AR P_RR⁻¹ P_RA",
            ],
            text: &[
                "Heads leave one at a time. Channels leave in groups, large at first and small at the end (Dynamic Group Size): half of what is still to go, at least 8 and at most 1024.",
                "The error of a batch is exact, with everything else compensating; the batches' errors add up to the error of the part.",
            ],
        },
        Panel::ErrorCurve => Explanation {
            title: "Error versus ratio",
            formula: &["e(k) = Σ of the first k removals' errors / E‖y‖²"],
            text: &[
                "The elimination path goes on past the cut until nothing more may leave, so one solve tells the error of every ratio. Where the curve is flat, more can go for little; where it bends up, the next per cent is dear.",
            ],
        },
        Panel::Attempts => Explanation {
            title: "Attempts",
            formula: &["stale: an attempt above is not the one this rests on"],
            text: &[
                "Each solve of the layer is kept with its settings and result. One is in force (●); Enter puts another in force. Layers below rest on the attempts above them, so they become stale until they are run again.",
            ],
        },
        Panel::Errors => Explanation {
            title: "Error accumulation",
            formula: &["E‖h − h_dense‖² / E‖h_dense‖²  after each block"],
            text: &[
                "h is the residual stream of the pruned model, h_dense that of the dense model, over the same calibration tokens. Each layer repairs its own output only for the inputs it gets, so what earlier layers lost is never repaired and piles up. Grey lines are earlier runs.",
            ],
        },
        Panel::Perplexity => Explanation {
            title: "Perplexity",
            formula: &["exp( mean of −ln p(token) )"],
            text: &[
                "The text is cut into windows of L tokens that do not overlap; tokens 2…L of each are predicted. Lower is better; a text that was calibrated on flatters the pruned model.",
            ],
        },
        Panel::Texts => Explanation {
            title: "Two texts from one prompt",
            formula: &["p(token) ∝ exp(logit / temperature)"],
            text: &[
                "Both models go on from the same prompt with the same seed, token by token in turn. Temperature 0 always takes the likeliest token, so differences are the models' own.",
            ],
        },
        Panel::Log => Explanation {
            title: "Log",
            formula: &[],
            text: &[
                "What happened, newest last: every batch, every raised damping with its reason, warnings and failures.",
            ],
        },
    }
}
