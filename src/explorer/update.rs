//! Msg → update → Effects: all changes of the state.

use crossterm::event::KeyModifiers;

use super::{
    Action, Effect, JobStatus, Key, Msg, NoticeKind, Outcome, State, command_log,
    dialogs::{self, Reply},
    draft, engine_events, idle,
    perform::finish,
    picture, playback, pointer,
    screens::compare,
    sessions_on_disk,
};

/// Handles a message and returns the effects that it requests.
pub fn update(state: &mut State, msg: Msg) -> Vec<Effect> {
    let mut effects = take(state, msg);
    for effect in &effects {
        if let Effect::Command(command) = effect {
            command_log::note(state, command);
        }
        if let Effect::LabelSession { path, label } = effect {
            command_log::note_label(state, path, label);
        }
    }
    effects.extend(idle::fill(state));
    effects.extend(draft::save(state));
    effects
}

fn take(state: &mut State, msg: Msg) -> Vec<Effect> {
    match msg {
        Msg::Key(key) => {
            state.notice = None;
            press(state, key)
        }
        Msg::Paste(text) => paste(state, &text),
        Msg::Pointer(pointer) => pointer::point(state, pointer),
        Msg::Hover(spot) => {
            state.hover = spot;
            Vec::new()
        }
        Msg::Resize(columns, rows) => {
            state.size = (columns, rows);
            Vec::new()
        }
        Msg::Engine(stamped) => engine_events::handle(state, stamped),
        Msg::Replay(news) => playback::handle(state, news),
        Msg::EngineGone(cause) => gone(state, cause),
        Msg::Sessions { now, sessions } => sessions_on_disk::listed(state, now, sessions),
        Msg::SessionRead(session) => compare::read(state, session),
        Msg::RemovedRead { path, removed } => compare::removed_read(state, &path, removed),
        Msg::SessionLabelled { path, result } => sessions_on_disk::labelled(state, &path, result),
        Msg::SessionDeleted { path, result } => sessions_on_disk::deleted(state, &path, result),
        Msg::PictureSaved { path, result } => picture::saved(state, &path, result),
    }
}

/// A key goes to the topmost dialog, and sinks to the screen if the dialog does not handle it.
fn press(state: &mut State, key: Key) -> Vec<Effect> {
    let on_screen = state.interface.keymap.action(key, state.screen);
    // These work in every dialog, because keys with Ctrl are never typed.
    let always = matches!(on_screen, Some(Action::Quit | Action::Suspend))
        && key.modifiers.contains(KeyModifiers::CONTROL);
    if !always && let Some(kind) = state.dialogs.last().map(|top| top.kind()) {
        let in_dialog = state.interface.keymap.action(key, kind);
        let handled = dialogs::with_top(state, |top, state| {
            let typed = |top: &mut dyn dialogs::Slice, state: &mut State| {
                let taken = top.input().is_some_and(|input| input.key(key));
                if taken {
                    top.typed(state);
                }
                taken.then(|| Reply::Stay(Vec::new()))
            };
            // A text field takes a character even if the key is bound to an action.
            let first = if key.is_character() { typed(top, state) } else { None };
            let acted = first.or_else(|| top.act(state, in_dialog?));
            let swallowed = top.is_modal().then(|| Reply::Stay(Vec::new()));
            acted.or_else(|| typed(top, state)).or(swallowed)
        });
        if let Some(handled) = handled {
            return finish(state, handled);
        }
    }
    on_screen.map_or_else(Vec::new, |action| action.perform(state))
}

/// Inserts pasted text into the text of the topmost dialog.
fn paste(state: &mut State, text: &str) -> Vec<Effect> {
    dialogs::with_top(state, |top, state| {
        top.input()?.paste(text);
        top.typed(state);
        Some(Reply::Stay(Vec::new()))
    });
    Vec::new()
}

fn gone(state: &mut State, cause: Option<String>) -> Vec<Effect> {
    let opened = state.model.is_some();
    for layer in &mut state.layers {
        layer.work = None;
    }
    if let Some(mut job) = state.jobs.queue.pop_front() {
        let why = cause.clone().unwrap_or_else(|| "the worker has stopped".into());
        job.status = JobStatus::Ended(Outcome::Failed(why));
        state.jobs.last = Some(job);
    }
    state.jobs.queue.clear();
    state.sessions.reopening = None;
    match &cause {
        Some(cause) => state.say(NoticeKind::Failed, cause.clone()),
        None if state.is_replay() => state.say(NoticeKind::Done, "The recording has ended."),
        None => {}
    }
    state.engine_gone = Some(cause);
    if opened || state.is_replay() { Vec::new() } else { vec![Effect::Quit] }
}
