//! Predicted or measured KL divergence when a part of the layer is pruned, from a search for ratios.

use ratatui::layout::Rect;

use crate::{
    explorer::view::{
        Canvas, Division, Role, status,
        widgets::{Plot, Scale, Stroke, axes, column, put, row, scale_below, symbols},
    },
    protocol::SensitivityCurve,
    prune::Part,
    words::signed,
};

/// Draws both parts of the selected layer.
pub fn draw(view: &mut Canvas<'_>, area: Rect) {
    let inner = view.plain_frame(area, "KL versus ratio", "nats per token");
    let (search, layer) = (&view.state.search, view.state.layer);
    let edited = view.state.screens.schedule.edited;
    let unit = view.state.schedule.ratios.get(layer).and_then(|ratio| ratio.unit);
    let parts = [Part::Attention, Part::Mlp].into_iter();
    let parts = parts.filter(|part| edited.is_none_or(|edited| edited == *part));
    let curves: Vec<&SensitivityCurve> = parts.filter_map(|part| search.curve(layer, part, unit)).collect();
    if curves.is_empty() {
        view.awaits(inner, "This layer has not been measured yet.");
        return;
    }
    let rises = curves.iter().flat_map(|curve| &curve.points).map(|point| point.rise);
    let highest = rises.filter(|rise| rise.is_finite()).fold(0.0, f64::max);
    let scale = Scale::from_zero(if highest > 0.0 { highest } else { 1.0 });
    let words = Rect { height: inner.height.min(1), ..inner };
    let room = Rect { y: inner.y + words.height, height: inner.height - words.height, ..inner };
    let plot_area = axes(view.buffer, room, &scale, view.theme);
    let across = Scale::between(0.0, 1.0);
    let mut line = Vec::new();
    let signs = symbols(view.theme.glyphs);
    let mut marks = Vec::new();
    let mut read = Vec::new();
    for curve in curves {
        let role = status::part_role(curve.part);
        let share = |removed: usize| removed as f64 / curve.units.max(1) as f64;
        let points = curve.points.iter().map(|point| (share(point.removed), point.rise));
        let points: Vec<(f64, f64)> = [(0.0, 0.0)].into_iter().chain(points).collect();
        let placed = points.iter().map(|&(x, rise)| {
            (across.place(x).unwrap_or(0.0), scale.place(rise.max(0.0)).unwrap_or(f64::NAN))
        });
        let mut plot = Plot::new(plot_area, view.theme.glyphs);
        plot.line(placed, Stroke::solid(view.theme.style(role), '*'));
        plot.draw(view.buffer);
        let planned = status::planned_of(view.state, curve.layer, curve.part, curve.units);
        let cost = rise_at(&points, share(planned));
        if let Some(y) = cost.and_then(|cost| scale.place(cost.max(0.0))) {
            marks.push((across.place(share(planned)).unwrap_or(0.0), y, role));
        }
        let cost = cost.map_or("beyond".into(), |cost| signed(cost, 4));
        line.push(view.span(format!("{} ", curve.part), role));
        line.push(view.span(format!("{cost}  "), Role::Text));
        read.push((curve.part, points));
    }
    for (x, y, role) in marks {
        let style = view.theme.style(role);
        put(view.buffer, plot_area, column(plot_area, x), row(plot_area, y), signs.planned, style);
    }
    view.line(words, 0, line);
    scale_below(view.buffer, plot_area, &across, view.theme);
    view.read((plot_area, Division::Bars(plot_area.width.into()), Division::Whole), |_, x, _| {
        let at = (x as f64 + 0.5) / f64::from(plot_area.width);
        let costs =
            read.iter().filter_map(|(part, points)| Some(format!("{part} {:+.4}", rise_at(points, at)?)));
        let costs: Vec<String> = costs.collect();
        (!costs.is_empty()).then(|| format!("{} with {at:.3} removed", costs.join(", ")))
    });
}

/// The cost with this fraction of units removed, linearly interpolated; None beyond the last point.
fn rise_at(points: &[(f64, f64)], share: f64) -> Option<f64> {
    let next = points.partition_point(|point| point.0 < share);
    let &(x, rise) = points.get(next)?;
    let Some(&(before, lower)) = next.checked_sub(1).map(|at| &points[at]) else { return Some(rise) };
    Some(lower + (rise - lower) * (share - before) / (x - before).max(1e-12))
}
