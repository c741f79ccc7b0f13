//! Where movement leads on each screen.

use crate::prune::Part;

use super::{Effect, Panel, Screen, State, edit};

/// Layers or lines of a page where the list does not fill the window.
const PAGE: isize = 10;
/// Rows of the window that are not list.
const AROUND_THE_LOG: u16 = 6;
/// Ratio of a line and of a page on the Schedule screen.
const LINE_OF_RATIO: f64 = 0.01;
const PAGE_OF_RATIO: f64 = 0.05;
/// Further than any list is long.
const FAR: isize = 1 << 40;

/// A movement; negative is up, left, or towards the first layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    Line(isize),
    Page(isize),
    /// To one end of the list.
    End(isize),
    Aside(isize),
    Layer(isize),
}

pub fn go(state: &mut State, movement: Move) -> Vec<Effect> {
    match (state.screen, movement) {
        (_, Move::Layer(by)) => move_layer(state, by),
        (Screen::Layers | Screen::Errors, Move::Aside(by)) => move_layer(state, by),
        (Screen::Layers | Screen::Errors, movement) => move_layer(state, lines(movement, PAGE)),
        (Screen::Layer, Move::Aside(by)) => {
            state.follow = false;
            state.part = if by < 0 { Part::Attention } else { Part::Mlp };
            Vec::new()
        }
        (Screen::Layer, movement) if state.focused() == Panel::Attempts => {
            let count = state.layers.get(state.layer).map_or(0, |layer| layer.attempts.len());
            let to = state.attempt.saturating_add_signed(lines(movement, PAGE));
            state.attempt = to.min(count.saturating_sub(1));
            Vec::new()
        }
        (Screen::Layer, movement) => move_layer(state, lines(movement, PAGE)),
        (Screen::Schedule, Move::Line(by)) => edit::nudge(state, -by as f64 * LINE_OF_RATIO),
        (Screen::Schedule, Move::Page(by)) => edit::nudge(state, -by as f64 * PAGE_OF_RATIO),
        (Screen::Schedule, Move::Aside(by)) => move_layer(state, by),
        (Screen::Schedule, Move::End(by)) => move_layer(state, by * FAR),
        (Screen::Compare, movement) if matches!(state.focused(), Panel::Sessions | Panel::Curves) => {
            match movement {
                Move::Aside(by) => state.compared.quantity = state.compared.quantity.turned(by),
                Move::Line(_) | Move::Page(_) | Move::End(_) | Move::Layer(_) => {
                    let row = state.compared.row.saturating_add_signed(lines(movement, PAGE));
                    state.compared.row = row.min(state.compared_sessions().count());
                }
            }
            Vec::new()
        }
        (Screen::Compare, movement) => {
            let by = lines(movement, PAGE);
            state.compare.scrolled = state.compare.scrolled.saturating_add_signed(-by).min(10_000);
            Vec::new()
        }
        (Screen::Log, movement) => {
            let page = state.size.1.saturating_sub(AROUND_THE_LOG).max(1) as isize;
            state.log.step(lines(movement, page));
            Vec::new()
        }
    }
}

/// Keeps the attempt under the cursor one that exists: the one active where it was none.
pub fn settle_attempt(state: &mut State) {
    let Some(layer) = state.layers.get(state.layer) else { return };
    let active =
        layer.attempts.iter().position(|result| Some(result.attempt.number) == layer.chosen).unwrap_or(0);
    if state.attempt >= layer.attempts.len() {
        state.attempt = active;
    }
}

/// Selects a layer.
pub fn select(state: &mut State, layer: usize) {
    if layer < state.layers.len() {
        if layer != state.layer {
            state.attempt = usize::MAX;
        }
        state.layer = layer;
        state.follow = false;
        settle_attempt(state);
    }
}

/// Moves among the layers that are listed.
fn move_layer(state: &mut State, by: isize) -> Vec<Effect> {
    let listed = if state.screen == Screen::Layers {
        state.listed_layers()
    } else {
        (0..state.layers.len()).collect()
    };
    let Some(last) = listed.len().checked_sub(1) else { return Vec::new() };
    let at = listed.iter().position(|&layer| layer >= state.layer).unwrap_or(last);
    select(state, listed[at.saturating_add_signed(by).min(last)]);
    Vec::new()
}

/// Lines that a movement goes down.
fn lines(movement: Move, page: isize) -> isize {
    match movement {
        Move::Line(by) => by,
        Move::Page(by) => by * page,
        Move::End(by) => by * FAR,
        Move::Aside(_) | Move::Layer(_) => 0,
    }
}
