//! The output errors behind the last layer with each marked attempt, and their way there.

use ratatui::{layout::Rect, text::Span};

use super::{LayerPanel, Shown, Side, Width, explain, figure_lines, of_layer};
use crate::{
    explorer::{
        Action, Figure, JobKind, Panel,
        screens::layer::side_by_side::Passed,
        view::{
            Canvas, Division, Role,
            stage::waits,
            widgets::{
                LayerAxis, Plot, Scale, Stroke, axes, column, layer_place, measurement, put, row, width,
                wrap, write,
            },
        },
    },
    words::{Notation, change, error, plural},
};

pub static LAST_LAYER: LayerPanel = LayerPanel {
    panel: Panel {
        title: "Error at the last layer",
        explain: |_| explain::last_layer(),
        figure: |state| of_layer(state, |layer, _| Figure::Attempts { layer }),
        draw: super::super::alone,
    },
    draw,
    brief,
    small: None,
    grows: false,
    width: Width::Share(3),
};

/// Minimum rows of the chart below the table.
const CHART: u16 = 6;
/// Minimum columns of the bars.
const BAR: u16 = 6;

fn passed<'a>(shown: &Shown<'a>, side: &Side<'_>) -> Option<&'a Passed> {
    shown.layer.side_by_side.passed(side.result.attempt.number)
}

fn is_measuring(view: &Canvas<'_>) -> bool {
    view.state.jobs.queue.iter().any(|job| job.kind == JobKind::CompareAttempts)
}

/// What can be done if nothing was measured.
fn unknown(view: &Canvas<'_>, shown: &Shown<'_>) -> String {
    if is_measuring(view) {
        return waits(view.state, "The errors behind the last layer are being measured.");
    }
    if view.state.is_replay() {
        return "The errors behind the last layer were not measured.".into();
    }
    let key = view.key(Action::MeasureMarked);
    let from = shown.index;
    format!(
        "{key} passes a few windows from layer {from} to the last one with each marked attempt, and compares the results."
    )
}

fn draw(view: &mut Canvas<'_>, area: Rect, shown: &Shown<'_>) {
    let sides = shown.sides();
    let measured: Vec<Option<&Passed>> = sides.iter().map(|side| passed(shown, side)).collect();
    let windows = measured.iter().flatten().map(|passed| passed.windows).next();
    let note = windows.map_or(String::new(), |windows| plural(windows, "window", "windows"));
    let inner = view.panel(&LAST_LAYER.panel, area, "Error at the last layer", &note);
    if measured.iter().all(Option::is_none) {
        let text = unknown(view, shown);
        return view.absent(inner, &text);
    }
    let count = sides.len() as u16;
    rows(view, inner, shown, &sides);
    let mut below = inner.y + 1 + count;
    let words = sentence(view, shown, &measured);
    let room = inner.bottom().saturating_sub(below);
    let lines = wrap(&words, inner.width);
    if room > lines.len() as u16 {
        for line in lines {
            write(view.buffer, inner, inner.x, below, &words[line], view.theme.style(Role::Muted));
            below += 1;
        }
    }
    let chart = Rect { y: below, height: inner.bottom().saturating_sub(below), ..inner };
    let layers = view.state.layers.len();
    if chart.height >= CHART && layers > shown.index + 1 {
        picture(view, chart, shown, &sides);
    }
}

/// The table: relative and absolute error, cosine distance, and the change from the first attempt.
fn rows(view: &mut Canvas<'_>, area: Rect, shown: &Shown<'_>, sides: &[Side<'_>]) {
    let last = |side: &Side<'_>| passed(shown, side)?.last().map(|errors| errors.mlp);
    let first = sides.first().and_then(last);
    let highest = sides.iter().filter_map(last).map(|error| error.relative()).fold(0.0, f64::max);
    let name = sides
        .iter()
        .map(|side| width(&format!("{} attempt {}", side.letter, side.result.attempt.number)))
        .max()
        .unwrap_or(0);
    let wide = view.relative_width();
    let heads = [("relative", wide), ("change", 9), ("absolute", 8), ("cosine", 8)];
    let mut places = Vec::new();
    let mut x = area.x + name + 2;
    for (head, wide) in heads {
        if x + wide <= area.right() {
            let from = x + wide.saturating_sub(width(head));
            write(view.buffer, area, from, area.y, head, view.theme.style(Role::Title));
            places.push((x, wide));
            x += wide + 2;
        }
    }
    for (down, side) in (1..).zip(sides) {
        let y = area.y + down;
        let style = view.theme.style(side.role);
        let words = format!("{} attempt {}", side.letter, side.result.attempt.number);
        write(view.buffer, area, area.x, y, &words, style);
        let current = passed(shown, side).is_none_or(|passed| passed.is_current(view.state, shown.index));
        let Some(output) = last(side) else {
            let words = match (passed(shown, side), is_measuring(view)) {
                (Some(passed), true) => {
                    let done = passed.errors.iter().flatten().count();
                    format!("{done} of {} layers", passed.errors.len() - shown.index)
                }
                (_, true) => "waits".into(),
                (_, false) => "not measured".into(),
            };
            write(view.buffer, area, area.x + name + 2, y, &words, view.theme.style(Role::Waiting));
            continue;
        };
        let by = first.map_or("–".into(), |first| change(first.relative(), output.relative()));
        let by = if down == 1 { String::new() } else { by };
        let texts = [view.relative(output.relative()), by, error(output.error), error(output.cosine)];
        let role = if current { Role::Text } else { Role::Stale };
        for (&(x, wide), text) in places.iter().zip(&texts) {
            let from = x + wide.saturating_sub(width(text));
            write(view.buffer, area, from, y, text, view.theme.style(role));
        }
        let bar = Rect { x, y, width: area.right().saturating_sub(x), height: 1 }.intersection(area);
        if bar.width >= BAR {
            measurement(view.buffer, bar, output.relative() / highest, style, view.theme.glyphs);
        }
    }
}

/// What the comparison assumes.
fn sentence(view: &Canvas<'_>, shown: &Shown<'_>, measured: &[Option<&Passed>]) -> String {
    let stale = measured.iter().flatten().any(|passed| !passed.is_current(view.state, shown.index));
    if stale {
        let key = view.key(Action::MeasureMarked);
        return format!("Other attempts are active in other layers now; {key} measures again.");
    }
    if measured.iter().any(Option::is_none) && !is_measuring(view) {
        let key = view.key(Action::MeasureMarked);
        return format!("{key} measures all marked attempts.");
    }
    let later = view.state.layers.len() - shown.index - 1;
    let number = shown.layer.chosen.map_or("the dense layer".into(), |number| format!("attempt {number}"));
    match later {
        0 => "E‖h − h_dense‖² / E‖h_dense‖² behind this layer, which is the last one.".into(),
        _ => format!(
            "The {} stay as they are: they were solved behind {number}.",
            plural(later, "later layer", "later layers")
        ),
    }
}

/// How much more error than the first attempt each other one has, from the layer to the last one.
fn picture(view: &mut Canvas<'_>, area: Rect, shown: &Shown<'_>, sides: &[Side<'_>]) {
    let layers = view.state.layers.len();
    let error = |side: &Side<'_>, layer: usize| {
        let errors = &passed(shown, side)?.errors;
        errors.get(layer)?.as_ref().map(|errors| errors.mlp.relative())
    };
    let Some(first) = sides.first() else { return };
    let change = |side: &Side<'_>, layer: usize| {
        let (before, after) = (error(first, layer)?, error(side, layer)?);
        Some(after / before - 1.0).filter(|change| change.is_finite())
    };
    let lines: Vec<Vec<Option<f64>>> =
        sides.iter().map(|side| (0..layers).map(|layer| change(side, layer)).collect()).collect();
    let all = || lines.iter().flatten().copied().flatten();
    let (low, high) = (all().fold(0.0, f64::min), all().fold(0.0, f64::max));
    if low == high {
        return;
    }
    let margin = 0.1 * (high - low);
    let scale = Scale::between(low - margin, high + margin).noted(Notation::PerCent);
    let title = format!("change from {} behind each layer", first.letter);
    let line = vec![view.span(title, Role::Muted)];
    view.line(area, 0, line);
    let below = Rect { y: area.y + 1, height: area.height - 1, ..area };
    let inner = axes(view.buffer, below, &scale, view.theme);
    let mut plot = Plot::new(inner, view.theme.glyphs);
    let place = |value: &Option<f64>| value.and_then(|value| scale.place(value)).unwrap_or(f64::NAN);
    for (line, side) in lines.iter().zip(sides).rev() {
        let points = line.iter().enumerate().map(|(layer, value)| (layer_place(layer, layers), place(value)));
        plot.line(points, Stroke::solid(view.theme.style(side.role), side.letter));
    }
    plot.draw(view.buffer);
    for (line, side) in lines.iter().zip(sides).rev() {
        let Some(layer) = (0..layers).rev().find(|&layer| line[layer].is_some()) else { continue };
        let (x, y) = (column(inner, layer_place(layer, layers)), row(inner, place(&line[layer])));
        let style = view.theme.style(side.role);
        put(view.buffer, inner, x, y, side.letter.encode_utf8(&mut [0; 4]), style);
    }
    LayerAxis { layers, selected: Some(shown.index) }.draw(view.buffer, inner, view.theme);
    view.read((inner, Division::Points(layers), Division::Whole), |_, layer, _| {
        let known = lines.iter().zip(sides).skip(1).filter_map(|(line, side)| {
            Some(format!("{} {}", side.letter, Notation::PerCent.relative(line[layer]?)))
        });
        let known: Vec<String> = known.collect();
        (!known.is_empty()).then(|| format!("{} behind layer {layer}", known.join(", ")))
    });
}

fn brief<'t>(view: &mut Canvas<'_>, area: Rect, shown: &Shown<'_>) -> Vec<Vec<Span<'t>>> {
    let any = shown.sides().iter().any(|side| passed(shown, side).is_some());
    if !any {
        let words = if is_measuring(view) { " being measured" } else { " measures it" };
        let key = if is_measuring(view) { String::new() } else { view.key(Action::MeasureMarked) };
        return vec![vec![view.span(key, Role::Key), view.span(words, Role::Muted)]];
    }
    figure_lines(view, shown, area.width, |side| {
        let last = passed(shown, side).and_then(Passed::last);
        last.map_or("–".into(), |errors| view.relative(errors.mlp.relative()))
    })
}
