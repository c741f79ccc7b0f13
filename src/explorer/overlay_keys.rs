//! Keys and clicks in dialogs.

use crossterm::event::{KeyCode, KeyModifiers};

use super::{
    Action, Effect, Form, Input, Key, Overlay, PaletteItem, Pointed, Press, Screen, State, Value,
    compare_sessions, help, navigate, palette, perform,
    sessions::{self, Then},
    submit,
};

/// Lines of a page in help and palette.
const PAGE: isize = 10;
/// Further than any list is long.
const FAR: isize = 1 << 40;

/// What the topmost overlay does with a key; None where it sinks to the screen.
pub fn key(state: &mut State, key: Key) -> Option<Vec<Effect>> {
    let top = state.overlays.last()?;
    if *top == Overlay::Explain {
        let closes = matches!(key.code, KeyCode::Esc)
            || state.keymap.action(key, state.screen) == Some(Action::Explain);
        return closes.then(|| close(state));
    }
    Some(match key.code {
        KeyCode::Esc => close(state),
        KeyCode::Enter => answer(state, Answer::Enter),
        KeyCode::Up | KeyCode::BackTab => answer(state, Answer::Step(-1)),
        KeyCode::Down | KeyCode::Tab => answer(state, Answer::Step(1)),
        KeyCode::PageUp => answer(state, Answer::Step(-PAGE)),
        KeyCode::PageDown => answer(state, Answer::Step(PAGE)),
        _ => typed(state, key),
    })
}

/// What a pasted text does: it goes into the field under the cursor.
pub fn paste(state: &mut State, text: &str) {
    if let Some(input) = input(state) {
        input.paste(text);
        follow_input(state);
    }
}

/// What can be said to the topmost overlay, by whatever key or click.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Close,
    Enter,
    /// Lines or fields downwards.
    Step(isize),
    /// A choice to the right.
    Turn(isize),
    /// Opens the session and goes on with what is left.
    GoOn,
    Delete,
    /// Onto the Compare screen, or off it.
    Mark,
    Copy,
    Filter,
}

pub fn answer(state: &mut State, answer: Answer) -> Vec<Effect> {
    match answer {
        Answer::Close => return close(state),
        Answer::Enter => return enter(state),
        Answer::Step(by) => step(state, by),
        Answer::Turn(by) => turn(state, by),
        Answer::GoOn => return in_sessions(state, |state| sessions::open(state, Then::GoOn)),
        Answer::Delete => return in_sessions(state, sessions::ask_to_delete),
        Answer::Mark => return in_sessions(state, compare_sessions::mark),
        Answer::Copy => return in_sessions(state, sessions::copy_path),
        Answer::Filter => return in_sessions(state, filter_sessions),
    }
    Vec::new()
}

/// Only where the list of sessions lies on top.
fn in_sessions(state: &mut State, does: impl FnOnce(&mut State) -> Vec<Effect>) -> Vec<Effect> {
    match state.overlays.last() {
        Some(Overlay::Sessions { .. }) => does(state),
        Some(_) | None => Vec::new(),
    }
}

fn filter_sessions(state: &mut State) -> Vec<Effect> {
    let input = Input::new(state.session_filter.clone());
    state.open(Overlay::Filter { input })
}

/// A click while a dialog is open.
pub fn point(state: &mut State, press: Press, at: Pointed) -> Vec<Effect> {
    if press != Press::Click {
        return Vec::new();
    }
    match (at, state.overlays.last_mut()) {
        (Pointed::OutsideOverlay, _) => close(state),
        (Pointed::OverlayLine(line), Some(Overlay::Palette { at, .. })) => {
            *at = line;
            enter(state)
        }
        (Pointed::OverlayLine(line), Some(Overlay::Sessions { at })) => {
            let again = *at == line;
            *at = line;
            if again { sessions::open(state, Then::Look) } else { Vec::new() }
        }
        (Pointed::OverlayLine(line), Some(Overlay::Form(form))) => {
            let again = form.at == line;
            form.at = line.min(form.fields.len().saturating_sub(1));
            if again {
                form.turn(1);
            }
            Vec::new()
        }
        (_, _) => Vec::new(),
    }
}

/// Keys with Ctrl are never typed.
pub fn is_control(key: Key) -> bool {
    key.modifiers.contains(KeyModifiers::CONTROL)
}

fn close(state: &mut State) -> Vec<Effect> {
    if let Some(Overlay::Sessions { .. }) = state.overlays.last()
        && !state.session_filter.is_empty()
    {
        sessions::filter(state, String::new());
        return Vec::new();
    }
    if let Some(Overlay::Filter { .. }) = state.overlays.pop() {
        set_filter(state, String::new());
    }
    Vec::new()
}

fn enter(state: &mut State) -> Vec<Effect> {
    // It stays where that can't be done.
    if let Some(Overlay::Sessions { .. }) = state.overlays.last() {
        return sessions::open(state, Then::Look);
    }
    match state.overlays.pop() {
        Some(Overlay::Palette { input, at }) => {
            let found = palette(state, input.text()).get(at).map(|entry| entry.item);
            match found {
                Some(PaletteItem::Action(action)) => perform::perform(state, action),
                Some(PaletteItem::Layer(layer)) => {
                    navigate::select(state, layer);
                    perform::show(state, Screen::Layer)
                }
                Some(PaletteItem::Theme(theme)) => {
                    state.theme = theme;
                    Vec::new()
                }
                None => state.refuse(format!("nothing is called \"{}\"", input.text())),
            }
        }
        Some(Overlay::Form(form)) => take(state, form),
        Some(Overlay::Ask(ask)) => perform::confirmed(state, ask.then),
        Some(Overlay::Filter { .. } | Overlay::Help { .. } | Overlay::Explain | Overlay::Sessions { .. })
        | None => Vec::new(),
    }
}

/// Does what a form asks for; it stays open, with the reason, where that can't be done.
fn take(state: &mut State, form: Form) -> Vec<Effect> {
    match submit::submit(state, &form) {
        Ok(effects) => effects,
        Err(why) => state.open(Overlay::Form(Form { error: Some(why), ..form })),
    }
}

fn step(state: &mut State, by: isize) {
    let last = match state.overlays.last() {
        Some(Overlay::Palette { input, .. }) => palette(state, input.text()).len().saturating_sub(1),
        Some(Overlay::Help { filter, .. }) => help::farthest(state, filter.text()),
        Some(Overlay::Sessions { .. }) => state.listed_sessions().len().saturating_sub(1),
        Some(Overlay::Filter { .. } | Overlay::Form(_) | Overlay::Ask(_) | Overlay::Explain) | None => 0,
    };
    match state.overlays.last_mut() {
        Some(Overlay::Help { scroll, .. }) => *scroll = scroll.saturating_add_signed(by).min(last),
        Some(Overlay::Palette { at, .. } | Overlay::Sessions { at }) => {
            *at = at.saturating_add_signed(by).min(last);
        }
        Some(Overlay::Form(form)) => form.step(by.signum()),
        Some(Overlay::Filter { .. } | Overlay::Ask(_) | Overlay::Explain) | None => {}
    }
}

fn turn(state: &mut State, by: isize) {
    if let Some(Overlay::Form(form)) = state.overlays.last_mut() {
        form.turn(by);
    }
}

/// A key that is no command of the dialog: typed where something is typed.
fn typed(state: &mut State, key: Key) -> Vec<Effect> {
    match state.overlays.last_mut() {
        Some(Overlay::Ask(_)) => {
            return match key.code {
                KeyCode::Char('y' | 'Y') => enter(state),
                KeyCode::Char('n' | 'N' | 'q') => close(state),
                _ => Vec::new(),
            };
        }
        Some(Overlay::Sessions { .. }) if is_control(key) => {}
        Some(Overlay::Sessions { .. }) => {
            return match key.code {
                KeyCode::Char('r') => answer(state, Answer::GoOn),
                KeyCode::Char('d') | KeyCode::Delete => answer(state, Answer::Delete),
                KeyCode::Char('m') => answer(state, Answer::Mark),
                KeyCode::Char('y') => answer(state, Answer::Copy),
                KeyCode::Char('/') => answer(state, Answer::Filter),
                KeyCode::Char('k') => answer(state, Answer::Step(-1)),
                KeyCode::Char('j') => answer(state, Answer::Step(1)),
                KeyCode::Home | KeyCode::Char('g') => answer(state, Answer::Step(-FAR)),
                KeyCode::End | KeyCode::Char('G') => answer(state, Answer::Step(FAR)),
                KeyCode::Char('q' | 'S') => close(state),
                _ => Vec::new(),
            };
        }
        Some(Overlay::Form(form)) => {
            if let Some(field) = form.fields.get_mut(form.at) {
                let turned = match (&field.value, key.code) {
                    (Value::Text(_), _) => None,
                    (_, KeyCode::Left) => Some(-1),
                    (_, KeyCode::Right | KeyCode::Char(' ')) => Some(1),
                    (_, _) => Some(0),
                };
                match turned {
                    Some(0) => {}
                    Some(by) => form.turn(by),
                    None => {
                        if let Value::Text(input) = &mut field.value
                            && input.key(key)
                        {
                            form.error = None;
                        }
                    }
                }
            }
        }
        Some(
            Overlay::Help { filter: input, .. } | Overlay::Palette { input, .. } | Overlay::Filter { input },
        ) => {
            input.key(key);
        }
        Some(Overlay::Explain) | None => {}
    }
    follow_input(state);
    Vec::new()
}

/// What depends on the words typed: the cursor of the list, the filter of the screen.
fn follow_input(state: &mut State) {
    match state.overlays.last_mut() {
        Some(Overlay::Palette { at, .. }) => *at = 0,
        Some(Overlay::Help { scroll, .. }) => *scroll = 0,
        Some(Overlay::Filter { input }) => {
            let typed = input.text().to_string();
            set_filter(state, typed);
        }
        Some(Overlay::Form(_) | Overlay::Ask(_) | Overlay::Explain | Overlay::Sessions { .. }) | None => {}
    }
}

/// Of the list of sessions where that lies below, or else of the screen.
fn set_filter(state: &mut State, typed: String) {
    if state.overlays.iter().any(|overlay| matches!(overlay, Overlay::Sessions { .. })) {
        sessions::filter(state, typed);
    } else if state.screen == Screen::Log {
        state.log.filter = typed;
        state.log.cursor = None;
    } else {
        state.layer_filter = typed;
    }
}

fn input(state: &mut State) -> Option<&mut Input> {
    match state.overlays.last_mut()? {
        Overlay::Help { filter: input, .. } | Overlay::Palette { input, .. } | Overlay::Filter { input } => {
            Some(input)
        }
        Overlay::Form(form) => match &mut form.fields.get_mut(form.at)?.value {
            Value::Text(input) => Some(input),
            Value::Choice { .. } | Value::Switch(_) => None,
        },
        Overlay::Ask(_) | Overlay::Explain | Overlay::Sessions { .. } => None,
    }
}
