//! What an action does.

use crate::{
    protocol::{Command, Methods, Pace},
    prune::Part,
};

use super::{
    Action, Ask, Confirmed, Effect, Input, Job, JobKind, JobStatus, NoticeKind, Origin, Overlay, Panel,
    Schedule, Screen, State, compare_sessions, copy,
    edit::{self, Edit},
    forms,
    navigate::{self, Move},
    picture,
    quit::quit,
    search, sessions,
};

/// Ratio that one key press moves, and that a held-down shift moves.
const NUDGE: f64 = 0.01;
const NUDGE_MUCH: f64 = 0.05;
/// Bounds of a replay's speed.
const SPEEDS: (f64, f64) = (1.0 / 16.0, 1024.0);

pub fn perform(state: &mut State, action: Action) -> Vec<Effect> {
    match action {
        Action::Start => start(state, Some(0), Methods::OfRun),
        Action::Rerun => {
            let from = state.goes_on_from();
            start(state, from, Methods::AsTuned)
        }
        Action::PauseOrResume => pause_or_resume(state),
        Action::Step => step(state),
        Action::StepMode => step_mode(state),
        Action::Cancel => ask_to_cancel(state),
        Action::Settings => open_form(state, forms::settings),
        Action::Export => match state.unready() {
            Some(why) => state.refuse(why),
            None => open_form(state, forms::export),
        },
        Action::Picture => match picture::form(state) {
            Ok(_) => open_form(state, picture::form),
            Err(why) => state.refuse(why),
        },
        Action::Sessions => sessions::show(state),

        Action::Up => navigate::go(state, Move::Line(-1)),
        Action::Down => navigate::go(state, Move::Line(1)),
        Action::Left => navigate::go(state, Move::Aside(-1)),
        Action::Right => navigate::go(state, Move::Aside(1)),
        Action::PageUp => navigate::go(state, Move::Page(-1)),
        Action::PageDown => navigate::go(state, Move::Page(1)),
        Action::First => navigate::go(state, Move::End(-1)),
        Action::Last => navigate::go(state, Move::End(1)),
        Action::PreviousLayer => navigate::go(state, Move::Layer(-1)),
        Action::NextLayer => navigate::go(state, Move::Layer(1)),
        Action::Open => open(state),
        Action::SwitchPart if state.screen == Screen::Schedule => {
            state.edited = match state.edited {
                None => Some(Part::Attention),
                Some(Part::Attention) => Some(Part::Mlp),
                Some(Part::Mlp) => None,
            };
            Vec::new()
        }
        Action::SwitchPart => {
            state.part = if state.part == Part::Attention { Part::Mlp } else { Part::Attention };
            state.follow = false;
            Vec::new()
        }
        Action::NextPanel => turn_focus(state, 1),
        Action::PreviousPanel => turn_focus(state, -1),

        Action::Retry => match retry_refused(state) {
            Some(why) => state.refuse(why),
            None => open_form(state, forms::retry),
        },
        Action::ErrorCurve => match state.unready() {
            Some(why) => state.refuse(why),
            None => {
                if state.screen == Screen::Layer {
                    state.focus[Screen::Layer as usize] = Panel::ErrorCurve;
                }
                let (layer, part) = (state.layer, state.part);
                state.ask_for_curve(layer, part)
            }
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
        Action::Write => write(state),
        Action::Measure => match state.unready() {
            Some(why) => state.refuse(why),
            None => open_form(state, forms::measure),
        },

        Action::Filter => {
            let typed = if state.screen == Screen::Log { &state.log.filter } else { &state.layer_filter };
            let input = Input::new(typed.clone());
            state.open(Overlay::Filter { input })
        }
        Action::LogLevel => {
            state.log.least = state.log.least.next();
            state.log.cursor = None;
            Vec::new()
        }
        Action::Copy => copy::copy(state),

        Action::Faster => speed(state, 2.0),
        Action::Slower => speed(state, 0.5),

        Action::Explain => {
            match state.overlays.last() {
                Some(Overlay::Explain) => drop(state.overlays.pop()),
                Some(_) | None => state.overlays.push(Overlay::Explain),
            }
            Vec::new()
        }
        Action::Help => state.open(Overlay::Help { filter: Input::new(""), scroll: 0 }),
        Action::Palette => state.open(Overlay::Palette { input: Input::new(""), at: 0 }),
        Action::NextTheme => {
            state.theme = (state.theme + 1) % state.themes.len().max(1);
            let name = state.themes.get(state.theme).cloned().unwrap_or_default();
            state.say(NoticeKind::Done, format!("Theme {name}"));
            Vec::new()
        }
        Action::Mouse => {
            state.mouse = !state.mouse;
            let text = if state.mouse {
                "The mouse is ours"
            } else {
                "The mouse is the terminal's: select text as usual"
            };
            state.say(NoticeKind::Done, text);
            Vec::new()
        }
        Action::NextScreen => show(state, state.screen.next()),
        Action::PreviousScreen => show(state, state.screen.previous()),
        Action::ShowLayers => show(state, Screen::Layers),
        Action::ShowLayer => show(state, Screen::Layer),
        Action::ShowSchedule => show(state, Screen::Schedule),
        Action::ShowErrors => show(state, Screen::Errors),
        Action::ShowCompare => show(state, Screen::Compare),
        Action::ShowLog => show(state, Screen::Log),
        Action::Back => back(state),
        Action::Suspend => vec![Effect::Suspend],
        Action::Quit => quit(state),
    }
}

pub fn show(state: &mut State, screen: Screen) -> Vec<Effect> {
    state.screen = screen;
    match screen {
        Screen::Layer => navigate::settle_attempt(state),
        Screen::Compare => return compare_sessions::refresh(state),
        Screen::Layers | Screen::Schedule | Screen::Errors | Screen::Log => {}
    }
    Vec::new()
}

/// What is done once a question was answered by yes.
pub fn confirmed(state: &mut State, what: Confirmed) -> Vec<Effect> {
    match what {
        Confirmed::Quit => vec![Effect::Quit],
        Confirmed::Cancel => cancel(state),
        Confirmed::OpenSession { path, then } => sessions::reopen(state, path, then),
        Confirmed::DeleteSession(path) => vec![Effect::DeleteSession(path)],
    }
}

/// Puts an attempt active; the layer's planned ratio becomes the attempt's.
pub fn choose(state: &mut State, layer: usize, number: usize) -> Vec<Effect> {
    if let Some(why) = state.unready_to_prune() {
        return state.refuse(why);
    }
    edit::choose(state, layer, number)
}

fn open_form(state: &mut State, form: fn(&State) -> Result<super::Form, String>) -> Vec<Effect> {
    match form(state) {
        Ok(form) => state.open(Overlay::Form(form)),
        Err(why) => state.refuse(why),
    }
}

fn start(state: &mut State, from: Option<usize>, methods: Methods) -> Vec<Effect> {
    if let Some(why) = state.unready_to_prune() {
        return state.refuse(why);
    }
    let Some(from) = from else {
        return state.refuse("every layer is done with what lies above it; s prunes all again");
    };
    if state.settings.calibration.is_empty() {
        let effects = open_form(state, forms::settings);
        state.refuse(
            "name a calibration text first: plain text, JSON lines with \"text\", Alpaca JSON, .gz of these",
        );
        return effects;
    }
    state.run_from(from, methods)
}

fn pause_or_resume(state: &mut State) -> Vec<Effect> {
    if state.is_replay() {
        state.replay_paused = !state.replay_paused;
        let run = state.run();
        return vec![Effect::Command(if state.replay_paused {
            Command::Pause { run }
        } else {
            Command::Resume { run }
        })];
    }
    match state.job().map(|job| job.status.clone()) {
        Some(JobStatus::Paused) => vec![Effect::Command(Command::Resume { run: state.run() })],
        Some(JobStatus::Working) => vec![Effect::Command(Command::Pause { run: state.run() })],
        Some(JobStatus::Waiting | JobStatus::Cancelling | JobStatus::Ended(_)) | None => {
            state.refuse("nothing is at work; s starts")
        }
    }
}

fn step(state: &mut State) -> Vec<Effect> {
    if state.is_replay() {
        state.replay_paused = true;
        return vec![Effect::Command(Command::Step { run: state.run() })];
    }
    if state.job().is_some_and(Job::is_pruning) {
        vec![Effect::Command(Command::Step { run: state.run() })]
    } else {
        state.refuse("nothing is being pruned; t turns step mode on, s starts")
    }
}

fn step_mode(state: &mut State) -> Vec<Effect> {
    if state.is_replay() {
        return step(state);
    }
    state.pace = match state.pace {
        Pace::Free => Pace::Stepwise,
        Pace::Stepwise => Pace::Free,
    };
    let pruning = state.job().is_some_and(Job::is_pruning);
    let text = match state.pace {
        Pace::Stepwise => "Step mode: pruning halts after each removal; n goes on by one",
        Pace::Free => "Step mode is off",
    };
    state.say(NoticeKind::Done, text);
    let command = Command::Pace { run: state.run(), pace: state.pace };
    if pruning { vec![Effect::Command(command)] } else { Vec::new() }
}

fn ask_to_cancel(state: &mut State) -> Vec<Effect> {
    if state.is_replay() {
        state.replay_paused = false;
        return vec![Effect::Command(Command::Cancel { run: state.run() })];
    }
    let Some(job) = state.job() else { return state.refuse("nothing is at work") };
    if !matches!(job.kind, JobKind::Run { .. }) {
        return cancel(state);
    }
    let ask = Ask {
        question: "Cancel the run?".into(),
        detail: "It ends within one step. The layer in work is lost, finished layers stay, and R goes on from there.".into(),
        then: Confirmed::Cancel,
    };
    state.open(Overlay::Ask(ask))
}

fn cancel(state: &mut State) -> Vec<Effect> {
    match state.jobs.front_mut() {
        Some(job) => {
            job.status = JobStatus::Cancelling;
            vec![Effect::Command(Command::Cancel { run: job.run })]
        }
        None => Vec::new(),
    }
}

fn open(state: &mut State) -> Vec<Effect> {
    if state.screen != Screen::Layer {
        return show(state, Screen::Layer);
    }
    let layer = state.layer;
    let attempt = state.layers.get(layer).and_then(|layer| layer.attempts.get(state.attempt));
    match (state.focused(), attempt.map(|result| result.attempt.number)) {
        (Panel::Attempts, Some(number)) => choose(state, layer, number),
        (Panel::Attempts, None) => state.refuse("this layer has no attempts yet; s prunes all layers"),
        (_, _) => {
            state.focus[Screen::Layer as usize] = Panel::Attempts;
            Vec::new()
        }
    }
}

fn turn_focus(state: &mut State, by: isize) -> Vec<Effect> {
    let panels = state.panels();
    let at = panels.iter().position(|panel| *panel == state.focused()).unwrap_or(0) as isize;
    state.focus[state.screen as usize] = panels[(at + by).rem_euclid(panels.len() as isize) as usize];
    Vec::new()
}

/// Why the layer can't be tried again now.
fn retry_refused(state: &State) -> Option<String> {
    if let Some(why) = state.unready_to_prune() {
        return Some(why);
    }
    let missing = state.layers.iter().take(state.layer).position(|layer| layer.chosen.is_none());
    missing
        .map(|above| format!("layer {above} lies above and has not been pruned yet; start a run first (s)"))
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

pub fn write(state: &mut State) -> Vec<Effect> {
    if let Some(why) = state.unready() {
        return state.refuse(why);
    }
    if state.jobs.iter().any(|job| job.kind == JobKind::Write) {
        return state.refuse("both models are writing already; x ends it");
    }
    state.compare.begin();
    let (run, prompt) = (state.queue(JobKind::Write), state.compare.prompt.clone());
    vec![Effect::Command(Command::Write { run, prompt })]
}

fn speed(state: &mut State, factor: f64) -> Vec<Effect> {
    let Origin::Replay { speed, .. } = &mut state.origin else {
        return state.refuse("only a recording has a speed (slimgpt replay FILE)");
    };
    *speed = (*speed * factor).clamp(SPEEDS.0, SPEEDS.1);
    vec![Effect::Command(Command::Speed(*speed))]
}

/// Esc: out of a filter, out of a layer.
fn back(state: &mut State) -> Vec<Effect> {
    match state.screen {
        Screen::Log if !state.log.filter.is_empty() => state.log.filter.clear(),
        Screen::Layers if !state.layer_filter.is_empty() => state.layer_filter.clear(),
        Screen::Layers => {}
        Screen::Layer | Screen::Schedule | Screen::Errors | Screen::Compare | Screen::Log => {
            state.screen = Screen::Layers;
        }
    }
    Vec::new()
}
