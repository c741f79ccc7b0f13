//! Draws the Schedule screen: the curve, the figures of the plan, and the costs of the selected layer.

mod candidates;
pub mod ratio_curve;
mod sensitivity;
mod strip;

pub use candidates::draw as candidates;
use ratatui::{
    layout::{Constraint, Layout, Rect},
    text::Span,
};
use ratio_curve::Picture;

use crate::{
    config,
    explorer::{
        Action, Goal, Locked, Screen,
        screens::schedule::{CANDIDATES, HISTORY},
        view::{Canvas, Fact, Role, error_curve, list::first_in_sight, status, widgets::wrap},
    },
    prune::{LayerRatio, Part},
    words::{bytes, change, count, parameters, ratio},
};

/// Draws the curve alone: bars on the screen that edits it.
pub fn curve(view: &mut Canvas<'_>, area: Rect) {
    let edited = view.state.screen == Screen::Schedule;
    ratio_curve::draw(view, area, if edited { Picture::Bars } else { Picture::Line });
}

pub fn draw(view: &mut Canvas<'_>, area: Rect) {
    let side = (area.width / 3).clamp(30, 52);
    if area.width < side + 30 {
        ratio_curve::draw(view, area, Picture::Bars);
        return;
    }
    let [curve, side] = Layout::horizontal([Constraint::Fill(1), Constraint::Length(side)]).areas(area);
    ratio_curve::draw(view, curve, Picture::Bars);
    let whole = plan(view);
    let (plan_rows, layer_rows) = (whole.len() as u16 + 2, 9);
    let spare = side.height.saturating_sub(plan_rows + layer_rows);
    // If there is little room, numbers are more useful than a curve.
    let rest = if spare >= 8 { spare } else { 0 };
    let [above, middle, below] =
        Layout::vertical([Constraint::Length(plan_rows), Constraint::Fill(1), Constraint::Length(rest)])
            .areas(side);
    let inner = view.plain_frame(above, "Plan", view.state.schedule.name());
    view.facts(inner, &whole);
    // A focused panel takes the place of what is not a panel.
    let focused = [&HISTORY, &CANDIDATES].into_iter().find(|panel| view.is_focused(panel));
    let focused = focused.map(|panel| panel.draw);
    if below.is_empty() {
        focused.unwrap_or(chosen)(view, middle);
        return;
    }
    chosen(view, middle);
    if let Some(draw) = focused {
        draw(view, below);
        return;
    }
    // The history is listed beside the costs if there is room for both.
    let below = match below.height {
        0..TWO => below,
        rows => {
            let [costs, listed] =
                Layout::vertical([Constraint::Fill(1), Constraint::Length((rows / 4).clamp(6, 12))])
                    .areas(below);
            changes(view, listed);
            costs
        }
    };
    // Sensitivity measures the loss directly, so it comes first; both are shown if there is room.
    let searched = !view.state.search.curves.is_empty();
    let solved = view.state.layers.get(view.state.layer).is_some_and(|layer| {
        [Part::Attention, Part::Mlp].into_iter().any(|part| layer.curve(part).is_some())
    });
    match (searched, solved) {
        (true, true) if below.height >= 20 => {
            let [first, second] = Layout::vertical([Constraint::Fill(1); 2]).areas(below);
            sensitivity::draw(view, first);
            costs(view, second);
        }
        (true, _) => sensitivity::draw(view, below),
        (false, _) => costs(view, below),
    }
}

/// Minimum rows for the costs and the changes below each other.
const TWO: u16 = 22;

/// The changes that can be undone and redone, the newest first.
pub fn changes(view: &mut Canvas<'_>, area: Rect) {
    let state = view.state;
    let (undo, redo) = state.history.depth();
    let inner = view.panel(&HISTORY, area, "Changes", &format!("{undo} to undo, {redo} to redo"));
    if undo + redo == 0 {
        view.absent(inner, "Nothing was changed yet.");
        return;
    }
    // The change that u undoes is always visible.
    let rows = usize::from(inner.height);
    let first = first_in_sight(redo, undo + redo, rows);
    for (row, (what, undone)) in (0..inner.height).zip(state.history.listed().skip(first)) {
        let next = first + usize::from(row) == redo;
        let (mark, role) = match (undone, next) {
            (true, _) => (Action::Redo, Role::Faint),
            (false, true) => (Action::Undo, Role::Active),
            (false, false) => (Action::Undo, Role::Text),
        };
        let at = first + usize::from(row);
        let key = if next || (undone && at + 1 == redo) { view.key(mark) } else { String::new() };
        let line = vec![view.span(format!("{key:<3}"), Role::Key), view.span(what.clone(), role)];
        view.line(inner, row, line);
    }
}

fn plan(view: &Canvas<'_>) -> Vec<Fact> {
    let state = view.state;
    let schedule = &state.schedule;
    let ratios = &schedule.ratios;
    let ends = |value: Option<&LayerRatio>| value.map_or("–".into(), |&value| ratio(value));
    let lowest = ratios.iter().map(|ratio| ratio.lowest()).reduce(f64::min).map_or("–".into(), ratio);
    let highest = ratios.iter().map(|ratio| ratio.highest()).reduce(f64::max).map_or("–".into(), ratio);
    let target = match schedule.span {
        config::Span::Mean(mean) => ratio(mean),
        config::Span::Ends { first, last } => format!("{first} to {last}"),
    };
    let (before, after) =
        (state.model.as_ref().map_or(0, |model| model.shape.parameters), state.parameters_planned());
    let (undo, redo) = state.history.depth();
    let locked = schedule.locked.iter().filter(|&&locked| locked).count();
    let edited = match state.screens.schedule.edited {
        None => "both parts",
        Some(Part::Attention) => status::unit_names_of_all(state, Part::Attention).1,
        Some(Part::Mlp) => "channels",
    };
    let budget = match &state.screens.schedule.budget {
        Some(budget) => format!("locked, {}", change(budget.parameters as f64, after as f64)),
        None => format!("free, {} locks", view.key(Action::Budget)),
    };
    vec![
        Fact::new("edited", edited)
            .role(state.screens.schedule.edited.map_or(Role::Muted, status::part_role)),
        Fact::new("mean", ratio(schedule.mean())).role(Role::Active),
        Fact::new("target", target).role(Role::Mean),
        Fact::new("first", ends(ratios.first())),
        Fact::new("last", ends(ratios.last())),
        Fact::new("least, most", format!("{lowest}, {highest}")),
        Fact::new("parameters", format!("{} {}", parameters(after), change(before as f64, after as f64))),
        Fact::new("budget", budget).role(match state.screens.schedule.budget {
            Some(_) => Role::Locked,
            None => Role::Muted,
        }),
        Fact::new("size", bytes(state.bytes_of(after))),
        Fact::new("locked", format!("{locked} of {}", ratios.len())).role(if locked > 0 {
            Role::Locked
        } else {
            Role::Muted
        }),
        Fact::new("undo, redo", format!("{undo}, {redo}")).role(Role::Muted),
    ]
}

/// The units that the ratio of the selected layer removes.
fn chosen(view: &mut Canvas<'_>, area: Rect) {
    let state = view.state;
    let index = state.layer;
    let Some(layer) = state.layers.get(index) else {
        view.plain_frame(area, "Layer", "");
        return;
    };
    let standing = state.status(index);
    let note = format!("{} {}", view.theme.glyphs.status(standing), standing.name());
    let inner = view.plain_frame(area, &format!("Layer {index}"), &note);
    let Goal { attention, mlp, parameters: gone } = state.goal(index);
    let planned = state.schedule.ratios.get(index).copied().unwrap_or_default();
    let mut facts = vec![match state.schedule.locked(index) {
        Locked::Yes => {
            Fact::new("ratio", format!("{} {} locked", ratio(planned), view.theme.glyphs.locked()))
                .role(Role::Locked)
        }
        Locked::No => Fact::new("ratio", ratio(planned)).role(Role::Active),
    }];
    if let Some(result) = layer.active() {
        facts.push(Fact::new("as pruned", ratio(result.attempt.method.ratio)).role(status::role(standing)));
    }
    let units = layer.shape.attention_units(state.planned_unit(index));
    let names = status::planned_unit_names(state, index).1;
    facts.push(Fact::new(names, format!("−{} of {}", count(attention as u64), count(units as u64))));
    facts.push(Fact::new(
        "channels",
        format!("−{} of {}", count(mlp as u64), count(layer.shape.channels as u64)),
    ));
    facts.push(Fact::new("parameters", format!("{} fewer", parameters(gone))));
    view.facts(inner, &facts);
    let row = facts.len() as u16;
    if let Some(cause) = &layer.failed {
        for (row, line) in (row..).zip(wrap(cause, inner.width)) {
            let line = vec![view.span(cause[line].to_string(), Role::Failed)];
            view.line(inner, row, line);
        }
        return;
    }
    for (row, line) in (row..).zip(readings(view, inner.width)) {
        view.line(inner, row, line);
    }
}

/// Cost of this ratio for parts with a known curve: `mlp costs 8.07e-3, next 1 % 1.12e-3`.
fn readings<'t>(view: &Canvas<'_>, columns: u16) -> Vec<Vec<Span<'t>>> {
    let state = view.state;
    let goal = state.goal(state.layer);
    let layer = state.layers.get(state.layer);
    let reading = |(part, gone): (Part, usize)| {
        let curve = layer?.curve(part)?;
        let cost = error_curve::error_at(&curve.points, gone as f64)?;
        let mut line = vec![
            view.span(format!("{part} "), status::part_role(part)),
            view.span("costs ", Role::Muted),
            view.span(view.relative(cost), Role::Text),
        ];
        if let Some((name, next)) =
            error_curve::next_step(state, (state.layer, part), &curve, gone).filter(|_| columns >= 40)
        {
            line.push(view.span(format!(", next {name} "), Role::Muted));
            line.push(view.span(view.relative(next), Role::Text));
        }
        Some(line)
    };
    [(Part::Attention, goal.attention), (Part::Mlp, goal.mlp)].into_iter().filter_map(reading).collect()
}

/// Error curves of the selected layer.
fn costs(view: &mut Canvas<'_>, area: Rect) {
    let state = view.state;
    let inner = view.plain_frame(area, "Error versus ratio", "over E‖y‖²");
    let goal = state.goal(state.layer);
    let Some(layer) = state.layers.get(state.layer) else { return };
    // The curve is that of the edited part.
    let edited = state.screens.schedule.edited;
    let parts = [(Part::Attention, goal.attention), (Part::Mlp, goal.mlp)];
    let parts = parts.into_iter().filter(|(part, _)| edited.is_none_or(|edited| edited == *part));
    let known: Vec<_> = parts.filter_map(|(part, gone)| Some((part, gone, layer.curve(part)?))).collect();
    if known.is_empty() {
        let hint = error_curve::hint(view);
        view.absent(inner, &hint);
        return;
    }
    let high = inner.height / known.len() as u16;
    for (at, (part, gone, curve)) in known.into_iter().enumerate() {
        let place = Rect { y: inner.y + at as u16 * high, height: high, ..inner };
        let title = vec![view.span(part.to_string(), status::part_role(part))];
        view.line(place, 0, title);
        let below = Rect { y: place.y + 1, height: high.saturating_sub(1), ..place };
        error_curve::picture(view, below, part, &curve, None, gone, None);
    }
}
