//! The scores of the marked attempts: one line per unit, or one curve per attempt, with the removed units.

use ratatui::{layout::Rect, text::Span};

use super::{LayerPanel, Shown, Side, Width, explain, figures, legend, of_layer};
use crate::{
    explorer::{
        Figure, Panel,
        view::{
            Canvas, Division, Role, status,
            widgets::{Plot, Scale, Stroke, axes, measurement, put, symbols, width, write},
        },
    },
    prune::Part,
    words::{count, measure},
};

pub static SCORES: LayerPanel = LayerPanel {
    panel: Panel {
        title: "Scores side by side",
        explain: |_| explain::scores_side_by_side(),
        figure: |state| of_layer(state, |layer, part| Figure::Scores { layer, part }),
        draw: super::super::alone,
    },
    draw,
    brief,
    small: None,
    grows: false,
    width: Width::Share(3),
};

/// Minimum columns of an attempt in a line: mark with position, and score.
const CELL: u16 = 13;

/// The scores of an attempt, if they were kept.
fn scores<'a>(side: &Side<'a>, part: Part) -> Option<&'a [f32]> {
    side.result.seen(part).map(|seen| seen.scores.as_slice()).filter(|scores| !scores.is_empty())
}

fn draw(view: &mut Canvas<'_>, area: Rect, shown: &Shown<'_>) {
    let part = shown.part;
    let names = status::unit_names(view.state, shown.index, part).1;
    let sides = shown.sides();
    let units = sides.iter().map(|side| side.result.record(part).units).max().unwrap_or(0);
    let one = sides.iter().all(|side| side.result.record(part).units == units);
    let note = if scores_are_equal(&sides, part) { "equal scores" } else { "before pruning" };
    let inner = view.panel(&SCORES.panel, area, &format!("Scores of {names}"), note);
    if !one {
        let words = "The attempts have different kinds of units, so their scores cannot be compared.";
        return view.absent(inner, words);
    }
    let all = sides.iter().filter_map(|side| scores(side, part)).flatten().map(|&score| f64::from(score));
    // The ends are enough for the axis.
    let (low, high) = all
        .filter(|score| *score > 0.0 && score.is_finite())
        .fold((f64::INFINITY, 0.0_f64), |(low, high), score| (low.min(score), high.max(score)));
    let scale = Scale::of([low, high]);
    let digits = width(&units.saturating_sub(1).to_string());
    let lines = part == Part::Attention
        && units < usize::from(inner.height)
        && inner.width.saturating_sub(digits + 1) / sides.len().max(1) as u16 >= CELL;
    if lines {
        table(view, inner, (&sides, part), &scale, digits);
    } else {
        let line = legend_with_gaps(view, shown, part);
        view.line(inner, 0, line);
        let below = Rect { y: inner.y + 1, height: inner.height.saturating_sub(1), ..inner };
        curves(view, below, (&sides, part), &scale, units);
    }
}

/// The legend, with a note behind attempts without scores.
fn legend_with_gaps<'t>(view: &Canvas<'_>, shown: &Shown<'_>, part: Part) -> Vec<Span<'t>> {
    let mut line = legend(view, shown);
    let missing: Vec<String> = shown
        .sides()
        .iter()
        .filter(|side| scores(side, part).is_none())
        .map(|side| side.letter.to_string())
        .collect();
    if !missing.is_empty() {
        line.push(view.span(format!("{}: no scores", missing.join(", ")), Role::Warning));
    }
    line
}

fn scores_are_equal(sides: &[Side<'_>], part: Part) -> bool {
    let mut known = sides.iter().map(|side| scores(side, part));
    let Some(Some(first)) = known.next() else { return false };
    known.all(|scores| scores == Some(first))
}

/// One line per unit: `3  ×1 1.23e-2 ━━━   1.30e-2 ━━━`.
fn table(view: &mut Canvas<'_>, area: Rect, (sides, part): (&[Side<'_>], Part), scale: &Scale, digits: u16) {
    let cell = area.width.saturating_sub(digits + 1) / sides.len().max(1) as u16;
    for (at, side) in (0..).zip(sides) {
        let x = area.x + digits + 1 + at * cell;
        let removed = side.places(part);
        let known = scores(side, part);
        let missing = if known.is_none() { ", no scores" } else { "" };
        let head = format!("{} attempt {}{missing}", side.letter, side.result.attempt.number);
        let column = Rect { x, width: cell, ..area };
        write(view.buffer, column, x, area.y, &head, view.theme.style(side.role));
        for (row, place) in (area.y + 1..area.bottom()).zip(&removed) {
            let unit = usize::from(row - area.y - 1);
            let role = if place.is_some() { Role::Removed } else { Role::Kept };
            let style = view.theme.style(role);
            let mark = place.map_or(String::new(), |place| format!("{}{place}", view.theme.glyphs.removed()));
            let end = write(view.buffer, column, x, row, &format!("{mark:<4}"), style);
            let Some(&score) = known.and_then(|scores| scores.get(unit)) else { continue };
            let text = format!("{:>8}", measure(f64::from(score)));
            let end = write(view.buffer, column, end, row, &text, view.theme.style(Role::Text)) + 1;
            let bar = Rect { x: end, y: row, width: column.right().saturating_sub(end + 1), height: 1 };
            let share = scale.place(f64::from(score)).map_or(0.0, |place| place.max(0.01));
            measurement(view.buffer, bar, share, style, view.theme.glyphs);
        }
    }
    let units = sides.first().map_or(0, |side| side.result.record(part).units);
    for (row, unit) in (area.y + 1..area.bottom()).zip(0..units) {
        let text = format!("{unit:>digits$}", digits = usize::from(digits));
        write(view.buffer, area, area.x, row, &text, view.theme.style(Role::Muted));
    }
    let listed = Rect { y: area.y + 1, height: units as u16, ..area };
    view.read((listed, Division::Whole, Division::Bars(units)), |_, _, unit| {
        reading((sides, part), &[unit as u32], &format!("unit {unit}"))
    });
}

/// The mean score of some units in each attempt, and whether they are removed.
fn reading((sides, part): (&[Side<'_>], Part), units: &[u32], name: &str) -> Option<String> {
    let known = sides.iter().map(|side| {
        let scores = scores(side, part).map(|scores| {
            let of = |&unit: &u32| scores.get(unit as usize).copied().map_or(f64::NAN, f64::from);
            measure(units.iter().map(of).sum::<f64>() / units.len() as f64)
        });
        let places = side.places(part);
        let gone =
            units.iter().filter(|&&unit| places.get(unit as usize).is_some_and(Option::is_some)).count();
        let gone = match (gone, units.len()) {
            (0, _) => String::new(),
            (1, 1) => " removed".into(),
            (gone, all) => format!(" {gone} of {all} removed"),
        };
        format!("{} {}{gone}", side.letter, scores.unwrap_or("–".into()))
    });
    Some(format!("{}: {}", name, known.collect::<Vec<_>>().join(", ")))
}

/// One curve per attempt over the units in ascending order of the first known scores, and below one strip per attempt.
fn curves(
    view: &mut Canvas<'_>,
    area: Rect,
    (sides, part): (&[Side<'_>], Part),
    scale: &Scale,
    units: usize,
) {
    let strips = sides.len() as u16;
    let above = Rect { height: area.height.saturating_sub(strips), ..area };
    let order = order(sides, part, units);
    let known: Vec<(&Side<'_>, &[f32])> =
        sides.iter().filter_map(|side| Some((side, scores(side, part)?))).collect();
    let plot_area = if known.is_empty() || above.height < 3 {
        Rect { x: area.x + 2, width: area.width.saturating_sub(2), height: 0, ..area }
    } else {
        axes(view.buffer, above, scale, view.theme)
    };
    let mut plot = Plot::new(plot_area, view.theme.glyphs);
    let dots = plot.across().clamp(1, units.max(1));
    let group =
        |dot: usize, of: usize| &order[dot * units / of..((dot + 1) * units / of).max(dot * units / of + 1)];
    for (side, scores) in known.iter().rev().filter(|_| plot_area.height > 0) {
        let point = |dot: usize| {
            let group = group(dot, dots);
            let sum: f64 = group.iter().map(|&unit| f64::from(scores[unit as usize])).sum();
            let place = scale.place(sum / group.len() as f64);
            ((dot as f64 + 0.5) / dots as f64, place.unwrap_or(f64::NAN))
        };
        plot.line((0..dots).map(point), Stroke::solid(view.theme.style(side.role), side.letter));
    }
    plot.draw(view.buffer);
    let columns = usize::from(plot_area.width);
    let cells = columns.min(units).max(1);
    for (y, side) in (plot_area.bottom()..area.bottom()).zip(sides) {
        let style = view.theme.style(side.role);
        let x = plot_area.x.saturating_sub(2).max(area.x);
        write(view.buffer, area, x, y, &side.letter.to_string(), style);
        let removed = side.places(part);
        for cell in 0..cells {
            let group = group(cell, cells);
            let gone = group.iter().filter(|&&unit| removed[unit as usize].is_some()).count();
            let glyphs = view.theme.glyphs;
            let (sign, style) = match (gone * 2 > group.len(), gone) {
                (true, _) => (glyphs.removed(), style),
                (false, 0) => (symbols(glyphs).kept, view.theme.style(Role::Faint)),
                // A few removed among many kept.
                (false, _) => (glyphs.separator(), style),
            };
            let (from, to) =
                (cell * columns / cells, ((cell + 1) * columns / cells).max(cell * columns / cells + 1));
            for x in from..to {
                put(view.buffer, area, plot_area.x + x as u16, y, sign, style);
            }
        }
    }
    let read = Rect { height: area.bottom().saturating_sub(plot_area.y), ..plot_area };
    view.read((read, Division::Bars(cells), Division::Whole), |_, cell, _| {
        let first = cell * units / cells;
        let group = order.get(first..((cell + 1) * units / cells).max(first + 1))?;
        let name = match group {
            [one] => format!("unit {one}"),
            _ => format!("ranks {first}–{}", first + group.len() - 1),
        };
        reading((sides, part), group, &name)
    });
}

/// The units in ascending order of the first known scores; without scores, removed ones first.
fn order(sides: &[Side<'_>], part: Part, units: usize) -> Vec<u32> {
    let seen = sides.iter().find_map(|side| side.result.seen(part).filter(|seen| seen.order.len() == units));
    if let Some(seen) = seen {
        return seen.order.clone();
    }
    let Some(first) = sides.first() else { return Vec::new() };
    let removed = first.result.record(part).removed.iter();
    let kept = first.result.record(part).kept.iter();
    let mut order: Vec<u32> =
        removed.chain(kept).filter(|&&unit| unit < units).map(|&unit| unit as u32).collect();
    order.truncate(units);
    order
}

fn brief<'t>(view: &mut Canvas<'_>, _: Rect, shown: &Shown<'_>) -> Vec<Vec<Span<'t>>> {
    let names = status::unit_names(view.state, shown.index, shown.part).1;
    let kept = |side: &Side<'_>| {
        let record = side.result.record(shown.part);
        count(record.kept.len() as u64)
    };
    vec![vec![view.span(format!("kept {names}"), Role::Muted)], figures(view, shown, kept)]
}
