//! Explanations of the panels of the algorithm view.

use super::{Phase, Shown};
use crate::{
    explorer::{State, screens::Explanation},
    prune::{HeadScore, Part, Score},
};

/// The formula of a sub-step.
pub fn formula(state: &State, phase: Phase) -> &'static str {
    match phase {
        Phase::Score => score(state),
        Phase::Choose => "R = the units with the lowest scores",
        Phase::Factor => "P_RR = L Lᵀ,  cost = ‖W_R L⁻ᵀ‖²",
        Phase::Compensate => "W_A ← W_A − W_R P_RR⁻¹ P_RA",
        Phase::DownDate => "P_AA ← P_AA − P_AR P_RR⁻¹ P_RA",
    }
}

/// The formula of the score that orders the units of the shown part.
fn score(state: &State) -> &'static str {
    let solver = state.method(state.layer).solver;
    match (solver.score, state.screens.layer.part) {
        (Score::Obs, Part::Attention) => solver.head_score.description().formula,
        (score, _) => score.description().formula,
    }
}

pub fn step(state: &State) -> Explanation {
    let phase = Shown::of(state).map_or(Phase::Score, |shown| shown.cursor.phase);
    let text = match phase {
        Phase::Score => {
            "Every unit has a score: the rise of the output error if it were removed. P is the inverse of the damped second moment of the inputs that are left, W the weights as they are now."
        }
        Phase::Choose => {
            "The units with the lowest scores leave. Heads leave one at a time. Channels leave in groups, because one factorisation serves the whole group; the groups shrink towards the end."
        }
        Phase::Factor => {
            "The block of P that belongs to the leaving columns is factored. Its Cholesky factor L gives the exact cost of removing them together: it counts what compensation among them saves."
        }
        Phase::Compensate => {
            "The columns that stay take over as much of the removed output as they can. Columns whose inputs are correlated with the removed ones change most."
        }
        Phase::DownDate => {
            "P loses the rows and columns of the removed units, and every other entry is corrected. The result is the inverse over the columns that stay; nothing is inverted again. The scores change with it."
        }
    };
    Explanation { title: "One elimination step", formula: vec![formula(state, phase)], text: vec![text] }
}

pub fn inverse() -> Explanation {
    Explanation {
        title: "P = G_λ⁻¹",
        formula: vec!["cell = root mean square of P_ij over the columns of two units"],
        text: vec![
            "Rows and columns are units, or groups of neighbouring units. Bright cells off the diagonal are pairs that can compensate for each other. A removed unit has no row and no column any more: its cells are dots, with × at the margin. Shades grow with the square root of the value.",
            "Of a large weight, evenly spread columns are drawn; the title says how many.",
        ],
    }
}

pub fn block() -> Explanation {
    Explanation {
        title: "The leaving block and its Cholesky factor",
        formula: vec!["P_RR = L Lᵀ,  L lower triangular", "cost = ‖W_R L⁻ᵀ‖²"],
        text: vec![
            "The block of P of the columns that leave, and its factor. A small pivot L_jj means that the columns before it determine column j almost completely, which makes it expensive for the grouped score and irrelevant for the diagonal.",
        ],
    }
}

pub fn weights() -> Explanation {
    Explanation {
        title: "W and its change",
        formula: vec!["‖W_c‖ before the step", "‖ΔW_c‖ / ‖W_c‖, the change by compensation"],
        text: vec![
            "A strip per unit, of at most 8 groups of its columns, or a bar per unit if each has a single column. Above: the sizes of the columns. Below: how much of them the compensation changed in this step. The unit that leaves is marked; its columns become 0.",
        ],
    }
}

pub fn choice(state: &State) -> Explanation {
    if !state.screens.steps.rules {
        return Explanation {
            title: "Scores now and before",
            formula: vec![score(state)],
            text: vec![
                "The scores at this point of the path, and their change since the step before. A score rises when a unit that could compensate has left. The unit that leaves is marked before it leaves.",
            ],
        };
    }
    Explanation {
        title: "Three rules side by side",
        formula: vec![
            HeadScore::Exact.description().formula,
            HeadScore::GroupedCholesky.description().formula,
            HeadScore::Diagonal.description().formula,
        ],
        text: vec![
            "What each rule would remove now, its own estimate of the cost, and the true cost of its choice. Where the choices differ, the rules part. For single channels all three formulas give the same score; they differ in the cost of a group.",
        ],
    }
}
