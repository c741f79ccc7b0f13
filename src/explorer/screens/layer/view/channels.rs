//! Scores of the channels in ascending order, with the cut, removed and kept channels distinguished.

use ratatui::layout::Rect;

use super::Shown;
use crate::{
    explorer::{
        PartStatistics, PartView,
        view::{
            Canvas, Division, Role,
            widgets::{Scale, axes, crest, pillar, put, symbols, width, write},
        },
    },
    words::{count, measure, ordinal},
};

/// A column of the chart: units with neighbouring scores.
struct Neighbours {
    /// Mean score.
    mean: f64,
    gone: usize,
    of: usize,
}

impl Neighbours {
    fn mostly_gone(&self) -> bool {
        self.gone * 2 > self.of
    }
}

fn neighbours(seen: &PartStatistics, gone: &[Option<u32>], columns: usize) -> Vec<Neighbours> {
    let units = seen.order.len();
    let columns = columns.min(units);
    let group = |column: usize| {
        let group = &seen.order[column * units / columns..(column + 1) * units / columns];
        let sum: f64 = group.iter().map(|&unit| f64::from(seen.scores[unit as usize])).sum();
        let gone = group.iter().filter(|&&unit| gone.get(unit as usize).is_some_and(Option::is_some)).count();
        Neighbours { mean: sum / group.len().max(1) as f64, gone, of: group.len() }
    };
    (0..columns).map(group).collect()
}

pub fn draw(
    view: &mut Canvas<'_>,
    area: Rect,
    shown: &Shown<'_>,
    part: &PartView<'_>,
    seen: &PartStatistics,
    scale: &Scale,
) {
    let above = Rect { height: area.height.saturating_sub(1), ..area };
    let plot = axes(view.buffer, above, scale, view.theme);
    let groups = neighbours(seen, &shown.places(), usize::from(plot.width));
    let strip = Rect { y: plot.bottom(), height: 1, ..plot };
    let glyphs = view.theme.glyphs;
    let cut_at = cut_column(plot, part);
    for (at, group) in groups.iter().enumerate() {
        let (x, end) = columns(plot, at, groups.len());
        let gone = group.mostly_gone();
        let style = view.theme.style(if gone { Role::Removed } else { Role::Kept });
        let share = scale.place(group.mean).map_or(0.0, |place| place.max(0.01));
        // The cut has its own column.
        for x in (x..end).filter(|x| Some(*x) != cut_at) {
            let bar = Rect { x, width: 1, ..plot };
            crest(view.buffer, bar, share, style, view.theme.style(Role::Faint), glyphs);
        }
        let sign = match (gone, group.gone) {
            (true, _) => glyphs.removed(),
            (false, 0) => symbols(glyphs).kept,
            // A few removed among many kept.
            (false, _) => glyphs.separator(),
        };
        for x in x..end {
            put(view.buffer, strip, x, strip.y, sign, style);
        }
    }
    cut(view, plot, part, area);
    opened(view, (plot, strip), shown, seen, groups.len());
    read(view, Rect { height: plot.height + 1, ..plot }, shown, seen, &groups);
}

/// The score of a channel and its place among the removed ones, or the mean score of neighbours in the order.
fn read(view: &mut Canvas<'_>, area: Rect, shown: &Shown<'_>, seen: &PartStatistics, groups: &[Neighbours]) {
    view.read((area, Division::Bars(groups.len()), Division::Whole), |_, at, _| {
        let group = groups.get(at)?;
        let mean = measure(group.mean);
        let first = at * seen.order.len() / groups.len();
        if group.of > 1 {
            let (gone, of, last) = (count(group.gone as u64), count(group.of as u64), first + group.of - 1);
            let ranks = format!("{}–{}", count(first as u64), count(last as u64));
            return Some(format!("{mean} mean of ranks {ranks}, {gone} of {of} removed"));
        }
        let channel = *seen.order.get(first)?;
        let place = shown.places().get(channel as usize).copied().flatten();
        let place = place.map(|place| format!(", removed {}", ordinal(place as usize + 1)));
        Some(format!("{mean} channel {channel}{}", place.unwrap_or_default()))
    });
}

/// Marks the channel that was opened from the map.
fn opened(
    view: &mut Canvas<'_>,
    (plot, strip): (Rect, Rect),
    shown: &Shown<'_>,
    seen: &PartStatistics,
    groups: usize,
) {
    let unit = view.state.screens.layer.unit.filter(|(part, _)| *part == shown.part).map(|(_, unit)| unit);
    let rank = unit.and_then(|unit| seen.order.iter().position(|&of| of as usize == unit));
    let (Some(unit), Some(rank)) = (unit, rank) else { return };
    let (x, _) = columns(plot, rank * groups / seen.order.len().max(1), groups);
    let style = view.theme.style(Role::Active);
    put(view.buffer, strip, x, strip.y, view.theme.glyphs.more().0, style);
    let text = format!("channel {unit}");
    let left = x.min(plot.right().saturating_sub(width(&text)));
    write(view.buffer, plot, left, plot.y, &text, style);
}

/// First column of a group, and the column after the group.
fn columns(area: Rect, at: usize, groups: usize) -> (u16, u16) {
    let edge = |at: usize| area.x + (at * usize::from(area.width) / groups.max(1)) as u16;
    (edge(at), edge(at + 1).max(edge(at) + 1))
}

/// The column of the cut: the units to remove are on its left.
fn cut_column(plot: Rect, part: &PartView<'_>) -> Option<u16> {
    let across = part.goal * usize::from(plot.width) / part.units.max(1);
    (part.goal > 0).then(|| plot.x + across as u16)
}

/// Draws the cut with its number of units.
fn cut(view: &mut Canvas<'_>, plot: Rect, part: &PartView<'_>, area: Rect) {
    let muted = view.theme.style(Role::Muted);
    let labels = Rect { y: area.bottom().saturating_sub(1), height: 1, ..area };
    let all = count(part.units as u64);
    let end = plot.right().saturating_sub(width(&all));
    // Labels that would touch are left out.
    let cut = cut_column(plot, part).map(|x| {
        let text = format!("cut at {}", count(part.goal as u64));
        let last = end.saturating_sub(width(&text) + 1).max(plot.x);
        (x.saturating_sub(width(&text) / 2).clamp((plot.x + 2).min(last), last), text)
    });
    let touches =
        |from: u16, to: u16| cut.as_ref().is_some_and(|(at, text)| from <= at + width(text) && to + 1 > *at);
    for (x, text) in [(end, all.as_str()), (plot.x, "0")] {
        if !touches(x, x + width(text)) {
            write(view.buffer, labels, x, labels.y, text, muted);
        }
    }
    let Some(x) = cut_column(plot, part) else { return };
    let style = view.theme.style(Role::Cut);
    let sign = view.theme.glyphs.cut();
    for y in plot.top()..=plot.bottom() {
        put(view.buffer, Rect { height: plot.height + 1, ..plot }, x, y, sign, style);
    }
    if let Some((at, text)) = &cut {
        write(view.buffer, labels, *at, labels.y, text, style);
    }
    if part.live && part.removed.len() < part.goal {
        let text = format!("{} of {} removed", count(part.removed.len() as u64), count(part.goal as u64));
        write(view.buffer, plot, plot.x + 1, plot.y, &text, view.theme.style(Role::Live));
    }
}

/// Scores as bars without axes.
pub fn strip(view: &mut Canvas<'_>, area: Rect, shown: &Shown<'_>, seen: &PartStatistics, scale: &Scale) {
    let groups = neighbours(seen, &shown.places(), usize::from(area.width));
    for (at, group) in groups.iter().enumerate() {
        let (x, end) = columns(area, at, groups.len());
        let role = if group.mostly_gone() { Role::Removed } else { Role::Kept };
        let share = scale.place(group.mean).map_or(0.0, |place| place.max(0.01));
        let bar = Rect { x, width: end - x, ..area };
        pillar(view.buffer, bar, share, view.theme.style(role), view.theme.glyphs);
    }
    read(view, area, shown, seen, &groups);
}
