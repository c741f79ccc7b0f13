//! A replay: its place in the recording, and moving it.

use crate::{
    config::Settings,
    protocol::{Command, ReplayIndex, ReplayNews, Seek, Stamped},
};

use super::{Effect, NoticeKind, Screens, Start, State, engine_events, screens::steps};

/// The place in the recording.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Playback {
    /// None until the recording is read.
    pub index: Option<ReplayIndex>,
    /// Number of events shown, progress excluded.
    pub place: usize,
    /// Whether all events are shown.
    pub ended: bool,
}

pub fn handle(state: &mut State, news: ReplayNews) -> Vec<Effect> {
    match news {
        ReplayNews::Index(index) => state.playback.index = Some(index),
        ReplayNews::Event { place, stamped } => {
            state.playback = Playback { place, ended: false, ..std::mem::take(&mut state.playback) };
            return engine_events::handle(state, stamped);
        }
        ReplayNews::Rebuilt { place, events } => rebuild(state, place, events),
        ReplayNews::Ended => {
            state.playback.ended = true;
            state.say(NoticeKind::Done, "The recording has ended.");
        }
    }
    Vec::new()
}

/// Moves the replay, which pauses there.
pub fn seek(state: &mut State, seek: Seek) -> Vec<Effect> {
    if !state.is_replay() {
        return state.refuse("only a recording goes back and forth (slimgpt replay FILE)");
    }
    if state.playback.index.is_none() {
        return state.refuse("the recording is still being read");
    }
    state.jobs.replay_paused = true;
    vec![Effect::Command(Command::ReplaySeek(seek))]
}

/// Moves to a fraction of the recording.
pub fn seek_share(state: &mut State, share: f64) -> Vec<Effect> {
    let events = state.playback.index.as_ref().map_or(0, |index| index.events);
    seek(state, Seek::Place((share * events as f64).round() as usize))
}

/// Builds the state anew from the events up to a place. The screen, its panels and cursors, and the interface stay.
fn rebuild(state: &mut State, place: usize, events: Vec<Stamped>) {
    let fresh = State::new(Start {
        origin: state.origin.clone(),
        model_argument: None,
        idle_curves: false,
        settings: Settings::default(),
        keymap: state.interface.keymap.clone(),
        themes: state.interface.themes.clone(),
        theme: state.interface.theme,
        mouse: state.interface.mouse,
        pace: state.jobs.pace,
        eval: state.compare.evaluation.text.clone(),
        sessions_root: state.sessions.root.clone(),
        offers: false,
        size: state.size,
    });
    let old = std::mem::replace(state, fresh);
    for stamped in events {
        engine_events::handle(state, stamped);
    }
    let built = std::mem::take(&mut state.screens);
    state.screens = Screens {
        steps: steps::ViewState { cursor: built.steps.cursor, ..old.screens.steps },
        ..old.screens
    };
    if old.follow {
        state.screens.layer.part = built.layer.part;
    } else {
        state.layer = old.layer.min(state.layers.len().saturating_sub(1));
        state.follow = false;
    }
    (state.screen, state.focus, state.zoom) = (old.screen, old.focus, old.zoom);
    (state.dialogs, state.interface) = (old.dialogs, old.interface);
    state.commands = std::mem::take(&mut state.commands).with_attempts_for(old.commands);
    state.last_action = old.last_action;
    state.jobs.replay_paused = true;
    state.playback = Playback { place, ended: false, ..old.playback };
    state.notice = None;
    state.settle_attempt();
}
