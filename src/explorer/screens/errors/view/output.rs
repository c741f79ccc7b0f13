//! The output error over the layers, with its denominator, earlier runs, and a pass with one part dense.

use ratatui::{layout::Rect, text::Span};

use super::chart::{Background, Chart, Margins, Series};
use crate::{
    explorer::{
        screens::errors::{OUTPUT, measure::Measure},
        view::{Canvas, Role, status},
    },
    prune::Part,
    words::change,
};

/// Rows above the chart, if there is room for both sentences.
const SENTENCES: u16 = 10;

fn measure(view: &Canvas<'_>) -> Measure {
    view.state.screens.errors.measure
}

fn series(view: &Canvas<'_>) -> Vec<Series> {
    let (state, measure) = (view.state, measure(view));
    let mut series = Vec::new();
    if measure == Measure::Relative {
        series.extend(state.previous_runs.iter().map(|previous_run| Series {
            name: format!("run {}", previous_run.run),
            values: previous_run.output_errors.clone(),
            role: Role::PreviousRun,
            ascii: '.',
        }));
    }
    series.push(Series { name: "now".into(), values: measure.values(state), role: Role::Pruned, ascii: '*' });
    if let Some(what_if) = &state.what_if {
        series.push(Series {
            name: "what if".into(),
            values: what_if.values(measure),
            role: if what_if.is_current(state) { Role::Planned } else { Role::Stale },
            ascii: '+',
        });
    }
    series
}

fn background(view: &Canvas<'_>) -> Option<Background> {
    let values = measure(view).denominators(view.state);
    values.iter().any(Option::is_some).then_some(Background { name: "E‖h‖²", values })
}

fn chart<'s>(view: &Canvas<'_>, series: &'s [Series]) -> Chart<'s> {
    let notation = measure(view).notation(view.state.interface.notation);
    Chart { series, background: background(view), notation, spacing: view.state.interface.errors }
}

/// The area of the chart inside a panel of this area.
fn inside(area: Rect, sentences: u16) -> Rect {
    let inner = Rect {
        x: area.x + 1,
        y: area.y + 1,
        width: area.width.saturating_sub(2),
        height: area.height.saturating_sub(2),
    };
    let above = 1 + sentences;
    Rect { y: inner.y + above, height: inner.height.saturating_sub(above), ..inner }
}

pub fn margins(view: &Canvas<'_>, area: Rect) -> Margins {
    let series = series(view);
    chart(view, &series).margins(inside(area, sentences(view, area).len() as u16))
}

pub fn draw(view: &mut Canvas<'_>, area: Rect, margins: Option<Margins>) {
    let measure = measure(view);
    let title = match measure {
        Measure::Relative | Measure::Absolute | Measure::Cosine => {
            format!("Output error, {}", measure.name())
        }
        Measure::WithoutLargest => "Output error without 4 dimensions".into(),
    };
    let inner = view.panel(&OUTPUT, area, &title, measure.formula());
    let line = reading(view);
    view.line(inner, 0, line);
    let sentences = sentences(view, area);
    for (row, (text, role)) in (1..).zip(&sentences) {
        let line = vec![view.span(text.clone(), *role)];
        view.line(inner, row, line);
    }
    let series = series(view);
    chart(view, &series).draw(view, inside(area, sentences.len() as u16), margins);
}

/// Sentences below the reading: where the denominator jumps, and the effect of a dense part.
fn sentences(view: &Canvas<'_>, area: Rect) -> Vec<(String, Role)> {
    if area.height < SENTENCES {
        return Vec::new();
    }
    let jump = measure(view).jump(view.state).map(|text| (text, Role::Warning));
    what_if(view).into_iter().chain(jump).collect()
}

/// The effect of the part that was dense, at the last layer that both passes reached.
pub fn what_if(view: &Canvas<'_>) -> Option<(String, Role)> {
    let (state, measure) = (view.state, measure(view));
    let known = state.what_if.as_ref()?;
    let (part, layer) = (known.dense.part, known.dense.layer);
    let (now, then) = (measure.values(state), known.values(measure));
    let at = (0..now.len()).rev().find(|&at| then.get(at).copied().flatten().and(now[at]).is_some());
    let Some((at, now, then)) = at.and_then(|at| Some((at, now[at]?, then[at]?))) else {
        return Some((format!("{part} of layer {layer} dense: being measured"), Role::Planned));
    };
    let text = |value| measure.text(value, state.interface.notation);
    let (now, then, by) = (text(now), text(then), change(now, then));
    let stale = if known.is_current(state) { "" } else { "; other attempts are active now" };
    Some((
        format!("{part} of layer {layer} dense: {then} at layer {at}, {by} from {now}{stale}"),
        Role::Planned,
    ))
}

/// Values at the selected layer.
fn reading<'t>(view: &Canvas<'_>) -> Vec<Span<'t>> {
    let (state, measure) = (view.state, measure(view));
    let (index, notation) = (state.layer, state.interface.notation);
    let errors = measure.values(state);
    let at = |layer: usize| errors.get(layer).copied().flatten();
    let status = state.status(index);
    let mut line = vec![
        view.span(format!("layer {index} "), Role::Active),
        view.span(format!("{} ", view.theme.glyphs.status(status)), status::role(status)),
        view.span(at(index).map_or("–".into(), |value| measure.text(value, notation)), Role::Text),
    ];
    if let Some((now, before)) = at(index).zip(index.checked_sub(1).and_then(at))
        && before > 0.0
    {
        line.push(view.span(format!(", {:.2} times layer {}", now / before, index - 1), Role::Muted));
    }
    if let Some(norm) = measure.denominators(state).get(index).copied().flatten() {
        line.push(view.span("   E‖h‖² ", Role::Muted));
        line.push(view.span(crate::words::measure(norm), Role::Muted));
    }
    if let Some(result) = state.layers.get(index).and_then(|layer| layer.active()) {
        for part in [Part::Attention, Part::Mlp] {
            line.push(view.span(format!("   {part} "), status::part_role(part)));
            line.push(view.span(notation.relative(result.record(part).relative_error), Role::Text));
        }
    }
    line
}
