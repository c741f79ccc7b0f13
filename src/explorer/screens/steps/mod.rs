//! The algorithm view: one elimination step in sub-steps, with its matrices and its numbers, forward and back.

mod cursor;
mod explain;
mod sentences;
mod view;

pub use cursor::{Cursor, Phase, Shown};

use super::{Copied, Panel, Slice, layer::prefer_pruned_part};
use crate::{
    explorer::{
        Action, Effect, Figure, Job, NoticeKind, Screen, State,
        movement::Move,
        perform, runs,
        view::{Canvas, Rect},
    },
    protocol::job,
};

pub struct Steps;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ViewState {
    /// The place in the path of the part it names; the first recorded step for other parts.
    pub cursor: Option<Cursor>,
    /// Whether the choices of the three rules are shown in place of the scores.
    pub rules: bool,
}

fn no_chart(_: &State) -> Result<Figure, String> {
    Err("The algorithm view has no chart to save; the Layer screen has".into())
}

pub static STEP: Panel =
    Panel { title: "Step", explain: explain::step, figure: no_chart, draw: view::step_alone };
pub static INVERSE: Panel = Panel {
    title: "P = G_λ⁻¹",
    explain: |_| explain::inverse(),
    figure: no_chart,
    draw: view::inverse_alone,
};
pub static BLOCK: Panel = Panel {
    title: "Cholesky factor",
    explain: |_| explain::block(),
    figure: no_chart,
    draw: view::block_alone,
};
pub static WEIGHTS: Panel =
    Panel { title: "W", explain: |_| explain::weights(), figure: no_chart, draw: view::weights_alone };
pub static CHOICE: Panel =
    Panel { title: "Scores now", explain: explain::choice, figure: no_chart, draw: view::choice_alone };

/// Performs an action.
type Act = fn(&mut State) -> Vec<Effect>;

/// The actions of this screen.
const ACTS: &[(Action, Act)] = &[
    (Action::Step, forward),
    (Action::StepBack, back),
    (Action::PreviousStep, |state| whole_steps(state, -1)),
    (Action::NextStep, |state| whole_steps(state, 1)),
    (Action::LastStep, |state| end(state, 1)),
    (Action::RecordSteps, record),
    (Action::Rules, rules),
    (Action::SwitchPart, switch_part),
    (Action::Back, |state| state.show(Screen::Layer)),
];

impl Slice for Steps {
    fn title(&self) -> &'static str {
        "Steps"
    }

    fn help(&self) -> &'static str {
        "The algorithm, step by step"
    }

    fn panels(&self) -> &'static [&'static Panel] {
        const PANELS: &[&Panel] = &[&STEP, &INVERSE, &BLOCK, &WEIGHTS, &CHOICE];
        PANELS
    }

    fn hints(&self, state: &State) -> &'static [(Action, &'static str)] {
        const HINTS: &[(Action, &str)] = &[
            (Action::Step, "on"),
            (Action::StepBack, "back"),
            (Action::PreviousStep, "step back"),
            (Action::NextStep, "step on"),
            (Action::Rules, "rules"),
            (Action::SwitchPart, "part"),
            (Action::Algorithm, "layer"),
        ];
        const NOTHING: &[(Action, &str)] =
            &[(Action::RecordSteps, "record"), (Action::SwitchPart, "part"), (Action::Algorithm, "layer")];
        if Shown::of(state).is_some() { HINTS } else { NOTHING }
    }

    fn enter(&self, state: &mut State) -> Vec<Effect> {
        prefer_pruned_part(state);
        Vec::new()
    }

    fn go(&self, state: &mut State, movement: Move) -> Vec<Effect> {
        match movement {
            Move::Aside(by) if by < 0 => back(state),
            Move::Aside(_) => forward(state),
            Move::Line(by) => whole_steps(state, by),
            Move::End(by) => end(state, by),
            Move::Page(by) | Move::Layer(by) => state.step_layer(by),
        }
    }

    fn act(&self, state: &mut State, action: Action) -> Option<Vec<Effect>> {
        let (_, act) = ACTS.iter().find(|(own, _)| *own == action)?;
        Some(act(state))
    }

    fn copy(&self, state: &State) -> Copied {
        let text = Shown::of(state).map_or(String::new(), |shown| sentences::all(state, &shown));
        Copied { what: "this step in words", text }
    }

    fn draw(&self, canvas: &mut Canvas<'_>, area: Rect) {
        view::draw(canvas, area);
    }
}

/// Shows the algorithm view, or the layer if it is shown already.
pub fn open(state: &mut State) -> Vec<Effect> {
    let screen = if state.screen == Screen::Steps { Screen::Layer } else { Screen::Steps };
    state.show(screen)
}

fn place(state: &mut State, cursor: Cursor) -> Vec<Effect> {
    state.screens.steps.cursor = Some(cursor);
    Vec::new()
}

/// One sub-step on. Behind the last recorded one, the engine or the recording makes the next step.
fn forward(state: &mut State) -> Vec<Effect> {
    let Some(shown) = Shown::of(state) else { return further(state) };
    match shown.forward() {
        Some(cursor) => place(state, cursor),
        None => further(state),
    }
}

fn back(state: &mut State) -> Vec<Effect> {
    match Shown::of(state).map(|shown| shown.back()) {
        Some(Some(cursor)) => place(state, cursor),
        Some(None) => state.refuse("this is the first recorded step"),
        None => nothing_recorded(state),
    }
}

/// Moves by whole steps, to their first sub-step.
fn whole_steps(state: &mut State, by: isize) -> Vec<Effect> {
    let Some(shown) = Shown::of(state) else { return nothing_recorded(state) };
    match if by < 0 { shown.previous_step() } else { shown.next_step() } {
        Some(cursor) => place(state, cursor),
        None if by < 0 => state.refuse("this is the first recorded step"),
        None => further(state),
    }
}

fn end(state: &mut State, by: isize) -> Vec<Effect> {
    let Some(shown) = Shown::of(state) else { return nothing_recorded(state) };
    let step = if by < 0 { shown.recorded.first() } else { shown.recorded.last() };
    match step.and_then(|step| shown.step_at(step)) {
        Some(cursor) => place(state, cursor),
        None => Vec::new(),
    }
}

fn rules(state: &mut State) -> Vec<Effect> {
    state.screens.steps.rules = !state.screens.steps.rules;
    Vec::new()
}

fn switch_part(state: &mut State) -> Vec<Effect> {
    state.screens.layer.switch_part(state.layer);
    state.follow = false;
    Vec::new()
}

fn nothing_recorded(state: &mut State) -> Vec<Effect> {
    state.refuse("no step of this part is recorded yet")
}

/// The step behind the last recorded one.
fn further(state: &mut State) -> Vec<Effect> {
    let (layer, part) = (state.layer, state.screens.layer.part);
    let live = state.layers.get(layer).and_then(|layer| layer.work.as_ref());
    let done = live.is_some_and(|work| work.part(part).record.is_some());
    let pruning = state.job().is_some_and(Job::is_pruning);
    if state.is_replay() && state.engine_gone.is_none() || pruning {
        if done || live.is_none() {
            // The path of this part is complete; the next step is that of another part.
            state.follow = true;
        }
        return runs::step(state);
    }
    if Shown::of(state).is_some() {
        return state.refuse("this was the last step of this part");
    }
    record(state)
}

/// Solves the part again for the pictures of its steps, with the method of the active attempt.
fn record(state: &mut State) -> Vec<Effect> {
    if Shown::of(state).is_some() {
        return forward(state);
    }
    let (layer, part) = (state.layer, state.screens.layer.part);
    let above = state.layers.iter().take(layer).position(|layer| layer.chosen.is_none());
    if let (Some(above), None) = (above, state.unready()) {
        return state
            .refuse(format!("layer {above} comes first and has not been pruned yet; start a run first (s)"));
    }
    let method = state.method(layer);
    let job = job::RecordSteps { layer, part, method };
    let effects = perform::start_once_ready(state, job);
    if !effects.is_empty() && state.notice.is_none() {
        state.say(
            NoticeKind::Done,
            "The path of this part is followed to record its steps; nothing is pruned",
        );
    }
    effects
}
