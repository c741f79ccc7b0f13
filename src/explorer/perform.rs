//! Effects of actions that have the same meaning on all screens.

use crate::{
    protocol::{Job, job},
    words::Notation,
};

use super::{
    Commands, Dialog, Effect, Explain, Filter, Form, Help, NoticeKind, Palette, Refusal, Schedule, Screen,
    State, Zoom,
    dialogs::{Handled, form::forms},
    edit::{self, Edit},
    movement::Move,
    view::widgets::Spacing,
};

/// Does the work that remains after a dialog has handled an event.
pub fn finish(state: &mut State, handled: Handled) -> Vec<Effect> {
    match handled {
        Handled::Effects(effects) => effects,
        Handled::Perform(action) => action.perform(state),
    }
}

pub fn go(state: &mut State, movement: Move) -> Vec<Effect> {
    state.screen.slice().go(state, movement)
}

pub fn open_form(state: &mut State, form: fn(&State) -> Result<Form, String>) -> Vec<Effect> {
    match form(state) {
        Ok(form) => state.open(Dialog::Form(form)),
        Err(why) => refuse_dialog(state, why),
    }
}

/// Opens a form that needs the engine.
pub fn open_form_once_ready(state: &mut State, form: fn(&State) -> Result<Form, String>) -> Vec<Effect> {
    match state.unready() {
        Some(why) => refuse_dialog(state, why),
        None => open_form(state, form),
    }
}

/// Shows why a dialog with a text field does not open. The reason takes its place, so what the user types is
/// not taken for keys of the screen.
fn refuse_dialog(state: &mut State, why: impl Into<String>) -> Vec<Effect> {
    state.open(Dialog::Refusal(Refusal { why: why.into() }))
}

pub fn turn_focus(state: &mut State, by: isize) -> Vec<Effect> {
    state.turn_focus(by);
    Vec::new()
}

/// Opens the form of a retry.
pub fn retry(state: &mut State) -> Vec<Effect> {
    match retry_refused(state) {
        Some(why) => refuse_dialog(state, why),
        None => open_form(state, forms::retry),
    }
}

/// Why the layer cannot be solved again now.
fn retry_refused(state: &State) -> Option<String> {
    if let Some(why) = state.unready_to_prune() {
        return Some(why);
    }
    let missing = state.layers.iter().take(state.layer).position(|layer| layer.chosen.is_none());
    missing
        .map(|above| format!("layer {above} comes first and has not been pruned yet; start a run first (s)"))
}

/// Computes the error curve of the part that is shown.
pub fn error_curve(state: &mut State) -> Vec<Effect> {
    let (layer, part) = (state.layer, state.screens.layer.part);
    start_once_ready(state, job::ErrorCurve { layer, part, method: state.method(layer) })
}

/// Starts a job that needs the model.
pub fn start_once_ready(state: &mut State, job: impl Into<Job>) -> Vec<Effect> {
    match state.unready() {
        Some(why) => state.refuse(why),
        None => state.begin(job),
    }
}

pub fn next_preset(state: &mut State) -> Vec<Effect> {
    let (curve, span) = (state.schedule.next_preset(), state.schedule.span);
    edit::change(state, "schedule", Edit::Alone, |schedule: &mut Schedule| schedule.take(curve, span))
}

pub fn lock(state: &mut State) -> Vec<Effect> {
    let layer = state.layer;
    edit::change(state, "lock", Edit::Alone, |schedule: &mut Schedule| {
        if let Some(locked) = schedule.locked.get_mut(layer) {
            *locked = !*locked;
        }
        Ok(())
    })
}

pub fn copy(state: &mut State) -> Vec<Effect> {
    let copied = state.screen.slice().copy(state);
    if copied.text.is_empty() {
        return state.refuse("there is nothing to copy here yet");
    }
    state.say(NoticeKind::Done, format!("Copied {}", copied.what));
    vec![Effect::Copy(copied.text)]
}

/// Opens the explanation, or closes it.
pub fn explain(state: &mut State) -> Vec<Effect> {
    match state.dialogs.last() {
        Some(Dialog::Explain(_)) => drop(state.dialogs.pop()),
        Some(
            Dialog::Sessions(_)
            | Dialog::Form(_)
            | Dialog::Palette(_)
            | Dialog::Help(_)
            | Dialog::Filter(_)
            | Dialog::Confirm(_)
            | Dialog::Refusal(_)
            | Dialog::Commands(_),
        )
        | None => drop(state.open(Dialog::Explain(Explain))),
    }
    Vec::new()
}

/// Opens the filter of the list of the screen.
pub fn filter(state: &mut State) -> Vec<Effect> {
    match state.screen.slice().filter(state).map(str::to_string) {
        Some(text) => state.open(Dialog::Filter(Filter::new(text))),
        None => refuse_dialog(state, "this screen has no list to filter"),
    }
}

pub fn help(state: &mut State) -> Vec<Effect> {
    state.open(Dialog::Help(Help::default()))
}

/// Opens the command log.
pub fn commands(state: &mut State) -> Vec<Effect> {
    let commands = Commands::newest(state);
    state.open(Dialog::Commands(commands))
}

pub fn palette(state: &mut State) -> Vec<Effect> {
    state.open(Dialog::Palette(Palette::default()))
}

pub fn next_theme(state: &mut State) -> Vec<Effect> {
    state.interface.theme = (state.interface.theme + 1) % state.interface.themes.len().max(1);
    let name = state.interface.themes.get(state.interface.theme).cloned().unwrap_or_default();
    state.say(NoticeKind::Done, format!("Theme {name}"));
    Vec::new()
}

/// Shows relative errors in the other notation.
pub fn notation(state: &mut State) -> Vec<Effect> {
    state.interface.notation = state.interface.notation.other();
    state.log.swap_notation();
    let text = match state.interface.notation {
        Notation::Scientific => "Relative errors are numbers",
        Notation::PerCent => "Relative errors are in per cent",
    };
    state.say(NoticeKind::Done, text);
    Vec::new()
}

/// Switches the axes of errors between log and linear.
pub fn error_axes(state: &mut State) -> Vec<Effect> {
    let (spacing, text) = match state.interface.errors {
        Spacing::Log => (Spacing::Linear, "Axes of errors are linear"),
        Spacing::Linear => (Spacing::Log, "Axes of errors are logarithmic"),
    };
    state.interface.errors = spacing;
    state.say(NoticeKind::Done, text);
    Vec::new()
}

pub fn mouse(state: &mut State) -> Vec<Effect> {
    state.interface.mouse = !state.interface.mouse;
    let text = if state.interface.mouse {
        "The explorer uses the mouse"
    } else {
        "The terminal uses the mouse: select text as usual"
    };
    state.say(NoticeKind::Done, text);
    Vec::new()
}

/// Shows the focused panel alone, or the whole screen again.
pub fn zoom(state: &mut State) -> Vec<Effect> {
    state.zoom = match state.zoom {
        Zoom::Screen => Zoom::Panel,
        Zoom::Panel => Zoom::Screen,
    };
    Vec::new()
}

/// Ends the zoom, otherwise shows the first screen.
pub fn back(state: &mut State) -> Vec<Effect> {
    if state.zoom == Zoom::Panel {
        return zoom(state);
    }
    state.screen = Screen::default();
    Vec::new()
}
