//! The error of every ratio: what the cut costs, and what the next step would.

use ratatui::{layout::Rect, text::Span};

use super::{super::status, Shown, words_and_picture};
use crate::{
    explorer::view::{
        Role,
        screens::view::View,
        widgets::{Plot, Scale, Stroke, axes, column, put, row, scale_below, symbols},
    },
    explorer::{Action, Curve, Panel, State},
    protocol::CurvePoint,
    prune::Part,
    words::error,
};

pub(super) fn draw(view: &mut View<'_>, area: Rect, shown: &Shown<'_>) {
    let Some(curve) = shown.layer.curve(shown.part).filter(|curve| !curve.points.is_empty()) else {
        let inner = view.panel(Panel::ErrorCurve, area, "Error versus ratio", "");
        view.absent(inner, &hint(view));
        return;
    };
    let inner = view.panel(Panel::ErrorCurve, area, "Error versus ratio", "over E‖y‖²");
    let lines = words(view, shown, curve, inner.width);
    let above = (lines.len() as u16).min(inner.height / 3);
    for (at, line) in lines.into_iter().take(usize::from(above)).enumerate() {
        view.line(inner, at as u16, line);
    }
    let room = Rect { y: inner.y + above, height: inner.height - above, ..inner };
    picture(
        view,
        room,
        shown.part,
        curve,
        cut(shown),
        status::planned(view.state, shown.index, shown.part).1,
    );
}

/// The curve alone, with the chosen and the planned count of removed units on it.
pub(in crate::explorer::view::screens) fn picture(
    view: &mut View<'_>,
    area: Rect,
    part: Part,
    curve: &Curve,
    cut: Option<usize>,
    planned: usize,
) {
    let Some(scale) = Scale::log([0.0].into_iter().chain(ends(&curve.points))) else {
        view.absent(area, "All errors are 0.");
        return;
    };
    let units = curve.units.max(1) as f64;
    let last = curve.points.last().map_or(1.0, |point| point.removed as f64 / units);
    let across = Scale::between(0.0, last.max(0.01));
    let area = axes(view.buffer, area, &scale, view.theme);
    let mut plot = Plot::new(area, view.theme.glyphs);
    let place = |removed: f64| across.place(removed / units).unwrap_or(0.0);
    for (count, role) in [(Some(planned), Role::Planned), (cut, Role::Cut)] {
        if let Some(count) = count {
            plot.upright(place(count as f64), Stroke::dotted(view.theme.style(role), ':'));
        }
    }
    // A point a column of dots is all that can be seen, however many there are.
    let dots = plot.across().max(2);
    let point = |dot: usize| {
        let share = dot as f64 / (dots - 1) as f64;
        let removed = share * across.high * units;
        let value = error_at(&curve.points, removed);
        // Below the first step there is nothing that a log axis could show.
        let value = value.filter(|value| *value >= scale.low);
        (share, value.and_then(|value| scale.place(value)).unwrap_or(f64::NAN))
    };
    plot.line((0..dots).map(point), Stroke::solid(view.theme.style(status::part_role(part)), '*'));
    plot.draw(view.buffer);
    let signs = symbols(view.theme.glyphs);
    for (count, sign, role) in
        [(Some(planned), signs.planned, Role::Planned), (cut, view.theme.glyphs.active(), Role::Cut)]
    {
        let at = count.and_then(|count| Some((place(count as f64), error_at(&curve.points, count as f64)?)));
        if let Some((x, y)) = at.and_then(|(x, value)| Some((x, scale.place(value)?))) {
            put(view.buffer, area, column(area, x), row(area, y), sign, view.theme.style(role));
        }
    }
    scale_below(view.buffer, area, &across, view.theme);
}

/// The curve ascends: its ends tell its range.
fn ends(points: &[CurvePoint]) -> impl Iterator<Item = f64> + '_ {
    let first = points.iter().map(|point| point.relative_error).find(|error| *error > 0.0);
    let last = points.iter().rev().map(|point| point.relative_error).find(|error| error.is_finite());
    first.into_iter().chain(last)
}

/// The error where so many units have left, straight between the points; None outside.
pub(in crate::explorer::view::screens) fn error_at(points: &[CurvePoint], removed: f64) -> Option<f64> {
    let next = points.partition_point(|point| (point.removed as f64) < removed);
    let after = points.get(next)?;
    let Some(before) = next.checked_sub(1).map(|at| &points[at]) else {
        return (after.removed as f64 - removed < 0.5).then_some(after.relative_error);
    };
    let run = after.removed as f64 - before.removed as f64;
    let along = (removed - before.removed as f64) / run.max(1e-12);
    Some(before.relative_error + (after.relative_error - before.relative_error) * along)
}

/// Units that have left in the attempt that is shown.
fn cut(shown: &Shown<'_>) -> Option<usize> {
    let part = shown.view?;
    Some(if part.live { part.removed.len() } else { part.goal })
}

fn words<'t>(view: &View<'_>, shown: &Shown<'_>, curve: &Curve, columns: u16) -> Vec<Vec<Span<'t>>> {
    let planned = status::planned(view.state, shown.index, shown.part).1;
    let mut lines = Vec::new();
    if let Some(cut) = cut(shown) {
        lines.push(reading(
            view,
            shown.part,
            curve,
            cut,
            (view.theme.glyphs.active(), Role::Cut, "removed"),
            columns,
        ));
    }
    if cut(shown) != Some(planned) {
        let sign = symbols(view.theme.glyphs).planned;
        lines.push(reading(view, shown.part, curve, planned, (sign, Role::Planned, "planned"), columns));
    }
    lines
}

/// `● 0.2031 removed: 1.23e-2, next 1 % costs 4.56e-4`.
fn reading<'t>(
    view: &View<'_>,
    part: Part,
    curve: &Curve,
    removed: usize,
    (sign, role, word): (&'static str, Role, &'static str),
    columns: u16,
) -> Vec<Span<'t>> {
    let mut line = vec![
        view.span(format!("{sign} {:.3} ", removed as f64 / curve.units.max(1) as f64), role),
        view.span(format!("{word}: "), Role::Muted),
    ];
    let Some(value) = error_at(&curve.points, removed as f64) else {
        line.push(view.span("beyond the curve", Role::Muted));
        return line;
    };
    line.push(view.span(error(value), Role::Text));
    if let Some((name, next)) = next_step(view.state, part, curve, removed) {
        let costs = if columns < 60 { "" } else { "costs " };
        line.push(view.span(format!(", next {name} {costs}"), Role::Muted));
        line.push(view.span(error(next), Role::Text));
    }
    line
}

/// One per cent of the units, or one unit where there are few, and what it would add.
pub(in crate::explorer::view::screens) fn next_step(
    state: &State,
    part: Part,
    curve: &Curve,
    removed: usize,
) -> Option<(&'static str, f64)> {
    let (step, name) = if curve.units >= 100 {
        (curve.units as f64 / 100.0, "1 %")
    } else {
        (1.0, status::unit_names(state, part).0)
    };
    let now = error_at(&curve.points, removed as f64)?;
    Some((name, error_at(&curve.points, removed as f64 + step)? - now))
}

/// Which key makes the curve; a recording has those alone that were made.
pub(in crate::explorer::view::screens) fn hint(view: &View<'_>) -> String {
    if view.state.is_replay() {
        return "The path was not followed past the cut.".into();
    }
    let key = view.key(Action::ErrorCurve);
    format!("Follow the path past the cut with {key}, for the error of every ratio.")
}

/// The curve below the panel in brief; what is left for words.
pub(super) fn small(view: &mut View<'_>, area: Rect, shown: &Shown<'_>) -> Option<Rect> {
    let (words, below) = words_and_picture(area)?;
    let curve = shown.layer.curve(shown.part).filter(|curve| !curve.points.is_empty())?;
    let planned = status::planned(view.state, shown.index, shown.part).1;
    picture(view, below, shown.part, curve, cut(shown), planned);
    Some(words)
}

pub(super) fn brief<'t>(view: &View<'_>, shown: &Shown<'_>) -> Vec<Vec<Span<'t>>> {
    let Some(curve) = shown.layer.curve(shown.part).filter(|curve| !curve.points.is_empty()) else {
        if view.state.is_replay() {
            return vec![vec![view.span("not followed past the cut", Role::Muted)]];
        }
        let key = view.key(Action::ErrorCurve);
        return vec![
            vec![view.span(key, Role::Key), view.span(" follow the path past the", Role::Muted)],
            vec![view.span("cut: errors of all ratios", Role::Muted)],
        ];
    };
    let at = cut(shown).unwrap_or(status::planned(view.state, shown.index, shown.part).1);
    let mut line =
        reading(view, shown.part, curve, at, (view.theme.glyphs.active(), Role::Cut, "costs"), u16::MAX);
    let rest = if line.len() > 3 { line.split_off(3) } else { Vec::new() };
    let trimmed = rest
        .into_iter()
        .map(|span| Span { content: span.content.trim_start_matches(", ").to_string().into(), ..span });
    vec![line, trimmed.collect()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_between_two_points_lies_on_the_line_between_them() {
        let point = |removed, relative_error| CurvePoint { removed, relative_error };
        let points = [point(0, 0.0), point(2, 0.1), point(4, 0.5)];
        assert_eq!(error_at(&points, 0.0), Some(0.0));
        assert_eq!(error_at(&points, 2.0), Some(0.1));
        assert_eq!(error_at(&points, 3.0).map(|e| (e * 10.0).round()), Some(3.0));
        assert_eq!(error_at(&points, 5.0), None);
        assert_eq!(error_at(&[], 0.0), None);
    }
}
