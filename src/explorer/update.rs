//! Msg → update → Effects: the only place where the state changes.

use super::{
    Action, Effect, JobStatus, Key, Msg, NoticeKind, Outcome, Overlay, State, compare_sessions, draft,
    engine_events, overlay_keys, perform, picture, pointer, sessions,
};

/// Takes in what happened, and says what it asks of the world.
pub fn update(state: &mut State, msg: Msg) -> Vec<Effect> {
    let mut effects = take(state, msg);
    effects.extend(draft::keep(state));
    effects
}

fn take(state: &mut State, msg: Msg) -> Vec<Effect> {
    match msg {
        Msg::Key(key) => {
            state.notice = None;
            press(state, key)
        }
        Msg::Paste(text) => {
            overlay_keys::paste(state, &text);
            Vec::new()
        }
        Msg::Pointer(pointer) => pointer::point(state, pointer),
        Msg::Resize(columns, rows) => {
            state.size = (columns, rows);
            Vec::new()
        }
        Msg::Engine(stamped) => engine_events::handle(state, stamped),
        Msg::EngineGone(cause) => gone(state, cause),
        Msg::Sessions { now, sessions } => {
            sessions::listed(state, now, sessions);
            Vec::new()
        }
        Msg::SessionRead(session) => compare_sessions::read(state, session),
        Msg::SessionDeleted { path, result } => sessions::deleted(state, &path, result),
        Msg::PictureSaved { path, result } => picture::saved(state, &path, result),
    }
}

/// A key goes to the topmost overlay, and sinks to the screen where that does not take it.
fn press(state: &mut State, key: Key) -> Vec<Effect> {
    let action = state.keymap.action(key, state.screen);
    // However deep in a dialog: these are never typed.
    let always = matches!(action, Some(Action::Quit | Action::Suspend)) && overlay_keys::is_control(key);
    if !always && let Some(effects) = overlay_keys::key(state, key) {
        return effects;
    }
    action.map_or_else(Vec::new, |action| perform::perform(state, action))
}

fn gone(state: &mut State, cause: Option<String>) -> Vec<Effect> {
    let opened = state.model.is_some();
    for layer in &mut state.layers {
        layer.work = None;
    }
    if let Some(mut job) = state.jobs.pop_front() {
        let why = cause.clone().unwrap_or_else(|| "the worker has ended".into());
        job.status = JobStatus::Ended(Outcome::Failed(why));
        state.last_job = Some(job);
    }
    state.jobs.clear();
    state.reopening = None;
    match &cause {
        Some(cause) => state.say(NoticeKind::Failed, cause.clone()),
        None if state.is_replay() => state.say(NoticeKind::Done, "The recording is at its end."),
        None => {}
    }
    state.engine_gone = Some(cause);
    if opened || state.is_replay() { Vec::new() } else { vec![Effect::Quit] }
}

impl State {
    pub(super) fn say(&mut self, kind: NoticeKind, text: impl Into<String>) {
        self.notice = Some(super::Notice { kind, text: text.into() });
    }

    /// Says why something is not done; asks nothing of the world.
    pub(super) fn refuse(&mut self, why: impl Into<String>) -> Vec<Effect> {
        self.say(NoticeKind::Refused, why);
        Vec::new()
    }

    pub(super) fn open(&mut self, overlay: Overlay) -> Vec<Effect> {
        self.overlays.push(overlay);
        Vec::new()
    }
}
