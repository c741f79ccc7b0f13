//! What can be done here and now: the footer's hints, and why something is refused.

use crate::protocol::Pace;

use super::{Action, Job, JobStatus, Overlay, Panel, Screen, State};

/// A key and what it does, for the footer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hint {
    pub action: Action,
    pub keys: String,
    pub label: String,
}

/// What counts here, most important first. The footer shows as many as fit.
pub fn hints(state: &State) -> Vec<Hint> {
    let mut hints = Vec::new();
    let mut hint = |action: Action, label: &str| {
        if let Some(keys) = state.keymap.label(action) {
            hints.push(Hint { action, keys, label: label.into() });
        }
    };
    match state.overlays.last() {
        Some(Overlay::Explain) => {
            hint(Action::Back, "close");
            hint(Action::NextPanel, "next panel");
        }
        Some(
            Overlay::Help { .. }
            | Overlay::Palette { .. }
            | Overlay::Filter { .. }
            | Overlay::Form(_)
            | Overlay::Ask(_),
        ) => return overlay_hints(state),
        None => {}
    }
    let job = state.job();
    match job.map(|job| &job.status) {
        Some(JobStatus::Paused) => {
            hint(Action::PauseOrResume, "go on");
            hint(Action::Step, "step");
            hint(Action::Cancel, "cancel");
        }
        Some(JobStatus::Working) => {
            if job.is_some_and(Job::is_pruning) {
                hint(Action::PauseOrResume, "pause");
            }
            hint(Action::Cancel, "cancel");
        }
        Some(JobStatus::Waiting | JobStatus::Cancelling | JobStatus::Ended(_)) | None => {
            if !state.is_replay() && state.model.is_some() && state.engine_gone.is_none() {
                let untouched = state.layers.iter().all(|layer| layer.attempts.is_empty());
                match state.first_to_run() {
                    _ if untouched => hint(Action::Start, "start"),
                    Some(_) => hint(Action::Rerun, "run stale"),
                    None => {}
                }
            }
        }
    }
    if state.is_replay() {
        hint(Action::PauseOrResume, if state.replay_paused { "play" } else { "pause" });
        hint(Action::Faster, "faster");
        hint(Action::Slower, "slower");
    }
    match state.screen {
        Screen::Layers => {
            hint(Action::Open, "layer");
            hint(Action::Retry, "retry");
            hint(Action::Shape, "shape");
            hint(Action::Export, "export");
            hint(Action::Filter, "filter");
        }
        Screen::Layer => {
            if state.focused() == Panel::Attempts {
                hint(Action::Open, "choose");
            }
            hint(Action::SwitchPart, "part");
            hint(Action::NextLayer, "layer");
            hint(Action::Retry, "retry");
            hint(Action::ErrorCurve, "curve");
            hint(Action::NextPanel, "panel");
        }
        Screen::Schedule => {
            hint(Action::Up, "ratio");
            hint(Action::Right, "layer");
            hint(Action::TypeRatio, "type");
            hint(Action::Lock, "lock");
            hint(Action::Shape, "shape");
            hint(Action::Renormalise, "mean");
            hint(Action::Undo, "undo");
        }
        Screen::Errors => {
            hint(Action::Open, "layer");
            hint(Action::Retry, "retry");
            hint(Action::Measure, "perplexity");
        }
        Screen::Compare => {
            hint(Action::Write, "write");
            hint(Action::Prompt, "prompt");
            hint(Action::Measure, "perplexity");
            hint(Action::Copy, "copy");
        }
        Screen::Log => {
            hint(Action::Filter, "filter");
            hint(Action::LogLevel, "level");
            hint(Action::Copy, "copy");
        }
    }
    if state.pace == Pace::Stepwise {
        hint(Action::StepMode, "step mode off");
    }
    hint(Action::Explain, "explain");
    hint(Action::Palette, "find");
    hint(Action::Help, "keys");
    hint(Action::Quit, "quit");
    hints
}

/// Keys of a dialog; these cannot be bound anew.
fn overlay_hints(state: &State) -> Vec<Hint> {
    let fixed = |action, keys: &str, label: &str| Hint { action, keys: keys.into(), label: label.into() };
    let close = fixed(Action::Back, "Esc", "close");
    match state.overlays.last() {
        Some(Overlay::Ask(_)) => {
            vec![fixed(Action::Open, "y", "yes"), fixed(Action::Back, "n", "no")]
        }
        Some(Overlay::Form(_)) => vec![
            fixed(Action::Open, "Enter", "do it"),
            fixed(Action::Down, "↑↓", "field"),
            fixed(Action::Right, "←→", "choose"),
            close,
        ],
        Some(Overlay::Palette { .. }) => {
            vec![fixed(Action::Open, "Enter", "do it"), fixed(Action::Down, "↑↓", "choose"), close]
        }
        Some(Overlay::Filter { .. }) => vec![fixed(Action::Open, "Enter", "keep"), close],
        Some(Overlay::Help { .. }) => vec![fixed(Action::Down, "↑↓", "scroll"), close],
        Some(Overlay::Explain) | None => Vec::new(),
    }
}
