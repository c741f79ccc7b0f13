//! Mouse events.

use super::{
    Action, Effect, Pointed, Pointer, Press, Screen, State,
    dialogs::{self, Reply},
    perform::{finish, go},
    playback,
    screens::schedule,
};

pub fn point(state: &mut State, pointer: Pointer) -> Vec<Effect> {
    let Pointer { press, at } = pointer;
    match press {
        Press::Release => {
            state.screens.schedule.dragging = false;
            return Vec::new();
        }
        Press::WheelUp => return wheel(state, -1),
        Press::WheelDown => return wheel(state, 1),
        Press::Click => state.notice = None,
        Press::Drag => {}
    }
    match (press, at) {
        (Press::Click, Pointed::Action(action)) => hint(state, action),
        (Press::Click, at) if state.modal().is_some() => in_dialog(state, at),
        (Press::Drag, _) if state.modal().is_some() => Vec::new(),
        (Press::Drag, at @ Pointed::RatioAxis(_)) => click(state, at),
        (Press::Click | Press::Drag, Pointed::Recording(share)) => playback::seek_share(state, share),
        (Press::Drag, Pointed::Ratio { layer, ratio }) if state.screens.schedule.dragging => {
            schedule::drag(state, layer, ratio)
        }
        (Press::Click, at) => click(state, at),
        (Press::Drag | Press::Release | Press::WheelUp | Press::WheelDown, _) => Vec::new(),
    }
}

/// A click on a hint of the footer acts like its key: the topmost dialog handles it first.
fn hint(state: &mut State, action: Action) -> Vec<Effect> {
    let handled = dialogs::with_top(state, |top, state| {
        let swallowed = top.is_modal().then(|| Reply::Stay(Vec::new()));
        top.act(state, action).or(swallowed)
    });
    match handled {
        Some(handled) => finish(state, handled),
        None => action.perform(state),
    }
}

/// A click outside a dialog closes it.
fn in_dialog(state: &mut State, at: Pointed) -> Vec<Effect> {
    let handled = dialogs::with_top(state, |top, state| match at {
        Pointed::OutsideDialog => top.act(state, Action::CloseDialog),
        Pointed::DialogLine(line) => Some(top.click(state, line)),
        Pointed::Nothing
        | Pointed::Screen(_)
        | Pointed::Panel(_)
        | Pointed::Layer(_)
        | Pointed::Ratio { .. }
        | Pointed::Row { .. }
        | Pointed::Head { .. }
        | Pointed::Recording(_)
        | Pointed::RatioAxis(_)
        | Pointed::Unit { .. }
        | Pointed::Action(_) => None,
    });
    handled.map_or_else(Vec::new, |handled| finish(state, handled))
}

fn click(state: &mut State, at: Pointed) -> Vec<Effect> {
    if let Some(effects) = state.screen.slice().click(state, at) {
        return effects;
    }
    match at {
        Pointed::Nothing
        | Pointed::DialogLine(_)
        | Pointed::OutsideDialog
        | Pointed::Row { .. }
        | Pointed::Head { .. }
        | Pointed::Recording(_)
        | Pointed::RatioAxis(_)
        | Pointed::Unit { .. }
        | Pointed::Action(_) => Vec::new(),
        Pointed::Screen(screen) => state.show(screen),
        Pointed::Panel(panel) => {
            if state.panels().contains(&panel) {
                state.focus(state.screen, panel);
            }
            Vec::new()
        }
        Pointed::Layer(layer) => {
            let again = state.layer == layer && state.screen != Screen::Layer && !state.follow;
            state.select(layer);
            if again { state.show(Screen::Layer) } else { Vec::new() }
        }
        Pointed::Ratio { layer, .. } => {
            state.select(layer);
            Vec::new()
        }
    }
}

/// The wheel scrolls; it never edits.
fn wheel(state: &mut State, lines: isize) -> Vec<Effect> {
    if state.modal().is_some() {
        dialogs::with_top(state, |top, state| {
            top.step(state, lines);
            Some(Reply::Stay(Vec::new()))
        });
        return Vec::new();
    }
    let movement = state.screen.slice().wheel(state, lines);
    go(state, movement)
}
