//! Performs an action: its meaning on the current screen first, then its meaning on all screens.

use crate::protocol::Methods;

use super::{
    Action, Dialog, Effect, Explain, Filter, Form, Help, NoticeKind, Palette, Schedule, Screen, State,
    dialogs::{Handled, form::forms},
    edit::{self, Edit},
    movement::Move,
    picture,
    quit::quit,
    runs, search, sessions_on_disk,
};

/// The change of the ratio per key press.
const NUDGE: f64 = 0.01;
const NUDGE_MUCH: f64 = 0.05;

pub fn perform(state: &mut State, action: Action) -> Vec<Effect> {
    if let Some(effects) = state.screen.slice().act(state, action) {
        return effects;
    }
    match action {
        Action::Start => runs::start(state, Some(0), Methods::OfRun),
        Action::Rerun => runs::rerun(state),
        Action::PauseOrResume => runs::pause_or_resume(state),
        Action::Step => runs::step(state),
        Action::StepMode => runs::step_mode(state),
        Action::Cancel => runs::ask_to_cancel(state),
        Action::Settings => open_form(state, forms::settings),
        Action::Export => once_ready(state, forms::export),
        Action::Picture => open_form(state, picture::form),
        Action::Sessions => sessions_on_disk::show(state),

        Action::Up => go(state, Move::Line(-1)),
        Action::Down => go(state, Move::Line(1)),
        Action::Left => go(state, Move::Aside(-1)),
        Action::Right => go(state, Move::Aside(1)),
        Action::PageUp => go(state, Move::Page(-1)),
        Action::PageDown => go(state, Move::Page(1)),
        Action::First => go(state, Move::End(-1)),
        Action::Last => go(state, Move::End(1)),
        Action::PreviousLayer => go(state, Move::Layer(-1)),
        Action::NextLayer => go(state, Move::Layer(1)),
        Action::Open => state.show(Screen::Layer),
        Action::NextPanel => turn_focus(state, 1),
        Action::PreviousPanel => turn_focus(state, -1),

        Action::Retry => match retry_refused(state) {
            Some(why) => state.refuse(why),
            None => open_form(state, forms::retry),
        },
        Action::ErrorCurve => match state.unready() {
            Some(why) => state.refuse(why),
            None => state.ask_for_curve(state.layer, state.screens.layer.part),
        },

        Action::Raise => edit::nudge(state, NUDGE),
        Action::Lower => edit::nudge(state, -NUDGE),
        Action::RaiseMuch => edit::nudge(state, NUDGE_MUCH),
        Action::LowerMuch => edit::nudge(state, -NUDGE_MUCH),
        Action::TypeRatio => open_form(state, forms::ratio),
        Action::Lock => lock(state),
        Action::Shape => open_form(state, forms::shape),
        Action::NextPreset => {
            let (curve, span) = (state.schedule.next_preset(), state.schedule.span);
            edit::change(state, "schedule", Edit::Alone, |schedule: &mut Schedule| schedule.take(curve, span))
        }
        Action::FindRatios => search::find(state),
        Action::Renormalise => open_form(state, forms::renormalise),
        Action::Undo => edit::undo(state),
        Action::Redo => edit::redo(state),

        Action::Prompt => open_form(state, forms::prompt),
        Action::Write => runs::write(state),
        Action::Measure => once_ready(state, forms::measure),

        Action::Filter => match state.screen.slice().filter(state).map(str::to_string) {
            Some(text) => state.open(Dialog::Filter(Filter::new(text))),
            None => state.refuse("this screen has no list to filter"),
        },
        Action::Copy => copy(state),

        Action::Faster => runs::speed(state, 2.0),
        Action::Slower => runs::speed(state, 0.5),

        Action::Explain => explain(state),
        Action::Help => state.open(Dialog::Help(Help::default())),
        Action::Palette => state.open(Dialog::Palette(Palette::default())),
        Action::NextTheme => {
            state.interface.theme = (state.interface.theme + 1) % state.interface.themes.len().max(1);
            let name = state.interface.themes.get(state.interface.theme).cloned().unwrap_or_default();
            state.say(NoticeKind::Done, format!("Theme {name}"));
            Vec::new()
        }
        Action::Mouse => {
            state.interface.mouse = !state.interface.mouse;
            let text = if state.interface.mouse {
                "The explorer uses the mouse"
            } else {
                "The terminal uses the mouse: select text as usual"
            };
            state.say(NoticeKind::Done, text);
            Vec::new()
        }
        Action::NextScreen => state.show(state.screen.next()),
        Action::PreviousScreen => state.show(state.screen.previous()),
        Action::Show(screen) => state.show(screen),
        Action::Back => {
            state.screen = Screen::default();
            Vec::new()
        }
        Action::Suspend => vec![Effect::Suspend],
        Action::Quit => quit(state),

        // These have a meaning only on some screens, or only in dialogs.
        Action::SwitchPart
        | Action::LogLevel
        | Action::CloseDialog
        | Action::Accept
        | Action::LineUp
        | Action::LineDown
        | Action::DialogPageUp
        | Action::DialogPageDown
        | Action::SessionUp
        | Action::SessionDown
        | Action::FirstSession
        | Action::LastSession
        | Action::ResumeSession
        | Action::CompareSession
        | Action::DeleteSession
        | Action::CopySessionPath
        | Action::FilterSessions
        | Action::CloseSessions
        | Action::PreviousChoice
        | Action::NextChoice
        | Action::Yes
        | Action::No => Vec::new(),
    }
}

/// Does the work that remains after a dialog has handled an event.
pub fn finish(state: &mut State, handled: Handled) -> Vec<Effect> {
    match handled {
        Handled::Effects(effects) => effects,
        Handled::Perform(action) => perform(state, action),
    }
}

pub fn go(state: &mut State, movement: Move) -> Vec<Effect> {
    state.screen.slice().go(state, movement)
}

fn open_form(state: &mut State, form: fn(&State) -> Result<Form, String>) -> Vec<Effect> {
    match form(state) {
        Ok(form) => state.open(Dialog::Form(form)),
        Err(why) => state.refuse(why),
    }
}

/// Opens a form that needs the engine.
fn once_ready(state: &mut State, form: fn(&State) -> Result<Form, String>) -> Vec<Effect> {
    match state.unready() {
        Some(why) => state.refuse(why),
        None => open_form(state, form),
    }
}

fn turn_focus(state: &mut State, by: isize) -> Vec<Effect> {
    state.turn_focus(by);
    Vec::new()
}

/// Why the layer can't be solved again now.
fn retry_refused(state: &State) -> Option<String> {
    if let Some(why) = state.unready_to_prune() {
        return Some(why);
    }
    let missing = state.layers.iter().take(state.layer).position(|layer| layer.chosen.is_none());
    missing
        .map(|above| format!("layer {above} comes first and has not been pruned yet; start a run first (s)"))
}

fn lock(state: &mut State) -> Vec<Effect> {
    let layer = state.layer;
    edit::change(state, "lock", Edit::Alone, |schedule: &mut Schedule| {
        if let Some(locked) = schedule.locked.get_mut(layer) {
            *locked = !*locked;
        }
        Ok(())
    })
}

fn copy(state: &mut State) -> Vec<Effect> {
    let copied = state.screen.slice().copy(state);
    if copied.text.is_empty() {
        return state.refuse("there is nothing to copy here yet");
    }
    state.say(NoticeKind::Done, format!("Copied {}", copied.what));
    vec![Effect::Copy(copied.text)]
}

/// Opens the explanation, or closes it.
fn explain(state: &mut State) -> Vec<Effect> {
    match state.dialogs.last() {
        Some(Dialog::Explain(_)) => drop(state.dialogs.pop()),
        Some(
            Dialog::Sessions(_)
            | Dialog::Form(_)
            | Dialog::Palette(_)
            | Dialog::Help(_)
            | Dialog::Filter(_)
            | Dialog::Confirm(_),
        )
        | None => drop(state.open(Dialog::Explain(Explain))),
    }
    Vec::new()
}
