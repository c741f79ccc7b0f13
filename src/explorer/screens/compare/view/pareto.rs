//! The chart of size against perplexity, with its front and the session under the cursor.

use ratatui::{layout::Rect, style::Modifier, text::Span};

use crate::{
    explorer::{
        Action, Pointed,
        screens::compare::{
            PARETO,
            pareto::{self, Pareto, Point},
        },
        view::{
            Canvas, Division, Role,
            widgets::{Plot, Scale, Stroke, axes, column, put, row, scale_below},
        },
    },
    words::{bytes, change, measure, parameters, plus_minus, ratio, session_title},
};

pub fn draw(view: &mut Canvas<'_>, area: Rect) {
    let cursor = view.state.screens.compare.pareto;
    let pareto = pareto::of(view.state);
    let (left, right) = view.theme.glyphs.choice();
    let axis = if cursor.bytes { "bytes" } else { "parameters" };
    let inner = view.panel(&PARETO, area, "Size and perplexity", &format!("{left} {axis} {right}"));
    if pareto.points.is_empty() {
        let text = nothing(view, &pareto);
        return view.absent(inner, &text);
    }
    let at = cursor.at.min(pareto.points.len() - 1);
    let line = reading(view, &pareto.points[at]);
    view.line(inner, 0, line);
    let line = others(view, &pareto);
    view.line(inner, 1, line);
    let below = Rect { y: inner.y + 2, height: inner.height.saturating_sub(2), ..inner };
    chart(view, below, &pareto.points, at, cursor.bytes);
}

fn nothing(view: &Canvas<'_>, pareto: &Pareto) -> String {
    let (measure, settings) = (view.key(Action::Measure), view.key(Action::Settings));
    match pareto.unmeasured {
        0 => {
            "No session of this model is on disk yet: each pruned session with a perplexity becomes a point."
                .into()
        }
        some => {
            let (sessions, have) = match some {
                1 => ("1 session of this model".into(), "has"),
                many => (format!("{many} sessions of this model"), "have"),
            };
            format!(
                "{sessions} {have} no perplexity: {measure} measures the open one, and an evaluation text in the settings ({settings}) \
                 measures every run."
            )
        }
    }
}

/// The session under the cursor.
fn reading<'t>(view: &Canvas<'_>, point: &Point) -> Vec<Span<'t>> {
    let content = point.session.content.as_ref();
    let mean = content
        .and_then(|content| content.ratio)
        .map_or(String::new(), |mean| format!("  ratio {}", ratio(mean)));
    let before = content.map_or(0, |content| content.model.parameters_before);
    let front = if point.front { "  on the front" } else { "" };
    vec![
        view.span(session_title(&point.session).to_string(), Role::Active),
        view.span(format!("  {}", parameters(point.parameters)), Role::Text),
        view.span(format!(" ({})", change(before as f64, point.parameters as f64)), Role::Muted),
        view.span(format!("  {}", bytes(view.state.bytes_of(point.parameters))), Role::Muted),
        view.span(format!("  perplexity {}", measure(point.perplexity)), Role::Pruned),
        view.span(plus_minus(point.record.after_error), Role::Muted),
        view.span(mean, Role::Muted),
        view.span(front, Role::Done),
    ]
}

/// The marks, and the sessions that are not in the chart.
fn others<'t>(view: &Canvas<'_>, pareto: &Pareto) -> Vec<Span<'t>> {
    let (front, other) = marks(view);
    let mut text = format!("{front} on the front  {other} beaten by another");
    for (count, why) in [(pareto.unmeasured, "not measured"), (pareto.otherwise, "measured otherwise")] {
        if count > 0 {
            text += &format!("  {count} {why}");
        }
    }
    let open = view.key(Action::Open);
    vec![view.span(format!("{text}  {open} opens"), Role::Muted)]
}

/// Marks of a point on the front and of another one.
fn marks(view: &Canvas<'_>) -> (&'static str, &'static str) {
    (view.theme.glyphs.active(), view.theme.glyphs.status(crate::explorer::Status::Waiting))
}

/// The unit of an axis with this largest value.
fn unit(largest: f64, in_bytes: bool) -> (f64, &'static str) {
    const BYTES: [(f64, &str); 3] =
        [(1024.0 * 1024.0 * 1024.0, "GiB"), (1024.0 * 1024.0, "MiB"), (1024.0, "KiB")];
    const PARAMETERS: [(f64, &str); 3] = [(1e9, "B"), (1e6, "M"), (1e3, "k")];
    let units = if in_bytes { BYTES } else { PARAMETERS };
    units.into_iter().find(|(size, _)| largest >= *size).unwrap_or((1.0, ""))
}

fn chart(view: &mut Canvas<'_>, area: Rect, points: &[Point], at: usize, in_bytes: bool) {
    let x = |point: &Point| match in_bytes {
        true => view.state.bytes_of(point.parameters) as f64,
        false => point.parameters as f64,
    };
    let largest = points.iter().map(x).fold(0.0, f64::max);
    let (size, unit) = unit(largest, in_bytes);
    let xs: Vec<f64> = points.iter().map(|point| x(point) / size).collect();
    let ends = |values: &mut dyn Iterator<Item = f64>| {
        values.fold((f64::INFINITY, 0.0f64), |(low, high), value| (low.min(value), high.max(value)))
    };
    let padded = |(low, high): (f64, f64)| {
        let pad = (0.06 * (high - low)).max(0.01 * high);
        Scale::between((low - pad).max(0.0), high + pad)
    };
    let (low, high) = ends(&mut points.iter().map(|point| point.perplexity));
    let up = if high > 4.0 * low {
        Scale::log([low * 0.9, high * 1.1]).unwrap_or_else(|| padded((low, high)))
    } else {
        padded((low, high))
    };
    let across = padded(ends(&mut xs.iter().copied())).in_units(unit);
    let inner = axes(view.buffer, area, &up, view.theme);
    scale_below(view.buffer, inner, &across, view.theme);
    let place = |index: usize| Some((across.place(xs[index])?, up.place(points[index].perplexity)?));
    let front = (0..points.len()).filter(|&index| points[index].front).filter_map(place);
    let mut plot = Plot::new(inner, view.theme.glyphs);
    // Between two sessions of the front, the smaller one is what can be had.
    let mut last: Option<(f64, f64)> = None;
    let corners: Vec<(f64, f64)> = front
        .flat_map(|point| {
            let corner = last.map(|last| (point.0, last.1));
            last = Some(point);
            corner.into_iter().chain([point])
        })
        .collect();
    plot.line(corners, Stroke::solid(view.theme.style(Role::Faint), '.'));
    plot.draw(view.buffer);
    let (on_front, other) = marks(view);
    let order = (0..points.len()).filter(|&index| index != at).chain([at]);
    for index in order {
        let Some((x, y)) = place(index) else { continue };
        let point = &points[index];
        let (x, y) = (column(inner, x), row(inner, y));
        let role = match (index == at, point.open, point.front) {
            (true, ..) => Role::Active,
            (_, true, _) => Role::Pruned,
            (.., true) => Role::Done,
            (.., false) => Role::Muted,
        };
        let mut style = view.theme.style(role);
        if index == at {
            style = style.add_modifier(Modifier::REVERSED | Modifier::BOLD);
        }
        let mark = if point.front { on_front } else { other };
        put(view.buffer, inner, x, y, mark, style);
        let cell = Rect { x, y, width: 1, height: 1 };
        view.hits.add(cell, Pointed::Row { panel: &PARETO, row: index });
        view.read((cell, Division::Whole, Division::Whole), |_, _, _| {
            let (session, size) = (session_title(&point.session), parameters(point.parameters));
            Some(format!("{session}: {size}, perplexity {}", measure(point.perplexity)))
        });
    }
}
