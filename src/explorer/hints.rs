//! The footer's hints: the keys that are useful in the current state.

use crate::protocol::Pace;

use super::{Action, JobStatus, Screen, State};

/// A key and its effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hint {
    pub action: Action,
    pub keys: String,
    pub label: String,
}

impl Hint {
    /// None if the action has no key.
    pub fn of(state: &State, action: Action, label: &str) -> Option<Self> {
        Some(Self { action, keys: state.interface.keymap.label(action)?, label: label.into() })
    }

    /// One hint for two opposite actions, such as `↑↓ field`. A click performs the second one.
    pub fn pair(state: &State, (back, forth): (Action, Action), label: &str) -> Option<Self> {
        let keys =
            state.interface.keymap.label(back).unwrap_or_default() + &state.interface.keymap.label(forth)?;
        Some(Self { action: forth, keys, label: label.into() })
    }
}

/// Hints, the most important first. The footer shows as many as fit.
pub fn hints(state: &State) -> Vec<Hint> {
    let mut hints = match state.dialogs.last() {
        Some(top) if top.is_modal() => return top.slice().hints(state),
        Some(top) => top.slice().hints(state),
        None => Vec::new(),
    };
    let mut hint = |action: Action, label: &str| hints.extend(Hint::of(state, action, label));
    // A recording refuses some actions.
    let of_screen = state.screen.slice().hints(state).iter().copied();
    let of_screen: Vec<_> =
        of_screen.filter(|&(action, _)| !(state.is_replay() && needs_engine(action))).collect();
    // In the algorithm view, its own keys come before those of the job.
    let (first, second) = match state.screen {
        Screen::Steps => (of_screen, job_hints(state)),
        Screen::Layers
        | Screen::Layer
        | Screen::Schedule
        | Screen::Errors
        | Screen::Compare
        | Screen::Log
        | Screen::Map => (job_hints(state), of_screen),
    };
    for (action, label) in first.into_iter().chain(second) {
        hint(action, label);
    }
    if state.jobs.pace == Pace::Stepwise {
        hint(Action::StepMode, "step mode off");
    }
    hint(Action::Explain, "explain");
    hint(Action::Palette, "find");
    hint(Action::Help, "keys");
    hint(Action::Quit, "quit");
    hints
}

/// Controls of the running job, or how to start one.
fn job_hints(state: &State) -> Vec<(Action, &'static str)> {
    if state.is_replay() {
        let pause = if state.jobs.replay_paused { "play" } else { "pause" };
        if state.engine_gone.is_some() {
            return Vec::new();
        }
        let mut hints = if state.playback.ended {
            Vec::new()
        } else {
            vec![(Action::PauseOrResume, pause), (Action::Step, "step")]
        };
        if state.playback.index.is_some() {
            hints.extend([
                (Action::PreviousEvent, "back"),
                (Action::NextEvent, "on"),
                (Action::PreviousStart, "layer back"),
                (Action::NextStart, "layer on"),
                (Action::Restart, "restart"),
            ]);
        }
        if !state.playback.ended {
            hints.extend([
                (Action::Faster, "faster"),
                (Action::Slower, "slower"),
                (Action::Cancel, "to its end"),
            ]);
        }
        return hints;
    }
    match state.job().map(|job| (&job.status, job.is_pruning())) {
        Some((JobStatus::Paused, _)) => {
            vec![(Action::PauseOrResume, "resume"), (Action::Step, "step"), (Action::Cancel, "cancel")]
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

/// True for actions that only an engine can perform, and for edits that only a run would use.
fn needs_engine(action: Action) -> bool {
    const THESE: [Action; 19] = [
        Action::Balance,
        Action::MeasureMarked,
        Action::RecordSteps,
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
        Action::MeasureErrors,
        Action::WhatIf,
        Action::Write,
        Action::Prompt,
        Action::Sessions,
    ];
    THESE.contains(&action)
}
