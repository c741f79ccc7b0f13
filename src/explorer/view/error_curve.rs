//! The chart of error versus ratio of a part, and readings of it.

use ratatui::layout::Rect;

use crate::{
    explorer::{
        Action, Curve, State,
        view::{
            Canvas, Division, Role, status,
            widgets::{Plot, Scale, Spacing, Stroke, axes, column, put, row, scale_below, symbols},
        },
    },
    protocol::CurvePoint,
    prune::Part,
    words::count,
};

/// Draws the curve, with marks at the actual and the planned number of removed units, and at the one that is read. Returns
/// the area of the curve and its highest ratio.
pub fn picture(
    view: &mut Canvas<'_>,
    area: Rect,
    part: Part,
    curve: &Curve,
    cut: Option<usize>,
    planned: usize,
    read: Option<usize>,
) -> Option<(Rect, f64)> {
    let scale = match view.state.interface.errors {
        Spacing::Log => Scale::log(ends(&curve.points)),
        spacing @ Spacing::Linear => Scale::errors(ends(&curve.points).collect::<Vec<_>>(), spacing),
    };
    let Some(scale) = scale.map(|scale| scale.noted(view.state.interface.notation)) else {
        view.absent(area, "All errors are 0.");
        return None;
    };
    let units = curve.units.max(1) as f64;
    let last = curve.points.last().map_or(1.0, |point| point.removed as f64 / units);
    let across = Scale::between(0.0, last.max(0.01));
    let area = axes(view.buffer, area, &scale, view.theme);
    let mut plot = Plot::new(area, view.theme.glyphs);
    let place = |removed: f64| across.place(removed / units).unwrap_or(0.0);
    for (count, role) in [(Some(planned), Role::Planned), (cut, Role::Cut), (read, Role::Active)] {
        if let Some(count) = count {
            plot.upright(place(count as f64), Stroke::dotted(view.theme.style(role), ':'));
        }
    }
    // One point per column of dots is enough for any number of points.
    let dots = plot.across().max(2);
    let point = |dot: usize| {
        let share = dot as f64 / (dots - 1) as f64;
        let removed = share * across.high * units;
        let value = error_at(&curve.points, removed);
        // A log axis cannot show the errors below the first step.
        let value = value.filter(|value| *value >= scale.low);
        (share, value.and_then(|value| scale.place(value)).unwrap_or(f64::NAN))
    };
    plot.line((0..dots).map(point), Stroke::solid(view.theme.style(status::part_role(part)), '*'));
    plot.draw(view.buffer);
    let signs = symbols(view.theme.glyphs);
    for (count, sign, role) in [
        (Some(planned), signs.planned, Role::Planned),
        (cut, view.theme.glyphs.active(), Role::Cut),
        (read, view.theme.glyphs.cursor(), Role::Active),
    ] {
        let at = count.and_then(|count| Some((place(count as f64), error_at(&curve.points, count as f64)?)));
        if let Some((x, y)) = at.and_then(|(x, value)| Some((x, scale.place(value)?))) {
            put(view.buffer, area, column(area, x), row(area, y), sign, view.theme.style(role));
        }
    }
    scale_below(view.buffer, area, &across, view.theme);
    view.read((area, Division::Bars(area.width.into()), Division::Whole), |view, x, _| {
        let share = across.high * (x as f64 + 0.5) / f64::from(area.width);
        let removed = (share * units).round();
        let error = view.relative(error_at(&curve.points, removed)?);
        Some(format!("{error} with {} ({:.3}) removed", count(removed as u64), removed / units))
    });
    Some((area, last.max(0.01)))
}

/// The first and the last positive error. The curve ascends, so they are its range.
fn ends(points: &[CurvePoint]) -> impl Iterator<Item = f64> + '_ {
    let first = points.iter().map(|point| point.relative_error).find(|error| *error > 0.0);
    let last = points.iter().rev().map(|point| point.relative_error).find(|error| error.is_finite());
    first.into_iter().chain(last)
}

/// The error with this many units removed, linearly interpolated; None outside the curve.
pub fn error_at(points: &[CurvePoint], removed: f64) -> Option<f64> {
    let next = points.partition_point(|point| (point.removed as f64) < removed);
    let after = points.get(next)?;
    let Some(before) = next.checked_sub(1).map(|at| &points[at]) else {
        return (after.removed as f64 - removed < 0.5).then_some(after.relative_error);
    };
    let run = after.removed as f64 - before.removed as f64;
    let along = (removed - before.removed as f64) / run.max(1e-12);
    Some(before.relative_error + (after.relative_error - before.relative_error) * along)
}

/// The next step (one per cent of the units, at least one unit) and the error it would add.
pub fn next_step(
    state: &State,
    (layer, part): (usize, Part),
    curve: &Curve,
    removed: usize,
) -> Option<(&'static str, f64)> {
    let (step, name) = if curve.units >= 100 {
        (curve.units as f64 / 100.0, "1 %")
    } else {
        (1.0, status::unit_names(state, layer, part).0)
    };
    let now = error_at(&curve.points, removed as f64)?;
    Some((name, error_at(&curve.points, removed as f64 + step)? - now))
}

/// Instructions for computing the curve. A recording has only the curves that were computed.
pub fn hint(view: &Canvas<'_>) -> String {
    if view.state.is_replay() {
        return "The elimination was not continued past the cut.".into();
    }
    let key = view.key(Action::ErrorCurve);
    format!("Continue the elimination past the cut with {key} to see the error at every ratio.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_between_two_points_is_interpolated() {
        let point = |removed, relative_error| CurvePoint { removed, relative_error };
        let points = [point(0, 0.0), point(2, 0.1), point(4, 0.5)];
        assert_eq!(error_at(&points, 0.0), Some(0.0));
        assert_eq!(error_at(&points, 2.0), Some(0.1));
        assert_eq!(error_at(&points, 3.0).map(|e| (e * 10.0).round()), Some(3.0));
        assert_eq!(error_at(&points, 5.0), None);
        assert_eq!(error_at(&[], 0.0), None);
    }
}
