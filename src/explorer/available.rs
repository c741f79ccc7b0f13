//! What can be done here and now: the footer's hints, and why something is refused.

use crate::protocol::Pace;

use super::{Action, JobStatus, Overlay, Panel, Screen, State};

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
            | Overlay::Sessions { .. }
            | Overlay::Form(_)
            | Overlay::Ask(_),
        ) => return overlay_hints(state),
        None => {}
    }
    for (action, label) in work_hints(state) {
        hint(action, label);
    }
    for &(action, label) in screen_hints(state) {
        // A recording can be looked at; what would change it is refused.
        if !(state.is_replay() && needs_engine(action)) {
            hint(action, label);
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

/// What the job at work can be told, or what can be begun.
fn work_hints(state: &State) -> Vec<(Action, &'static str)> {
    if state.is_replay() {
        let pause = if state.replay_paused { "play" } else { "pause" };
        return match state.engine_gone {
            Some(_) => Vec::new(),
            None => vec![
                (Action::PauseOrResume, pause),
                (Action::Step, "step"),
                (Action::Faster, "faster"),
                (Action::Slower, "slower"),
                (Action::Cancel, "to its end"),
            ],
        };
    }
    match state.job().map(|job| (&job.status, job.is_pruning())) {
        Some((JobStatus::Paused, _)) => {
            vec![(Action::PauseOrResume, "go on"), (Action::Step, "step"), (Action::Cancel, "cancel")]
        }
        Some((JobStatus::Working, true)) => {
            vec![(Action::PauseOrResume, "pause"), (Action::Cancel, "cancel")]
        }
        Some((JobStatus::Working, false)) => vec![(Action::Cancel, "cancel")],
        Some((JobStatus::Waiting | JobStatus::Cancelling | JobStatus::Ended(_), _)) => Vec::new(),
        None if state.unready().is_some() => Vec::new(),
        None if state.layers.iter().all(|layer| layer.attempts.is_empty()) => vec![(Action::Start, "start")],
        None => state.goes_on_from().map(|_| (Action::Rerun, "run stale")).into_iter().collect(),
    }
}

fn screen_hints(state: &State) -> &'static [(Action, &'static str)] {
    match state.screen {
        Screen::Layers => &[
            (Action::Open, "layer"),
            (Action::Retry, "retry"),
            (Action::Shape, "shape"),
            (Action::Export, "export"),
            (Action::Filter, "filter"),
            (Action::Sessions, "sessions"),
        ],
        Screen::Layer if state.focused() == Panel::Attempts => &[
            (Action::Open, "choose"),
            (Action::SwitchPart, "part"),
            (Action::NextLayer, "layer"),
            (Action::Retry, "retry"),
            (Action::ErrorCurve, "curve"),
            (Action::NextPanel, "panel"),
        ],
        Screen::Layer => &[
            (Action::SwitchPart, "part"),
            (Action::NextLayer, "layer"),
            (Action::Retry, "retry"),
            (Action::ErrorCurve, "curve"),
            (Action::NextPanel, "panel"),
        ],
        Screen::Schedule => &[
            (Action::Up, "ratio"),
            (Action::Right, "layer"),
            (Action::SwitchPart, "part"),
            (Action::TypeRatio, "type"),
            (Action::Lock, "lock"),
            (Action::Shape, "shape"),
            (Action::Renormalise, "mean"),
            (Action::FindRatios, "search"),
            (Action::Undo, "undo"),
        ],
        Screen::Errors => {
            &[(Action::Open, "layer"), (Action::Retry, "retry"), (Action::Measure, "perplexity")]
        }
        Screen::Compare if matches!(state.focused(), Panel::Sessions | Panel::Curves) => &[
            (Action::Right, "quantity"),
            (Action::Down, "session"),
            (Action::NextLayer, "layer"),
            (Action::NextPanel, "panel"),
            (Action::Copy, "copy"),
            (Action::Sessions, "sessions"),
        ],
        Screen::Compare if state.holds_sessions() => &[
            (Action::Write, "write"),
            (Action::Prompt, "prompt"),
            (Action::Measure, "perplexity"),
            (Action::NextPanel, "panel"),
            (Action::Copy, "copy"),
        ],
        Screen::Compare => &[
            (Action::Write, "write"),
            (Action::Prompt, "prompt"),
            (Action::Measure, "perplexity"),
            (Action::Copy, "copy"),
        ],
        Screen::Log => &[(Action::Filter, "filter"), (Action::LogLevel, "level"), (Action::Copy, "copy")],
    }
}

/// True for what only an engine can do, and for edits that only it would obey.
fn needs_engine(action: Action) -> bool {
    const THESE: [Action; 14] = [
        Action::Retry,
        Action::Shape,
        Action::Export,
        Action::ErrorCurve,
        Action::Up,
        Action::TypeRatio,
        Action::Lock,
        Action::Renormalise,
        Action::FindRatios,
        Action::Undo,
        Action::Measure,
        Action::Write,
        Action::Prompt,
        Action::Sessions,
    ];
    THESE.contains(&action)
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
        Some(Overlay::Sessions { .. }) if state.listed_sessions().is_empty() => vec![close],
        // A click on the key for deleting says Cancel, since no action of the screens deletes; one on that for comparing
        // says the screen.
        Some(Overlay::Sessions { .. }) => vec![
            fixed(Action::Open, "Enter", "open"),
            fixed(Action::Rerun, "r", "go on"),
            fixed(Action::ShowCompare, "m", "compare"),
            fixed(Action::Cancel, "d", "delete"),
            fixed(Action::Copy, "y", "copy path"),
            fixed(Action::Filter, "/", "filter"),
            close,
        ],
        Some(Overlay::Filter { .. }) => vec![fixed(Action::Open, "Enter", "keep"), close],
        Some(Overlay::Help { .. }) => vec![fixed(Action::Down, "↑↓", "scroll"), close],
        Some(Overlay::Explain) | None => Vec::new(),
    }
}
