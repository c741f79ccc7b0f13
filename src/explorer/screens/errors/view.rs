//! Draws the growth of errors over the layers, with earlier runs behind the current one.

use ratatui::{
    layout::{Constraint, Layout, Rect},
    text::Span,
};

use crate::{
    explorer::{
        Action, AttemptResult, Status,
        screens::errors::OUTPUT,
        view::{
            Canvas, Role, status,
            widgets::{
                LayerAxis, Plot, Scale, Stroke, axes, layer_place, put, row, symbols, width, wrap, write,
            },
        },
    },
    prune::Part,
    words::error,
};

/// Errors of one kind, indexed by layer.
struct Series {
    name: String,
    values: Vec<Option<f64>>,
    role: Role,
    ascii: char,
}

/// Draws the chart of output errors alone.
pub fn output(view: &mut Canvas<'_>, area: Rect) {
    if is_tracked(view) { accumulation(view, area) } else { draw(view, area) }
}

/// True if a run has measured output errors.
fn is_tracked(view: &Canvas<'_>) -> bool {
    let measured = |result: &AttemptResult| result.record.output_error.is_some();
    view.state.layers.iter().any(|layer| layer.attempts.iter().any(measured))
        || !view.state.previous_runs.is_empty()
}

pub fn draw(view: &mut Canvas<'_>, area: Rect) {
    let state = view.state;
    if state.layers.is_empty() {
        let inner = view.panel(&OUTPUT, area, "Output error", "");
        view.awaits(inner, "The errors appear once layers are pruned.");
        return;
    }
    let parts = [series_of(view, Part::Attention), series_of(view, Part::Mlp)];
    let tracked = is_tracked(view);
    let wide = area.width >= 140 && area.height >= 16;
    let tall = area.height >= 30;
    if !tracked {
        untracked(view, area, &parts);
    } else if wide {
        let [left, right] = Layout::horizontal([Constraint::Fill(3), Constraint::Fill(2)]).areas(area);
        accumulation(view, left);
        relative(view, right, &parts);
    } else if tall {
        let [above, below] = Layout::vertical([Constraint::Fill(3), Constraint::Fill(2)]).areas(area);
        accumulation(view, above);
        relative(view, below, &parts);
    } else {
        accumulation(view, area);
    }
}

/// Output errors of this run and of earlier runs.
fn accumulation(view: &mut Canvas<'_>, area: Rect) {
    let state = view.state;
    let inner = view.panel(&OUTPUT, area, "Output error", "E‖h − h_dense‖² / E‖h_dense‖²");
    let mut series: Vec<Series> = state
        .previous_runs
        .iter()
        .map(|previous_run| Series {
            name: format!("run {}", previous_run.run),
            values: previous_run.output_errors.clone(),
            role: Role::PreviousRun,
            ascii: '.',
        })
        .collect();
    series.push(Series { name: "now".into(), values: state.output_errors(), role: Role::Pruned, ascii: '*' });
    let line = reading(view);
    view.line(inner, 0, line);
    let below = Rect { y: inner.y + 1, height: inner.height.saturating_sub(1), ..inner };
    chart(view, below, &series);
}

/// All errors in one chart, for screens with another main content.
pub fn overview(view: &mut Canvas<'_>, area: Rect) {
    let state = view.state;
    let inner = view.plain_frame(area, "Errors", "output over E‖h_dense‖², parts over E‖y‖²");
    let output = state.output_errors();
    let mut series = vec![series_of(view, Part::Attention), series_of(view, Part::Mlp)];
    if output.iter().any(Option::is_some) {
        series.push(Series { name: "output".into(), values: output, role: Role::Pruned, ascii: '*' });
    }
    chart(view, inner, &series);
}

/// Relative error of each weight on its own inputs.
fn relative(view: &mut Canvas<'_>, area: Rect, parts: &[Series]) {
    let inner = view.plain_frame(area, "Relative error of the parts", "over E‖y‖²");
    let mut line = Vec::new();
    for series in parts {
        let value = series.values.get(view.state.layer).copied().flatten();
        line.push(view.span(format!("{} ", series.name), series.role));
        line.push(view.span(format!("{}   ", value.map_or("–".into(), error)), Role::Text));
    }
    view.line(inner, 0, line);
    let below = Rect { y: inner.y + 1, height: inner.height.saturating_sub(1), ..inner };
    chart(view, below, parts);
}

/// Draws the errors of the parts over the whole area; without tracking there is no output error.
fn untracked(view: &mut Canvas<'_>, area: Rect, parts: &[Series]) {
    let inner = view.panel(&OUTPUT, area, "Errors", "over E‖y‖²");
    let words = if view.state.is_replay() {
        "Output errors were not tracked.".into()
    } else {
        let key = view.key(Action::Settings);
        format!("Output errors were not tracked: turn on track errors in settings ({key}) and run again.")
    };
    let lines = wrap(&words, inner.width);
    let told = (lines.len() as u16).min(inner.height / 3);
    for (row, line) in (0..told).zip(lines) {
        let line = vec![view.span(words[line].to_string(), Role::Warning)];
        view.line(inner, row, line);
    }
    let mut line = vec![
        view.span("Relative errors of layer ", Role::Muted),
        view.span(format!("{}: ", view.state.layer), Role::Muted),
    ];
    for series in parts {
        let value = series.values.get(view.state.layer).copied().flatten();
        line.push(view.span(format!("{} ", series.name), series.role));
        line.push(view.span(format!("{}  ", value.map_or("–".into(), error)), Role::Text));
    }
    view.line(inner, told, line);
    let below = Rect { y: inner.y + told + 1, height: inner.height.saturating_sub(told + 1), ..inner };
    if parts.iter().all(|series| series.values.iter().all(Option::is_none)) {
        view.awaits(below, "No layer is pruned yet.");
    } else {
        chart(view, below, parts);
    }
}

fn series_of(view: &Canvas<'_>, part: Part) -> Series {
    let values =
        view.state.layers.iter().map(|layer| Some(layer.active()?.record(part).relative_error)).collect();
    let ascii = match part {
        Part::Attention => 'a',
        Part::Mlp => 'm',
    };
    Series { name: part.to_string(), values, role: status::part_role(part), ascii }
}

/// Draws lines over the layers on a log axis, the last one on top.
fn chart(view: &mut Canvas<'_>, area: Rect, series: &[Series]) {
    let state = view.state;
    let all = series.iter().flat_map(|series| series.values.iter().copied().flatten());
    let Some(scale) = Scale::log(all) else {
        view.awaits(area, "No error above 0 yet.");
        return;
    };
    let names = series.iter().map(|series| width(&series.name)).max().unwrap_or(0);
    let names = if area.width > 50 { names + 1 } else { 0 };
    let chart = Rect { width: area.width - names, ..area };
    let inner = axes(view.buffer, chart, &scale, view.theme);
    let axis = LayerAxis { layers: state.layers.len(), selected: Some(state.layer) };
    let mut plot = Plot::new(inner, view.theme.glyphs);
    plot.upright(layer_place(state.layer, axis.layers), Stroke::dotted(view.theme.style(Role::Faint), ':'));
    for series in series {
        let point = |(layer, value): (usize, &Option<f64>)| {
            let y = value.and_then(|value| scale.place(value)).unwrap_or(f64::NAN);
            (layer_place(layer, axis.layers), y)
        };
        let stroke = Stroke::solid(view.theme.style(series.role), series.ascii);
        plot.line(series.values.iter().take(axis.layers).enumerate().map(point), stroke);
    }
    plot.draw(view.buffer);
    points(view, inner, &scale, axis, series);
    labels(view, inner, &scale, axis, series, names);
    axis.draw(view.buffer, inner, view.theme);
    view.hits.add_curve(inner, axis.layers, 1.0);
}

/// Marks the layers on the lines of the current run, unless the marks would touch.
fn points(view: &mut Canvas<'_>, area: Rect, scale: &Scale, axis: LayerAxis, series: &[Series]) {
    for series in series.iter().filter(|series| series.role != Role::PreviousRun) {
        for (layer, value) in series.values.iter().enumerate().take(axis.layers) {
            let chosen = layer == view.state.layer;
            if usize::from(area.width) < axis.layers * 2 && !chosen {
                continue;
            }
            let Some(place) = value.and_then(|value| scale.place(value)) else { continue };
            let status = view.state.status(layer);
            let (sign, role) = match status {
                Status::Stale => (view.theme.glyphs.status(status), Role::Stale),
                Status::Waiting | Status::Calibrating | Status::Pruning | Status::Done | Status::Failed => {
                    (symbols(view.theme.glyphs).point, if chosen { Role::Active } else { series.role })
                }
            };
            let sign = if chosen { view.theme.glyphs.active() } else { sign };
            put(view.buffer, area, axis.column(area, layer), row(area, place), sign, view.theme.style(role));
        }
    }
}

/// Draws names after the last point of each line. Names that would touch are moved apart.
fn labels(
    view: &mut Canvas<'_>,
    area: Rect,
    scale: &Scale,
    axis: LayerAxis,
    series: &[Series],
    columns: u16,
) {
    if columns == 0 {
        return;
    }
    let place = Rect { width: area.width + columns, ..area };
    let mut taken = vec![false; usize::from(area.height)];
    for series in series.iter().rev() {
        let known = series.values.iter().enumerate().take(axis.layers).rev();
        let last = known.filter_map(|(layer, value)| Some((layer, scale.place((*value)?)?))).next();
        let Some((layer, last)) = last else { continue };
        let wanted = usize::from(row(area, last) - area.y);
        let near = (0..taken.len()).filter(|&y| !taken[y]).min_by_key(|y| y.abs_diff(wanted));
        if let Some(y) = near {
            taken[y] = true;
            let style = view.theme.style(series.role);
            let x = (axis.column(area, layer) + 2).min(place.right().saturating_sub(width(&series.name)));
            write(view.buffer, place, x, area.y + y as u16, &series.name, style);
        }
    }
}

/// Values at the selected layer.
fn reading<'t>(view: &Canvas<'_>) -> Vec<Span<'t>> {
    let state = view.state;
    let index = state.layer;
    let errors = state.output_errors();
    let at = |layer: usize| errors.get(layer).copied().flatten();
    let status = state.status(index);
    let mut line = vec![
        view.span(format!("layer {index} "), Role::Active),
        view.span(format!("{} ", view.theme.glyphs.status(status)), status::role(status)),
        view.span(at(index).map_or("–".into(), error), Role::Text),
    ];
    if let Some((now, before)) = at(index).zip(index.checked_sub(1).and_then(at))
        && before > 0.0
    {
        line.push(view.span(format!(", {:.2} times layer {}", now / before, index - 1), Role::Muted));
    }
    if let Some(result) = state.layers.get(index).and_then(|layer| layer.active()) {
        for part in [Part::Attention, Part::Mlp] {
            line.push(view.span(format!("   {part} "), status::part_role(part)));
            line.push(view.span(error(result.record(part).relative_error), Role::Text));
        }
    }
    line
}
