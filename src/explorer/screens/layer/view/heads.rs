//! Scores of the attention units by number; removed ones are marked with their position in the order of removal.

use std::ops::Range;

use ratatui::layout::Rect;

use super::Shown;
use crate::{
    explorer::{
        PartStatistics, PartView,
        view::{
            Canvas, Division, Role, status,
            widgets::{LayerAxis, Scale, axes, fit, measurement, pillar, put, width, write},
        },
    },
    words::{measure, ordinal},
};

/// Minimum columns of a unit on its own line: number, score and part of a bar.
const LINE: u16 = 26;

pub fn draw(
    view: &mut Canvas<'_>,
    area: Rect,
    shown: &Shown<'_>,
    part: &PartView<'_>,
    seen: &PartStatistics,
    scale: &Scale,
) {
    let rows = usize::from(area.height).max(1);
    let side_by_side = part.units.div_ceil(rows).max(1) as u16;
    if area.width / side_by_side >= LINE {
        lines(view, area, shown, part, seen, scale, side_by_side);
    } else {
        pillars(view, area, shown, part, seen, scale);
    }
}

fn share(seen: &PartStatistics, unit: usize, scale: &Scale) -> f64 {
    let score = seen.scores.get(unit).map_or(f64::NAN, |&score| f64::from(score));
    // Keeps the smallest score visible.
    scale.place(score).map_or(0.0, |place| place.max(0.01))
}

/// One line per unit: `× 3  1.23e-2  ███████  2nd`.
fn lines(
    view: &mut Canvas<'_>,
    area: Rect,
    shown: &Shown<'_>,
    part: &PartView<'_>,
    seen: &PartStatistics,
    scale: &Scale,
    side_by_side: u16,
) {
    let places = shown.places();
    let one = area.width / side_by_side;
    let rows = part.units.div_ceil(usize::from(side_by_side)).max(1);
    let digits = width(&part.units.saturating_sub(1).to_string());
    for (unit, place) in places.iter().enumerate() {
        let x = area.x + (unit / rows) as u16 * one;
        let row = Rect { x, y: area.y + (unit % rows) as u16, width: one.saturating_sub(2), height: 1 };
        let row = row.intersection(area);
        let (mark, role) = match place {
            Some(_) => (view.theme.glyphs.removed(), Role::Removed),
            None => (" ", Role::Kept),
        };
        let opened = view.state.screens.layer.unit == Some((shown.part, unit));
        let style = view.theme.style(if opened { Role::Selected } else { role });
        let score = seen.scores.get(unit).map_or(f64::NAN, |&score| f64::from(score));
        let end = write(
            view.buffer,
            row,
            row.x,
            row.y,
            &format!("{mark} {unit:>digits$}  ", digits = usize::from(digits)),
            style,
        );
        let end = write(
            view.buffer,
            row,
            end,
            row.y,
            &format!("{:>8}  ", measure(score)),
            view.theme.style(Role::Text),
        );
        let tail = 5;
        let bar = Rect { x: end, width: row.right().saturating_sub(end + tail), ..row };
        measurement(view.buffer, bar, share(seen, unit, scale), style, view.theme.glyphs);
        if let Some(place) = place {
            let text = ordinal(*place as usize + 1);
            let x = row.right().saturating_sub(width(&text));
            write(view.buffer, row, x, row.y, &text, style);
        }
    }
    let listed = Rect { width: one * side_by_side, height: rows as u16, ..area };
    view.read((listed, Division::Bars(side_by_side.into()), Division::Bars(rows)), |view, column, row| {
        let unit = column * rows + row;
        reading(view, shown, seen, unit..unit + 1)
    });
    let below = Rect { y: area.y + rows as u16 + 1, ..area };
    if below.y < area.bottom() && !part.removed.is_empty() {
        let order: Vec<String> = part.removed.iter().map(ToString::to_string).collect();
        let text = format!("removed in this order: {}", order.join(", "));
        write(view.buffer, area, area.x, below.y, &fit(&text, area.width), view.theme.style(Role::Muted));
    }
}

/// One vertical bar per unit, with a mark below each removed one. If there is no room, one bar per group of
/// neighbours, as high as their highest score.
fn pillars(
    view: &mut Canvas<'_>,
    area: Rect,
    shown: &Shown<'_>,
    part: &PartView<'_>,
    seen: &PartStatistics,
    scale: &Scale,
) {
    let above = Rect { height: area.height.saturating_sub(1), ..area };
    let plot = axes(view.buffer, above, scale, view.theme);
    let marks = Rect { y: plot.bottom(), height: 1, ..plot };
    bars(view, plot, Some(marks), shown, seen, scale);
    LayerAxis { layers: part.units, selected: None }.draw(view.buffer, marks, view.theme);
}

fn bars(
    view: &mut Canvas<'_>,
    area: Rect,
    marks: Option<Rect>,
    shown: &Shown<'_>,
    seen: &PartStatistics,
    scale: &Scale,
) {
    let places = shown.places();
    let units = places.len().max(1);
    let columns = usize::from(area.width);
    let wide = columns / units;
    let edge = |unit: usize| area.x + (unit * columns / units) as u16;
    let gap = u16::from(wide >= 3);
    let group = |bar: usize| {
        if wide >= 1 {
            bar..bar + 1
        } else {
            bar * units / columns..((bar + 1) * units / columns).max(bar * units / columns + 1)
        }
    };
    for bar in 0..units.min(columns) {
        let group = group(bar);
        let (x, end) = if wide >= 1 {
            (edge(bar), edge(bar + 1) - gap)
        } else {
            (area.x + bar as u16, area.x + bar as u16 + 1)
        };
        let highest = group.clone().map(|unit| share(seen, unit, scale)).fold(0.0, f64::max);
        let gone = group.clone().filter(|&unit| places[unit].is_some()).count();
        let role = if gone * 2 >= group.len() { Role::Removed } else { Role::Kept };
        let place = Rect { x, width: end.saturating_sub(x).max(1), ..area };
        pillar(view.buffer, place, highest, view.theme.style(role), view.theme.glyphs);
        if let Some(marks) = marks.filter(|_| gone > 0) {
            let style = view.theme.style(Role::Removed);
            let order = group.clone().find_map(|unit| places[unit]).map_or(0, |place| place + 1).to_string();
            let middle = x + (place.width - 1) / 2;
            if place.width > width(&order) + 1 && group.len() == 1 {
                let text = format!("{}{order}", view.theme.glyphs.removed());
                write(view.buffer, marks, x + (place.width - width(&text)) / 2, marks.y, &text, style);
            } else {
                put(view.buffer, marks, middle, marks.y, view.theme.glyphs.removed(), style);
            }
        }
    }
    view.read((area, Division::Bars(units.min(columns)), Division::Whole), |view, bar, _| {
        reading(view, shown, seen, group(bar))
    });
}

/// The score of a unit and its place among the removed ones, or the highest score of a group of neighbours.
fn reading(
    view: &Canvas<'_>,
    shown: &Shown<'_>,
    seen: &PartStatistics,
    units: Range<usize>,
) -> Option<String> {
    let names = status::unit_names(view.state, shown.index, shown.part);
    let scores = seen.scores.get(units.clone())?.iter().map(|&score| f64::from(score));
    let highest = measure(scores.fold(f64::NAN, f64::max));
    let places = shown.places();
    if units.len() > 1 {
        let gone = places.get(units.clone())?.iter().flatten().count();
        let (first, last) = (units.start, units.end - 1);
        return Some(format!("{highest} {} {first}–{last}, {gone} of {} removed", names.1, units.len()));
    }
    let place = places.get(units.start)?.map(|place| format!(", removed {}", ordinal(place as usize + 1)));
    Some(format!("{highest} {} {}{}", names.0, units.start, place.unwrap_or_default()))
}

/// Scores as bars without axes.
pub fn strip(view: &mut Canvas<'_>, area: Rect, shown: &Shown<'_>, seen: &PartStatistics, scale: &Scale) {
    let units = seen.scores.len().max(1) as u16;
    let wide = (area.width / units.max(1)).clamp(1, 3);
    let area = Rect { width: area.width.min(wide.saturating_mul(units)), ..area };
    bars(view, area, None, shown, seen, scale);
}
