//! The Compare screen: the dense model against the pruned one, and the open session next to other sessions.

mod csv;
mod numbers;
mod pareto;
mod results;
mod sessions;
mod texts;
mod view;

pub use csv::quoted;
pub use numbers::{Compared, Quantity};
pub use pareto::of as pareto;
pub use results::Comparison;
pub use sessions::{ComparedSession, drop_session, letter, listed, read, removed_read, toggle};
pub use texts::{TextPair, TokenCursor};

use super::{Copied, Explanation, Panel, Screen, Slice};
use crate::explorer::{
    Action, Effect, Figure, Pointed, State,
    movement::{Move, PAGE},
    picture,
    view::{Canvas, Rect},
};
use crate::protocol::Side;

/// Lines that the texts scroll per turn of the wheel.
const WHEEL: isize = 3;
/// Maximum number of lines that the texts can be scrolled back.
const SCROLL: usize = 10_000;

pub struct Compare;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ViewState {
    /// Sessions compared with the open one, in the order of their places.
    pub sessions: Vec<ComparedSession>,
    /// Row of their table under the cursor; the open session is row 0.
    pub row: usize,
    /// Quantity of their curves.
    pub quantity: Quantity,
    /// The token whose predictions are shown.
    pub token: TokenCursor,
    /// Lines scrolled back from the end of the texts.
    pub scrolled: usize,
    pub pareto: pareto::Cursor,
}

pub static SESSIONS: Panel = Panel {
    title: "Sessions",
    explain: |_| Explanation {
        title: "Sessions side by side",
        formula: vec!["mean error = Σ relative errors of the pruned layers / their number"],
        text: vec![
            "Each row is a session with its active attempts: the open one (●) first, then those marked (m) in the list of sessions (S). A star marks the smallest value of a column.",
            "A perplexity with ! was measured on another text or with another window length than the first one, so the two cannot be compared. Errors depend mostly on the ratio, so compare them between models pruned to the same ratio.",
        ],
    },
    figure: |state| Ok(Figure::Sessions(state.screens.compare.quantity)),
    draw: view::table,
};

pub static CURVES: Panel = Panel {
    title: "Curves",
    explain: |_| Explanation {
        title: "Curves of several sessions",
        formula: vec![
            "relative error = Σ step errors / E‖y‖²",
            "output error = E‖h − h_dense‖² / E‖h_dense‖²",
        ],
        text: vec![
            "One line per session over the layers, marked with the letter of the session; the session under the cursor is drawn on top. Left and right select another quantity: the ratio of heads or channels, the error of either part, or the output error if it was tracked. Errors are drawn on a log axis.",
        ],
    },
    figure: |state| Ok(Figure::Sessions(state.screens.compare.quantity)),
    draw: view::curves,
};

pub static TEXTS: Panel = Panel {
    title: "Texts",
    explain: |_| Explanation {
        title: "Two texts from one prompt",
        formula: vec![
            "p(token) ∝ exp(logit / temperature)",
            "rise = −ln p_pruned(token) + ln p_dense(token)",
        ],
        text: vec![
            "Both models continue the same prompt with the same seed, one token each in turn. Temperature 0 always takes the most likely token, so the texts differ only because the models do.",
            "Afterwards both models predict every token of both texts. A token is italic if its loss rises by 0.1 nats or more from the dense to the pruned model, underlined from 0.5, and bold from 2. The first token that differs is reversed. Left and right move to a token and show the five likeliest tokens of both models.",
        ],
    },
    figure: |state| picture::of_pruned(state, Figure::BeforeAndAfter),
    draw: view::texts,
};

pub static PERPLEXITY: Panel = Panel {
    title: "Perplexity",
    explain: |_| Explanation {
        title: "Perplexity",
        formula: vec!["exp( mean of −ln p(token) )"],
        text: vec![
            "The text is cut into windows of L tokens without overlap; tokens 2…L of each window are predicted. Lower is better. On a text used for calibration, the pruned model looks better than it is.",
        ],
    },
    figure: |state| picture::of_pruned(state, Figure::BeforeAndAfter),
    draw: view::numbers,
};

pub static PARETO: Panel = Panel {
    title: "Pareto",
    explain: |_| Explanation {
        title: "Size against perplexity",
        formula: vec!["on the front: no other session has fewer parameters and a smaller perplexity"],
        text: vec![
            "Every session of the open model whose active attempts were measured on the same text with the same windows is a point. The line joins the front; all points above it are beaten by another session.",
            "Up and down move between the sessions, left and right switch between parameters and bytes, Enter opens the session.",
        ],
    },
    figure: |state| match pareto::of(state).points.is_empty() {
        true => Err("No session of this model has a perplexity yet, so there is no chart".into()),
        false => Ok(Figure::Pareto),
    },
    draw: view::pareto,
};

const PARETO_HINTS: &[(Action, &str)] = &[
    (Action::Down, "session"),
    (Action::Right, "bytes"),
    (Action::Open, "open"),
    (Action::NextPanel, "panel"),
    (Action::Copy, "copy"),
];
const TABLES: &[(Action, &str)] = &[
    (Action::Right, "quantity"),
    (Action::Down, "session"),
    (Action::NextLayer, "layer"),
    (Action::NextPanel, "panel"),
    (Action::Copy, "copy"),
    (Action::Sessions, "sessions"),
];
const MODELS: &[(Action, &str)] = &[
    (Action::Write, "write"),
    (Action::Right, "token"),
    (Action::SwitchPart, "text"),
    (Action::FirstDifference, "first difference"),
    (Action::Prompt, "prompt"),
    (Action::Measure, "perplexity"),
    (Action::Copy, "copy"),
];
const MODELS_AND_TABLES: &[(Action, &str)] = &[
    (Action::Write, "write"),
    (Action::Prompt, "prompt"),
    (Action::Measure, "perplexity"),
    (Action::NextPanel, "panel"),
    (Action::Copy, "copy"),
];

/// True if one of the session panels has the focus.
fn is_on_sessions(state: &State) -> bool {
    [&SESSIONS, &CURVES].contains(&state.focused())
}

impl Slice for Compare {
    fn title(&self) -> &'static str {
        "Compare"
    }

    fn help(&self) -> &'static str {
        "Dense against pruned, and sessions side by side"
    }

    fn panels(&self) -> &'static [&'static Panel] {
        const PANELS: &[&Panel] = &[&SESSIONS, &CURVES, &TEXTS, &PERPLEXITY, &PARETO];
        PANELS
    }

    fn panels_now(&self, state: &State) -> &'static [&'static Panel] {
        const ALONE: &[&Panel] = &[&TEXTS, &PERPLEXITY, &PARETO];
        if state.compares_sessions() { self.panels() } else { ALONE }
    }

    fn hints(&self, state: &State) -> &'static [(Action, &'static str)] {
        if *state.focused() == PARETO {
            return PARETO_HINTS;
        }
        match (is_on_sessions(state), state.compares_sessions()) {
            (true, _) => TABLES,
            (false, true) => MODELS_AND_TABLES,
            (false, false) => MODELS,
        }
    }

    fn enter(&self, state: &mut State) -> Vec<Effect> {
        let mut effects = sessions::refresh(state);
        if !state.is_replay() && state.model.is_some() {
            effects.push(Effect::ListSessions);
        }
        effects
    }

    fn go(&self, state: &mut State, movement: Move) -> Vec<Effect> {
        let lines = movement.lines(PAGE);
        match movement {
            Move::Layer(by) => return state.step_layer(by),
            Move::Aside(_) if *state.focused() == PARETO => {
                let cursor = &mut state.screens.compare.pareto;
                cursor.bytes = !cursor.bytes;
            }
            Move::Line(_) | Move::Page(_) | Move::End(_) if *state.focused() == PARETO => {
                let last = pareto::of(state).points.len().saturating_sub(1);
                let cursor = &mut state.screens.compare.pareto;
                cursor.at = cursor.at.min(last).saturating_add_signed(lines).min(last);
            }
            Move::Aside(by) if is_on_sessions(state) => {
                let quantity = &mut state.screens.compare.quantity;
                *quantity = quantity.turned(by);
            }
            Move::Line(_) | Move::Page(_) | Move::End(_) if is_on_sessions(state) => {
                let row = state.screens.compare.row.saturating_add_signed(lines);
                state.screens.compare.row = row.min(state.compared_sessions().count());
            }
            Move::Aside(by) => {
                let token = &mut state.screens.compare.token;
                let last = state.compare.pair().side(token.side).measured.len().saturating_sub(1);
                token.at = token.at.min(last).saturating_add_signed(by).min(last);
            }
            Move::Line(_) | Move::Page(_) | Move::End(_) => {
                let scrolled = &mut state.screens.compare.scrolled;
                *scrolled = scrolled.saturating_add_signed(-lines).min(SCROLL);
            }
        }
        Vec::new()
    }

    fn act(&self, state: &mut State, action: Action) -> Option<Vec<Effect>> {
        if action == Action::Open {
            return Some(if *state.focused() == PARETO { pareto::open(state) } else { Vec::new() });
        }
        let turns = [(Action::EarlierTexts, -1), (Action::LaterTexts, 1)];
        if let Some((_, by)) = turns.into_iter().find(|(turn, _)| *turn == action) {
            state.compare.turn(by);
            return Some(Vec::new());
        }
        let token = &mut state.screens.compare.token;
        if action == Action::SwitchPart {
            token.side = match token.side {
                Side::Dense => Side::Pruned,
                Side::Pruned => Side::Dense,
            };
            return Some(Vec::new());
        }
        (action == Action::FirstDifference).then(|| match state.compare.pair().first_difference() {
            Some(at) => {
                state.screens.compare.token.at = at;
                Vec::new()
            }
            None => state.refuse("the texts are equal, or not complete yet"),
        })
    }

    fn wheel(&self, state: &State, lines: isize) -> Move {
        Move::Line(if is_on_sessions(state) { lines } else { lines * WHEEL })
    }

    fn click(&self, state: &mut State, at: Pointed) -> Option<Vec<Effect>> {
        let Pointed::Row { panel, row } = at else { return None };
        state.focus(Screen::Compare, panel);
        if *panel == PARETO {
            state.screens.compare.pareto.at = row;
        } else {
            state.screens.compare.row = row;
        }
        Some(Vec::new())
    }

    fn copy(&self, state: &State) -> Copied {
        let focused = state.focused();
        if *focused == SESSIONS {
            Copied { what: "the sessions as CSV", text: csv::sessions(&state.compared()) }
        } else if *focused == CURVES {
            Copied { what: "the sessions' layers as CSV", text: csv::curves(&state.compared()) }
        } else if *focused == PARETO {
            Copied { what: "the sessions of the model as CSV", text: pareto::csv(state) }
        } else {
            Copied { what: "both texts", text: state.compare.texts() }
        }
    }

    fn draw(&self, canvas: &mut Canvas<'_>, area: Rect) {
        view::draw(canvas, area);
    }
}
