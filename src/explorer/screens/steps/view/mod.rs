//! Draws the algorithm view: where in the path, the matrices, the scores, and the formula with its numbers.

mod block;
mod heading;
mod inverse;
mod rules;
mod scores;
mod weights;

use ratatui::layout::{Constraint, Layout, Rect};

use super::{BLOCK, CHOICE, INVERSE, Phase, STEP, Shown, WEIGHTS, explain::formula, sentences};
use crate::{
    explorer::{
        Action, Job, JobKind,
        view::{
            Canvas, Role, stage,
            widgets::{width, wrap, write},
        },
    },
    protocol::Pace,
};

/// Minimum rows for a panel of W below the others.
const ROOMY: u16 = 30;
/// Rows of the heading.
const HEADING: u16 = 3;
/// Rows of the formula and its numbers, with their border.
const FORMULA: u16 = 5;

/// Draws a panel alone.
fn alone(view: &mut Canvas<'_>, area: Rect, panel: fn(&mut Canvas<'_>, Rect, &Shown<'_>)) {
    let Some(shown) = Shown::of(view.state) else { return absent(view, area) };
    panel(view, area, &shown);
}

pub fn step_alone(view: &mut Canvas<'_>, area: Rect) {
    alone(view, area, numbers);
}

pub fn inverse_alone(view: &mut Canvas<'_>, area: Rect) {
    alone(view, area, inverse::draw);
}

pub fn block_alone(view: &mut Canvas<'_>, area: Rect) {
    alone(view, area, block::draw);
}

pub fn weights_alone(view: &mut Canvas<'_>, area: Rect) {
    alone(view, area, weights::draw);
}

pub fn choice_alone(view: &mut Canvas<'_>, area: Rect) {
    alone(view, area, choice);
}

/// The scores, or the choices of the three rules.
fn choice(view: &mut Canvas<'_>, area: Rect, shown: &Shown<'_>) {
    if view.state.screens.steps.rules {
        rules::draw(view, area, shown);
    } else {
        scores::draw(view, area, shown);
    }
}

/// Says that no step is recorded.
fn absent(view: &mut Canvas<'_>, area: Rect) {
    let inner = view.panel(&STEP, area, &title(view), "");
    let text = nothing(view);
    view.absent(inner, &text);
}

pub fn draw(view: &mut Canvas<'_>, area: Rect) {
    let Some(shown) = Shown::of(view.state) else { return absent(view, area) };
    let [top, middle, below] = Layout::vertical([
        Constraint::Length(HEADING),
        Constraint::Fill(1),
        Constraint::Length(FORMULA.min(area.height / 3)),
    ])
    .areas(area);
    heading::draw(view, top, &shown);
    let roomy = area.height >= ROOMY;
    let [upper, lower] = if roomy {
        Layout::vertical([Constraint::Fill(2), Constraint::Fill(1)]).areas(middle)
    } else {
        Layout::vertical([Constraint::Fill(1), Constraint::Length(0)]).areas(middle)
    };
    // A square map, two pixels per row, with marks and borders.
    let map = (upper.height.saturating_sub(3) * 2 + 6).min(area.width / 3 + 4).max(20);
    let beside = (map - 4).min(area.width / 4);
    let [left, between, right] =
        Layout::horizontal([Constraint::Length(map), Constraint::Length(beside), Constraint::Fill(1)])
            .areas(upper);
    inverse::draw(view, left, &shown);
    if roomy {
        block::draw(view, between, &shown);
        weights::draw(view, lower, &shown);
    } else if shown.cursor.phase < Phase::Compensate {
        block::draw(view, between, &shown);
    } else {
        weights::draw(view, between, &shown);
    }
    choice(view, right, &shown);
    numbers(view, below, &shown);
}

fn title(view: &Canvas<'_>) -> String {
    format!("Layer {}, {}", view.state.layer, view.state.screens.layer.part)
}

/// The formula of the sub-step with its numbers.
fn numbers(view: &mut Canvas<'_>, area: Rect, shown: &Shown<'_>) {
    let phase = shown.cursor.phase;
    let inner = view.panel(&STEP, area, phase.name(), "");
    let line = vec![view.span(formula(view.state, phase), Role::Active)];
    view.line(inner, 0, line);
    let text = sentences::of(view.state, shown).join(" ");
    for (row, line) in wrap(&text, inner.width.max(1)).into_iter().enumerate() {
        let line = vec![view.span(text[line].to_string(), Role::Text)];
        view.line(inner, 1 + row as u16, line);
    }
}

/// Why there is nothing to show, and what to do.
fn nothing(view: &Canvas<'_>) -> String {
    let state = view.state;
    let Some(layer) = state.layers.get(state.layer) else {
        return stage::waits(state, "The steps appear once the model is open.");
    };
    let part = state.screens.layer.part;
    if let Some(work) = &layer.work {
        if !work.solving {
            let now = state.job().map(|job| stage::now(state, job));
            let (words, share) = now.unwrap_or(("the calibration windows are being computed".into(), None));
            let share = share.map_or(String::new(), |share| format!(", {}", crate::words::progress(share)));
            return format!("Waiting for the first step of {part}: {words}{share}.");
        }
        let step = view.key(Action::Step);
        return format!("No step of this part is recorded. {step} makes the next one and records it.");
    }
    let elsewhere = recorded_layers(view);
    if state.is_replay() {
        let step = view.key(Action::Step);
        return format!(
            "The recording has no pictures of this part's steps up to here. {step} plays to the next removal.{elsewhere}"
        );
    }
    if state.jobs.queue.iter().any(|job| job.kind == JobKind::RecordSteps) {
        return stage::waits(state, "The steps are being recorded.");
    }
    if layer.active().is_some() && layer.view(part).is_some_and(|view| view.removed.is_empty()) {
        let switch = view.key(Action::SwitchPart);
        return format!(
            "Nothing was removed from {part} in this layer. {switch} shows the other part.{elsewhere}"
        );
    }
    if state.follow && state.jobs.pace == Pace::Stepwise && state.job().is_some_and(Job::is_pruning) {
        return stage::waits(state, "The first step appears once a part with units to remove is measured.");
    }
    let (record, mode) = (view.key(Action::RecordSteps), view.key(Action::StepMode));
    format!(
        "No step of this part is recorded. {record} follows its path and records the steps; it prunes nothing. Or {mode} turns step mode on: a run then pauses after every step.{elsewhere}"
    )
}

/// The layers with recorded steps, in a sentence.
fn recorded_layers(view: &Canvas<'_>) -> String {
    let state = view.state;
    let recorded = state.layers.iter().enumerate().filter(|(_, layer)| !layer.recorded.is_empty());
    let layers: Vec<String> = recorded.map(|(index, _)| index.to_string()).collect();
    match layers.len() {
        0 => String::new(),
        1 => format!(" Steps are recorded in layer {}.", layers[0]),
        _ => format!(" Steps are recorded in layers {}.", layers.join(", ")),
    }
}

/// Writes a label, and returns the area right of it.
fn labelled(view: &mut Canvas<'_>, area: Rect, label: &str) -> Rect {
    let wide = width(label) + 1;
    write(view.buffer, area, area.x, area.y, label, view.theme.style(Role::Muted));
    Rect { x: area.x + wide, width: area.width.saturating_sub(wide), ..area }
}
