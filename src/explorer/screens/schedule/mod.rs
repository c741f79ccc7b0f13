//! The Schedule screen: the ratio of every layer, edited by keys or with the mouse.

mod balance;
pub mod budget;
pub mod candidates;
pub mod predict;
pub mod view;

use self::budget::Budget;
use super::{Copied, Explanation, Panel, Screen, Slice};
use crate::{
    explorer::{
        Action, Effect, Figure, Pointed, State,
        edit::{self, Edit},
        movement::{self, FAR, Move},
        view::{Canvas, Rect},
    },
    prune::Part,
};

/// Changes of the ratio per line and per page.
const LINE: f64 = 0.01;
const PAGE: f64 = 0.05;
/// The step of ratios set with the mouse.
const GRAIN: f64 = 0.005;

pub struct Schedule;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ViewState {
    /// The part whose ratios are edited; None for both.
    pub edited: Option<Part>,
    /// True during a drag on the curve.
    pub dragging: bool,
    /// The locked number of parameters; None if edits may change it.
    pub budget: Option<Budget>,
    /// Index of the candidate under the cursor, by ascending divergence.
    pub candidate: usize,
}

pub static RATIO: Panel = Panel {
    title: "Ratio",
    explain: |_| Explanation {
        title: "Incremental Pruning Ratio",
        formula: vec![
            "r_i = r_first + (r_last − r_first) · t_i",
            "log: t_i = ln(1 + i) / ln n",
            "linear: t_i = i / (n − 1)",
        ],
        text: vec![
            "r_i is the fraction of units removed from layer i of n. Errors of early layers pass through all later ones, so early layers are pruned less. If only a mean R is given, r_first = 0.3125 R and r_last follows from the mean: for R = 0.2 on 32 layers this is the paper's 0.0625 → 0.25.",
            "Below: the predicted errors; h_rest is h without its 4 largest dimensions. B locks the number of parameters; b balances all unlocked layers.",
            "The line is the plan; filled points are pruned layers. Every ratio can be edited; presets and renormalising leave locked ratios unchanged.",
        ],
    },
    figure: |_| Ok(Figure::Ratios),
    draw: view::curve,
};

pub static HISTORY: Panel = Panel {
    title: "Changes",
    explain: |_| Explanation {
        title: "Changes of the plan",
        formula: Vec::new(),
        text: vec![
            "The newest change is on top; u undoes it. Changes above the line were undone; Ctrl-R redoes the lowest of them. An edit ends when another key is pressed, another part is chosen, or another layer is edited.",
        ],
    },
    figure: |_| Ok(Figure::Ratios),
    draw: view::changes,
};

pub static CANDIDATES: Panel = Panel {
    title: "Candidates",
    explain: |_| Explanation {
        title: "Candidates of the search",
        formula: vec!["KL = mean over tokens of Σ p_dense · ln(p_dense / p_pruned), in nats"],
        text: vec![
            "Each point is a whole plan that the search pruned and measured on its windows. All remove about the same number of parameters, so they differ in where: the x axis is the mean ratio of the attention parts. If a guard text bounds the search, it is the KL on that text, and filled points are those that no other one beats on both texts.",
            "Up and down move between the candidates by ascending KL; Enter plans the ratios of the one under the cursor, and u takes that back.",
        ],
    },
    figure: |state| match candidates::of(state).pruned.is_empty() {
        true => Err("No search has pruned a candidate yet, so there is no chart".into()),
        false => Ok(Figure::Candidates),
    },
    draw: view::candidates,
};

impl Slice for Schedule {
    fn title(&self) -> &'static str {
        "Schedule"
    }

    fn help(&self) -> &'static str {
        "The ratio curve"
    }

    fn panels(&self) -> &'static [&'static Panel] {
        const PANELS: &[&Panel] = &[&RATIO, &HISTORY, &CANDIDATES];
        PANELS
    }

    fn hints(&self, state: &State) -> &'static [(Action, &'static str)] {
        if *state.focused() == CANDIDATES {
            return &[
                (Action::Down, "candidate"),
                (Action::Open, "plan it"),
                (Action::FindRatios, "search"),
                (Action::Undo, "undo"),
                (Action::NextPanel, "panel"),
                (Action::Zoom, "zoom"),
            ];
        }
        &[
            (Action::Up, "ratio"),
            (Action::Right, "layer"),
            (Action::SwitchPart, "part"),
            (Action::TypeRatio, "type"),
            (Action::Lock, "lock"),
            (Action::Shape, "shape"),
            (Action::Renormalise, "mean"),
            (Action::Budget, "budget"),
            (Action::Balance, "balance"),
            (Action::FindRatios, "search"),
            (Action::Undo, "undo"),
        ]
    }

    fn go(&self, state: &mut State, movement: Move) -> Vec<Effect> {
        if *state.focused() == CANDIDATES && matches!(movement, Move::Line(_) | Move::Page(_) | Move::End(_))
        {
            let last = candidates::of(state).pruned.len().saturating_sub(1);
            let cursor = &mut state.screens.schedule.candidate;
            *cursor = (*cursor).min(last).saturating_add_signed(movement.lines(movement::PAGE)).min(last);
            return Vec::new();
        }
        match movement {
            Move::Line(by) => edit::nudge(state, -by as f64 * LINE),
            Move::Page(by) => edit::nudge(state, -by as f64 * PAGE),
            Move::Aside(by) | Move::Layer(by) => state.step_layer(by),
            Move::End(by) => state.step_layer(by * FAR),
        }
    }

    fn wheel(&self, state: &State, lines: isize) -> Move {
        if *state.focused() == CANDIDATES { Move::Line(lines) } else { Move::Layer(lines) }
    }

    fn act(&self, state: &mut State, action: Action) -> Option<Vec<Effect>> {
        if action == Action::Open && *state.focused() == CANDIDATES {
            return Some(candidates::plan(state));
        }
        (action == Action::SwitchPart).then(|| {
            state.history.close();
            let edited = &mut state.screens.schedule.edited;
            *edited = match edited {
                None => Some(Part::Attention),
                Some(Part::Attention) => Some(Part::Mlp),
                Some(Part::Mlp) => None,
            };
            Vec::new()
        })
    }

    fn click(&self, state: &mut State, at: Pointed) -> Option<Vec<Effect>> {
        let (layer, ratio) = match at {
            Pointed::Ratio { layer, ratio } => (layer, ratio),
            Pointed::Row { panel, row } if *panel == CANDIDATES => {
                state.focus(Screen::Schedule, panel);
                state.screens.schedule.candidate = row;
                return Some(Vec::new());
            }
            _ => return None,
        };
        state.screens.schedule.dragging = true;
        state.history.close();
        Some(drag(state, layer, ratio))
    }

    fn copy(&self, state: &State) -> Copied {
        if *state.focused() == CANDIDATES {
            return Copied { what: "the candidates as CSV", text: candidates::csv(state) };
        }
        let text = state.schedule.ratios.iter().map(|ratio| format!("{ratio}\n")).collect();
        Copied { what: "the ratios, one per line (a file for --schedule)", text }
    }

    fn draw(&self, canvas: &mut Canvas<'_>, area: Rect) {
        view::draw(canvas, area);
    }
}

/// Sets the ratio of a layer with the mouse. The moves of one drag form one edit.
pub fn drag(state: &mut State, layer: usize, ratio: f64) -> Vec<Effect> {
    state.select(layer);
    let (ratio, part) = ((ratio / GRAIN).round() * GRAIN, state.screens.schedule.edited);
    budget::edited(state, layer, ("ratios moved with the mouse", Edit::GoesOn), |schedule| {
        schedule.set(layer, part, ratio);
    })
}
