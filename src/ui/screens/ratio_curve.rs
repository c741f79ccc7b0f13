//! The ratio of every layer: the plan as a line or as bars, what is done as points, the mean, the layer under the cursor.

use ratatui::layout::Rect;

use super::{status, view::View};
use crate::{
    app::{Locked, Panel, Status},
    config,
    ui::{
        Role,
        widgets::{
            LayerAxis, Plot, Scale, Stroke, axes, column, layer_place, pillar, put, row, symbols, write,
        },
    },
};

/// How the plan is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Picture {
    /// To be seen.
    Line,
    /// To be edited.
    Bars,
}

/// The panel with the curve.
pub(super) fn draw(view: &mut View<'_>, area: Rect, picture: Picture) {
    let state = view.state;
    let schedule = &state.schedule;
    let note = if schedule.ratios.is_empty() {
        String::new()
    } else {
        format!("{} · mean {:.4}", schedule.name(), schedule.mean())
    };
    let inner = view.panel(Panel::RatioCurve, area, "Ratio", &note);
    if schedule.ratios.is_empty() {
        view.absent(inner, "The ratios appear once the model is open.");
        return;
    }
    let reached = state.layers.iter().filter_map(|layer| Some(layer.in_force()?.attempt.method.ratio));
    let highest = schedule.ratios.iter().copied().chain(reached).fold(target(view), f64::max);
    let scale = Scale::from_zero((highest * 1.1).clamp(0.1, 1.0));
    let plot = axes(view.buffer, inner, &scale, view.theme);
    let axis = LayerAxis { layers: schedule.ratios.len(), selected: Some(state.layer) };
    match picture {
        Picture::Line => line(view, plot, &scale, axis),
        Picture::Bars => bars(view, plot, &scale, axis),
    }
    points(view, plot, &scale, axis);
    axis.draw(view.buffer, plot, view.theme);
    view.hits.add_curve(plot, axis.layers, scale.high);
}

fn target(view: &View<'_>) -> f64 {
    match view.state.schedule.span {
        config::Span::Mean(mean) => mean,
        config::Span::Ends { .. } => 0.0,
    }
}

fn levels(view: &View<'_>, plot: &mut Plot, scale: &Scale) {
    let stroke = Stroke::dotted(view.theme.style(Role::Mean), '-');
    let mut level = |value: f64| {
        if let Some(place) = scale.place(value) {
            plot.level(place, stroke);
        }
    };
    level(view.state.schedule.mean());
    if let config::Span::Mean(mean) = view.state.schedule.span {
        level(mean);
    }
}

fn line(view: &mut View<'_>, area: Rect, scale: &Scale, axis: LayerAxis) {
    let state = view.state;
    let mut plot = Plot::new(area, view.theme.glyphs);
    plot.upright(layer_place(state.layer, axis.layers), Stroke::dotted(view.theme.style(Role::Faint), ':'));
    levels(view, &mut plot, scale);
    let place =
        |layer: usize, ratio: f64| (layer_place(layer, axis.layers), scale.place(ratio).unwrap_or(f64::NAN));
    let ratios = &state.schedule.ratios;
    let points = ratios.iter().enumerate().map(|(layer, &ratio)| place(layer, ratio));
    let stroke = Stroke::solid(view.theme.style(Role::Planned), '.');
    match ratios[..] {
        [one] => plot.level(scale.place(one).unwrap_or(f64::NAN), stroke),
        _ => plot.line(points, stroke),
    }
    plot.draw(view.buffer);
}

/// A bar a layer, or a column the highest of its layers where there are more of them than columns.
fn bars(view: &mut View<'_>, area: Rect, scale: &Scale, axis: LayerAxis) {
    let state = view.state;
    let ratios = &state.schedule.ratios;
    let wide = usize::from(area.width) / axis.layers;
    let gap = u16::from(wide >= 3);
    let edge = |at: usize| area.x + (at * usize::from(area.width) / axis.layers) as u16;
    let mut last = None;
    for layer in 0..axis.layers {
        let (x, end) = if wide >= 1 {
            (edge(layer), edge(layer + 1) - gap)
        } else {
            let x = axis.column(area, layer);
            (x, x + 1)
        };
        let chosen = layer == state.layer;
        let role = match state.schedule.locked(layer) {
            Locked::Yes => Role::Locked,
            Locked::No if chosen => Role::Active,
            Locked::No => Role::Planned,
        };
        // Of layers that share a column the highest is seen, and the chosen one wins.
        let share = scale.place(ratios[layer]).unwrap_or(0.0);
        if last.is_some_and(|(at, height, won)| at == x && (won || (!chosen && height > share))) {
            continue;
        }
        last = Some((x, share, chosen));
        let bar = Rect { x, width: end.saturating_sub(x).max(1), ..area };
        for y in area.top()..area.bottom() {
            put(view.buffer, bar, x, y, " ", view.theme.style(Role::Text));
        }
        pillar(view.buffer, bar, share, view.theme.style(role), view.theme.glyphs);
    }
    let mut plot = Plot::new(area, view.theme.glyphs);
    levels(view, &mut plot, scale);
    plot.draw_behind(view.buffer);
    let label = format!("{:.4}", ratios.get(state.layer).copied().unwrap_or(0.0));
    let top = row(area, scale.place(ratios.get(state.layer).copied().unwrap_or(0.0)).unwrap_or(0.0));
    let room = label.len() as u16;
    let x = axis.column(area, state.layer).saturating_sub(room / 2);
    let x = x.clamp(area.x, area.right().saturating_sub(room).max(area.x));
    let y = top.saturating_sub(2).max(area.y);
    write(view.buffer, area, x, y, &label, view.theme.style(Role::Active));
}

/// Layers that are done, at work, stale or failed, at the ratio they have; locked ones at the top.
fn points(view: &mut View<'_>, area: Rect, scale: &Scale, axis: LayerAxis) {
    let state = view.state;
    for (index, layer) in state.layers.iter().enumerate().take(axis.layers) {
        let status = state.status(index);
        let ratio = match status {
            Status::Waiting => None,
            Status::Calibrating | Status::Pruning => layer.work.as_ref().map(|work| work.method.ratio),
            Status::Done | Status::Stale => layer.in_force().map(|result| result.attempt.method.ratio),
            Status::Failed => state.schedule.ratios.get(index).copied(),
        };
        let x = column(area, layer_place(index, axis.layers));
        if let Some(place) = ratio.and_then(|ratio| scale.place(ratio)) {
            let style = view.theme.style(status::role(status));
            put(view.buffer, area, x, row(area, place), view.theme.glyphs.status(status), style);
        }
        if state.schedule.locked(index) == Locked::Yes {
            let style = view.theme.style(Role::Locked);
            put(view.buffer, area, x, area.y, view.theme.glyphs.locked(), style);
        }
        if index == state.layer {
            let below = Rect { y: area.bottom(), height: 1, ..area };
            let sign = symbols(view.theme.glyphs).planned;
            if status == Status::Waiting
                && let Some(place) = state.schedule.ratios.get(index).and_then(|&ratio| scale.place(ratio))
            {
                put(view.buffer, area, x, row(area, place), sign, view.theme.style(Role::Active));
            }
            put(view.buffer, below, x, below.y, " ", view.theme.style(Role::Text));
        }
    }
}
