//! What the mouse does.

use super::{
    Action, Effect, Overlay, Panel, Pointed, Pointer, Press, Screen, State,
    edit::{self, Edit},
    navigate::{self, Move},
    overlay_keys::{self, Answer},
    perform,
};

/// Ratios are set by the mouse in steps of this.
const GRAIN: f64 = 0.005;
/// Lines of one turn of the wheel.
const WHEEL: isize = 3;

pub fn point(state: &mut State, pointer: Pointer) -> Vec<Effect> {
    let Pointer { press, at } = pointer;
    match press {
        Press::Release => {
            state.dragging = false;
            return Vec::new();
        }
        Press::WheelUp => return wheel(state, -1),
        Press::WheelDown => return wheel(state, 1),
        Press::Click => state.notice = None,
        Press::Drag => {}
    }
    let modal = state.overlays.last().is_some_and(|top| *top != Overlay::Explain);
    if modal && !matches!(at, Pointed::Action(_)) {
        return overlay_keys::point(state, press, at);
    }
    match (press, at) {
        (Press::Drag, Pointed::Ratio { layer, ratio }) if state.dragging => set(state, layer, ratio),
        (Press::Click, at) => click(state, at),
        (Press::Drag, _) | (Press::Release | Press::WheelUp | Press::WheelDown, _) => Vec::new(),
    }
}

fn click(state: &mut State, at: Pointed) -> Vec<Effect> {
    match at {
        Pointed::Nothing | Pointed::OverlayLine(_) | Pointed::OutsideOverlay => Vec::new(),
        Pointed::Screen(screen) => perform::show(state, screen),
        Pointed::Panel(panel) => {
            focus(state, panel);
            Vec::new()
        }
        Pointed::Layer(layer) => {
            let again = state.layer == layer && state.screen != Screen::Layer && !state.follow;
            navigate::select(state, layer);
            if again { perform::show(state, Screen::Layer) } else { Vec::new() }
        }
        Pointed::Ratio { layer, ratio } if state.screen == Screen::Schedule => {
            state.dragging = true;
            state.history.close();
            set(state, layer, ratio)
        }
        Pointed::Ratio { layer, .. } => {
            navigate::select(state, layer);
            Vec::new()
        }
        Pointed::Attempt(attempt) => {
            focus(state, Panel::Attempts);
            let again = state.attempt == attempt;
            state.attempt = attempt;
            if again { perform::perform(state, Action::Open) } else { Vec::new() }
        }
        Pointed::Compared(row) => {
            focus(state, Panel::Sessions);
            state.compared.row = row;
            Vec::new()
        }
        Pointed::LogLine(line) => {
            state.log.cursor = Some(line);
            Vec::new()
        }
        Pointed::Action(action) => match state.overlays.last() {
            Some(top) if *top != Overlay::Explain || action == Action::Back => hint(state, action),
            Some(_) | None => perform::perform(state, action),
        },
    }
}

/// A click on a dialog's hint in the footer.
fn hint(state: &mut State, action: Action) -> Vec<Effect> {
    let answers = [
        (Action::Back, Answer::Close),
        (Action::Open, Answer::Enter),
        (Action::Down, Answer::Step(1)),
        (Action::Right, Answer::Turn(1)),
        (Action::Rerun, Answer::GoOn),
        (Action::Cancel, Answer::Delete),
        (Action::Copy, Answer::Copy),
        (Action::ShowCompare, Answer::Mark),
        (Action::Filter, Answer::Filter),
    ];
    let answer = answers.into_iter().find(|(shown, _)| *shown == action);
    answer.map_or_else(Vec::new, |(_, answer)| overlay_keys::answer(state, answer))
}

fn focus(state: &mut State, panel: Panel) {
    if state.panels().contains(&panel) {
        state.focus[state.screen as usize] = panel;
    }
}

fn set(state: &mut State, layer: usize, ratio: f64) -> Vec<Effect> {
    navigate::select(state, layer);
    let (ratio, part) = ((ratio / GRAIN).round() * GRAIN, state.edited);
    edit::change(state, "ratios moved with the mouse", Edit::GoesOn, |schedule| {
        schedule.set(layer, part, ratio);
        Ok(())
    })
}

/// The wheel scrolls; it never edits.
fn wheel(state: &mut State, lines: isize) -> Vec<Effect> {
    if state.overlays.last().is_some_and(|top| *top != Overlay::Explain) {
        return overlay_keys::answer(state, Answer::Step(lines));
    }
    let movement = match state.screen {
        Screen::Schedule => Move::Layer(lines),
        Screen::Compare if matches!(state.focused(), Panel::Sessions | Panel::Curves) => Move::Line(lines),
        Screen::Log | Screen::Compare => Move::Line(lines * WHEEL),
        Screen::Layers | Screen::Layer | Screen::Errors => Move::Line(lines),
    };
    navigate::go(state, movement)
}
