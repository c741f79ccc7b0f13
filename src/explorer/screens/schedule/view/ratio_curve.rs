//! The ratio of every layer: the plan as a line or bars, pruned layers as points, the mean, and the selected layer.

use std::ops::Range;

use ratatui::layout::Rect;

use crate::{
    config,
    explorer::{
        Locked, State, Status,
        screens::schedule::{RATIO, predict::prediction},
        view::{
            Canvas, Division, Role, status,
            widgets::{
                LayerAxis, Plot, Scale, Stroke, axes, crest, layer_place, put, row, symbols, width, write,
            },
        },
    },
    prune::{LayerRatio, Part},
    words::ratio,
};

use super::strip;

/// The form of the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Picture {
    /// A line, for reading.
    Line,
    /// Bars, for editing; steps if a layer has fewer than three cells.
    Bars,
}

/// Places along a level that are tried for its name.
const PLACES: u16 = 12;
/// Minimum cells of a layer for a bar with a gap beside it.
const FEWEST_CELLS: u16 = 3;

/// Draws the panel with the curve.
pub fn draw(view: &mut Canvas<'_>, area: Rect, picture: Picture) {
    let state = view.state;
    let schedule = &state.schedule;
    let note = if schedule.ratios.is_empty() {
        String::new()
    } else {
        format!("{} · mean {:.4}", schedule.name(), schedule.mean())
    };
    let inner = view.panel(&RATIO, area, "Ratio", &note);
    if schedule.ratios.is_empty() {
        view.awaits(inner, "The ratios appear once the model is open.");
        return;
    }
    let reached = state.layers.iter().filter_map(|layer| Some(layer.active()?.attempt.method.ratio));
    let ratios = schedule.ratios.iter().copied().chain(reached);
    let highest = ratios.map(LayerRatio::highest).fold(target(view), f64::max);
    let scale = Scale::from_zero((highest * 1.1).clamp(0.1, 1.0));
    let prediction = match picture {
        Picture::Bars => prediction(state),
        Picture::Line => None,
    };
    let below = if prediction.is_some() { strip::rows(inner.height) } else { 0 };
    let chart = Rect { height: inner.height - below, ..inner };
    let plot = axes(view.buffer, chart, &scale, view.theme);
    let axis = LayerAxis { layers: schedule.ratios.len(), selected: Some(state.layer) };
    let cells = plot.width / u16::try_from(axis.layers).unwrap_or(u16::MAX).max(1);
    let with_bars = picture == Picture::Bars && cells >= FEWEST_CELLS;
    // Bars have whole cells, so all are equally wide; the rest of the width is free.
    let plot = if with_bars { Rect { width: cells * axis.layers as u16, ..plot } } else { plot };
    match picture {
        Picture::Line => line(view, plot, &scale, axis),
        Picture::Bars if with_bars => bars(view, plot, &scale, axis),
        Picture::Bars => steps(view, plot, &scale, axis),
    }
    axis.draw(view.buffer, plot, view.theme);
    if let Some(prediction) = prediction.filter(|_| below > 0) {
        let place = Rect { y: chart.bottom(), height: below, ..inner };
        strip::draw(view, place, plot, &prediction, |layer| columns_of(plot, axis, layer));
    }
    view.hits.add_curve(plot, axis.layers, scale.high);
    view.read((plot, Division::Points(axis.layers), Division::Whole), |view, layer, _| {
        let planned = ratio(*view.state.schedule.ratios.get(layer)?);
        let done = view.state.layers.get(layer).and_then(|layer| layer.active());
        let done = done.map(|result| format!(", pruned at {}", ratio(result.attempt.method.ratio)));
        Some(format!("layer {layer}: {planned}{}", done.unwrap_or_default()))
    });
}

fn target(view: &Canvas<'_>) -> f64 {
    match view.state.schedule.span {
        config::Span::Mean(mean) => mean,
        config::Span::Ends { .. } => 0.0,
    }
}

/// Draws the mean, and the target if it differs, as dotted lines behind everything else. They have names if
/// there is room.
fn levels(view: &mut Canvas<'_>, area: Rect, scale: &Scale) {
    let schedule = &view.state.schedule;
    let mut levels = vec![("mean", schedule.mean())];
    if let config::Span::Mean(target) = schedule.span
        && (target - schedule.mean()).abs() > 5e-4
    {
        levels.push(("target", target));
    }
    let style = view.theme.style(Role::Mean);
    let mut plot = Plot::new(area, view.theme.glyphs);
    for (_, value) in &levels {
        if let Some(place) = scale.place(*value) {
            plot.level(place, Stroke::dotted(style, '-'));
        }
    }
    plot.draw_behind(view.buffer);
    // The name of the higher level is above it, that of the lower one below it, so the names do not touch.
    levels.sort_by(|a, b| b.1.total_cmp(&a.1));
    for (at, (name, value)) in levels.into_iter().enumerate() {
        let Some(place) = scale.place(value) else { continue };
        let line = row(area, place);
        let y = if at == 0 { line.saturating_sub(1) } else { line + 1 };
        let wide = width(name);
        let last = area.right().saturating_sub(wide + 1).max(area.x + 1);
        // The ends first, then places between them.
        let between = (1..PLACES).map(|at| area.x + 1 + (last - area.x - 1) * at / PLACES);
        let places = [area.x + 1, last].into_iter().chain(between);
        let free = |x: &u16| {
            (*x..x + wide).all(|x| view.buffer.cell((x, y)).is_some_and(|cell| cell.symbol() == " "))
        };
        if y >= area.y
            && y < area.bottom()
            && let Some(x) = places.into_iter().find(free)
        {
            write(view.buffer, area, x, y, name, style);
        }
    }
}

fn line(view: &mut Canvas<'_>, area: Rect, scale: &Scale, axis: LayerAxis) {
    let state = view.state;
    let mut plot = Plot::new(area, view.theme.glyphs);
    plot.upright(layer_place(state.layer, axis.layers), Stroke::dotted(view.theme.style(Role::Faint), ':'));
    let place =
        |layer: usize, ratio: f64| (layer_place(layer, axis.layers), scale.place(ratio).unwrap_or(f64::NAN));
    let ratios = &state.schedule.ratios;
    for (part, role) in lines(state) {
        let line = ratios.iter().enumerate().map(|(layer, ratio)| place(layer, ratio.of(part)));
        let stroke = Stroke::solid(view.theme.style(role), '.');
        match ratios[..] {
            [one] => plot.level(scale.place(one.of(part)).unwrap_or(f64::NAN), stroke),
            _ => plot.line(line, stroke),
        }
    }
    plot.draw(view.buffer);
    levels(view, area, scale);
    points(view, area, scale, axis, Picture::Line);
}

/// One line for both parts, or one line for each part if they differ in any layer.
fn lines(state: &State) -> Vec<(Part, Role)> {
    if state.schedule.is_apart() {
        [Part::Attention, Part::Mlp].map(|part| (part, status::part_role(part))).to_vec()
    } else {
        vec![(Part::Mlp, Role::Planned)]
    }
}

/// One bar per layer, or one for each part if they differ in any layer.
fn bars(view: &mut Canvas<'_>, area: Rect, scale: &Scale, axis: LayerAxis) {
    let state = view.state;
    let apart = state.schedule.is_apart();
    for (layer, ratio) in state.schedule.ratios.iter().enumerate() {
        let standing = state.status(layer);
        for (part, _) in lines(state) {
            let share = scale.place(ratio.of(part)).unwrap_or(0.0);
            let edited = layer == state.layer
                && state.screens.schedule.edited.is_none_or(|edited| !apart || edited == part);
            let body = if layer == state.layer { Role::Planned } else { Role::Faint };
            let top = match (state.schedule.locked(layer), standing) {
                _ if edited => Role::Active,
                _ if apart => status::part_role(part),
                (Locked::Yes, _) => Role::Locked,
                (Locked::No, Status::Waiting) => Role::Planned,
                (Locked::No, standing) => status::role(standing),
            };
            let (top, body) = (view.theme.style(top), view.theme.style(body));
            let bar = bar(state, area, axis, layer, part);
            let column = Rect { x: bar.start, width: bar.end - bar.start, ..area };
            crest(view.buffer, column, share, top, body, view.theme.glyphs);
        }
    }
    levels(view, area, scale);
    points(view, area, scale, axis, Picture::Bars);
    cursor(view, area, scale, axis);
}

/// Columns of a layer: those of its bar, or its share of the width.
fn columns_of(area: Rect, axis: LayerAxis, layer: usize) -> Range<u16> {
    let cells = area.width / (axis.layers as u16).max(1);
    if cells >= FEWEST_CELLS {
        return whole_bar(area, axis, layer);
    }
    let edge = |at: usize| area.x + (at * usize::from(area.width) / axis.layers.max(1)) as u16;
    edge(layer)..edge(layer + 1).max(edge(layer) + 1)
}

fn odd(cells: u16) -> u16 {
    if cells.is_multiple_of(2) { cells.saturating_sub(1).max(1) } else { cells }
}

/// Columns of a bar for both parts.
fn whole_bar(area: Rect, axis: LayerAxis, layer: usize) -> Range<u16> {
    let cells = area.width / (axis.layers as u16).max(1);
    let (middle, half) = (axis.column(area, layer), odd(cells.saturating_sub(1)) / 2);
    middle - half..middle + half + 1
}

/// Columns of the bar of a layer: an odd number around the middle of the layer, with a gap to the next bar. If the parts have
/// separate bars, attention is on the left.
fn bar(state: &State, area: Rect, axis: LayerAxis, layer: usize, part: Part) -> Range<u16> {
    if !state.schedule.is_apart() {
        return whole_bar(area, axis, layer);
    }
    let cells = area.width / (axis.layers as u16).max(1);
    let (middle, wide) = (axis.column(area, layer), odd(cells.saturating_sub(1) / 2));
    match part {
        Part::Attention => middle - wide..middle,
        Part::Mlp => middle..middle + wide,
    }
}

/// One step per layer, for more layers than bars would have room. The selected layer has its own colour.
fn steps(view: &mut Canvas<'_>, area: Rect, scale: &Scale, axis: LayerAxis) {
    let state = view.state;
    let mut plot = Plot::new(area, view.theme.glyphs);
    plot.upright(layer_place(state.layer, axis.layers), Stroke::dotted(view.theme.style(Role::Faint), ':'));
    let edge = |layer: usize| layer as f64 / axis.layers as f64;
    for (part, role) in lines(state) {
        let step = |(layer, ratio): (usize, &LayerRatio)| {
            let height = scale.place(ratio.of(part)).unwrap_or(f64::NAN);
            [(edge(layer), height), (edge(layer + 1), height)]
        };
        let ratios = &state.schedule.ratios;
        let stroke = Stroke::solid(view.theme.style(role), '.');
        plot.line(ratios.iter().enumerate().flat_map(step), stroke);
        let edited =
            state.screens.schedule.edited.is_none_or(|edited| edited == part || !state.schedule.is_apart());
        if let Some(ratio) = ratios.get(state.layer).filter(|_| edited) {
            let stroke = Stroke::solid(view.theme.style(Role::Active), '#');
            plot.line(step((state.layer, ratio)), stroke);
        }
    }
    plot.draw(view.buffer);
    levels(view, area, scale);
    points(view, area, scale, axis, Picture::Bars);
    cursor(view, area, scale, axis);
}

/// Writes the ratio of the selected layer above its bar.
fn cursor(view: &mut Canvas<'_>, area: Rect, scale: &Scale, axis: LayerAxis) {
    let Some(&value) = view.state.schedule.ratios.get(view.state.layer) else { return };
    let label = ratio(value);
    let wide = width(&label);
    let x = axis.column(area, view.state.layer).saturating_sub(wide / 2);
    let x = x.clamp(area.x, area.right().saturating_sub(wide).max(area.x));
    let y = row(area, scale.place(value.highest()).unwrap_or(0.0)).saturating_sub(2).max(area.y);
    write(view.buffer, area, x, y, &label, view.theme.style(Role::Active));
}

/// Draws pruned, current, stale and failed layers at their actual ratio, and a lock above locked ones. Points
/// that would touch are drawn small. Bars have no points if the colour of their top gives the same
/// information.
fn points(view: &mut Canvas<'_>, area: Rect, scale: &Scale, axis: LayerAxis, picture: Picture) {
    let crowded = axis.layers * 2 > usize::from(area.width);
    let state = view.state;
    let glyphs = view.theme.glyphs;
    for (index, layer) in state.layers.iter().enumerate().take(axis.layers) {
        let status = state.status(index);
        let planned = state.schedule.ratios.get(index).copied().unwrap_or_default();
        let (sign, value) = match status {
            Status::Waiting if index == state.layer => (symbols(glyphs).planned, Some(planned)),
            Status::Waiting => ("", None),
            Status::Calibrating | Status::Pruning => {
                (glyphs.status(status), layer.work.as_ref().map(|work| work.method.ratio))
            }
            Status::Done | Status::Stale => {
                let small = crowded && status == Status::Done;
                let sign = if small { symbols(glyphs).point } else { glyphs.status(status) };
                (sign, layer.active().map(|result| result.attempt.method.ratio))
            }
            Status::Failed => (glyphs.status(status), Some(planned)),
        };
        let value = value.filter(|value| {
            let off = (value.attention - planned.attention).abs().max((value.mlp - planned.mlp).abs());
            picture == Picture::Line || !crowded || off > 5e-4 || index == state.layer
        });
        for (part, _) in lines(state) {
            let bars = picture == Picture::Bars
                && usize::from(area.width) >= axis.layers * usize::from(FEWEST_CELLS);
            let x = if bars {
                let bar = bar(state, area, axis, index, part);
                bar.start + (bar.end - bar.start) / 2
            } else {
                axis.column(area, index)
            };
            let Some(place) = value.and_then(|value| scale.place(value.of(part))) else { continue };
            let role = if sign == symbols(glyphs).planned { Role::Active } else { status::role(status) };
            let y = row(area, place);
            if bars {
                point_on_bar(view, area, x, y, sign, role);
            } else {
                put(view.buffer, area, x, y, sign, view.theme.style(role));
            }
        }
        if state.schedule.locked(index) == Locked::Yes
            && let Some(place) = scale.place(planned.highest())
        {
            let x = axis.column(area, index);
            let up = if value.is_some() { 2 } else { 1 };
            let y = row(area, place).saturating_sub(up).max(area.y);
            put(view.buffer, area, x, y, glyphs.locked(), view.theme.style(Role::Locked));
        }
    }
}

/// Draws a sign on a bar with the bar's colour as background; at the top of the bar, one row higher.
fn point_on_bar(view: &mut Canvas<'_>, area: Rect, x: u16, y: u16, sign: &str, role: Role) {
    let style = view.theme.style(role);
    let full = view.theme.glyphs.column(8);
    let Some(cell) = view.buffer.cell((x, y)) else { return };
    let is_part_of_bar = (1..8).any(|eighths| view.theme.glyphs.column(eighths) == cell.symbol());
    if cell.symbol() == full && y > area.y {
        let above = view.buffer.cell((x, y - 1)).is_some_and(|above| above.symbol() != full);
        let colour = cell.fg;
        if above {
            put(view.buffer, area, x, y - 1, sign, style);
        } else {
            put(view.buffer, area, x, y, sign, view.theme.style(Role::Text).bg(colour));
        }
    } else if is_part_of_bar {
        put(view.buffer, area, x, y.saturating_sub(1).max(area.y), sign, style);
    } else {
        put(view.buffer, area, x, y, sign, style);
    }
}
