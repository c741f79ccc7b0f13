//! The panel of error versus ratio: the error at the cut, and the cost of the next step.

use ratatui::{layout::Rect, text::Span};

use super::{LayerPanel, Shown, Width, explain, of_layer, words_and_picture};
use crate::{
    explorer::{
        Action, Curve, Figure, Panel,
        view::{
            Canvas, Role,
            error_curve::{error_at, hint, next_step, picture},
            status,
            widgets::symbols,
        },
    },
    prune::Part,
};

pub static ERROR_CURVE: LayerPanel = LayerPanel {
    panel: Panel {
        title: "Error versus ratio",
        explain: |_| explain::error_curve(),
        figure: |state| of_layer(state, |layer, part| Figure::ErrorCurve { layer, part }),
        draw: super::alone,
    },
    draw,
    brief: |view, _, shown| brief(view, shown),
    small: Some(small),
    grows: true,
    width: Width::Share(1),
};

pub fn draw(view: &mut Canvas<'_>, area: Rect, shown: &Shown<'_>) {
    let Some(curve) = shown.layer.curve(shown.part) else {
        let inner = view.panel(&ERROR_CURVE.panel, area, "Error versus ratio", "");
        match &shown.layer.work {
            Some(_) => view.awaits(inner, "The errors appear as units are removed."),
            None => view.absent(inner, &hint(view)),
        }
        return;
    };
    let curve = &*curve;
    let inner = view.panel(&ERROR_CURVE.panel, area, "Error versus ratio", "over E‖y‖²");
    let mut lines = words(view, shown, curve, inner.width);
    if let Some(removed) = read(view, curve) {
        let sign = (view.theme.glyphs.cursor(), Role::Active, "here");
        lines.push(reading(view, (shown.index, shown.part), curve, removed, sign, inner.width));
    }
    if shown.layer.computed_curve(shown.part).is_none() && !view.state.is_replay() {
        let key = view.span(view.key(Action::ErrorCurve), Role::Key);
        lines.push(vec![key, view.span(" continues past the cut", Role::Muted)]);
    }
    let above = (lines.len() as u16).min(inner.height / 3);
    for (at, line) in lines.into_iter().take(usize::from(above)).enumerate() {
        view.line(inner, at as u16, line);
    }
    let room = Rect { y: inner.y + above, height: inner.height - above, ..inner };
    let drawn = picture(
        view,
        room,
        shown.part,
        curve,
        cut(shown),
        status::planned_of(view.state, shown.index, shown.part, curve.units),
        read(view, curve),
    );
    if let Some((area, highest)) = drawn {
        view.hits.add_axis(area, highest);
    }
}

/// The number of removed units at which the user reads the curve.
fn read(view: &Canvas<'_>, curve: &Curve) -> Option<usize> {
    let last = curve.points.last()?.removed;
    let reading = view.state.screens.layer.reading.filter(|_| view.is_focused(&ERROR_CURVE.panel))?;
    Some(reading.min(last))
}

/// Units removed in the shown attempt.
fn cut(shown: &Shown<'_>) -> Option<usize> {
    let part = shown.view?;
    Some(if part.live { part.removed.len() } else { part.goal })
}

fn words<'t>(view: &Canvas<'_>, shown: &Shown<'_>, curve: &Curve, columns: u16) -> Vec<Vec<Span<'t>>> {
    let planned = status::planned_of(view.state, shown.index, shown.part, curve.units);
    let mut lines = Vec::new();
    if let Some(cut) = cut(shown) {
        lines.push(reading(
            view,
            (shown.index, shown.part),
            curve,
            cut,
            (view.theme.glyphs.active(), Role::Cut, "removed"),
            columns,
        ));
    }
    if cut(shown) != Some(planned) {
        let sign = symbols(view.theme.glyphs).planned;
        lines.push(reading(
            view,
            (shown.index, shown.part),
            curve,
            planned,
            (sign, Role::Planned, "planned"),
            columns,
        ));
    }
    lines
}

/// The reading at the cut: `● 0.2031 removed: 1.23e-2, next 1 % costs 4.56e-4`.
fn reading<'t>(
    view: &Canvas<'_>,
    (layer, part): (usize, Part),
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
    line.push(view.span(view.relative(value), Role::Text));
    if let Some((name, next)) = next_step(view.state, (layer, part), curve, removed) {
        let costs = if columns < 60 { "" } else { "costs " };
        line.push(view.span(format!(", next {name} {costs}"), Role::Muted));
        line.push(view.span(view.relative(next), Role::Text));
    }
    line
}

/// Draws the curve at the bottom of the small panel. Returns the area left for words.
pub fn small(view: &mut Canvas<'_>, area: Rect, shown: &Shown<'_>) -> Option<Rect> {
    let (words, below) = words_and_picture(area)?;
    let curve = &*shown.layer.curve(shown.part)?;
    let planned = status::planned_of(view.state, shown.index, shown.part, curve.units);
    picture(view, below, shown.part, curve, cut(shown), planned, None);
    Some(words)
}

pub fn brief<'t>(view: &Canvas<'_>, shown: &Shown<'_>) -> Vec<Vec<Span<'t>>> {
    let Some(curve) = shown.layer.curve(shown.part) else {
        if view.state.is_replay() {
            return vec![vec![view.span("not continued past the cut", Role::Muted)]];
        }
        let key = view.key(Action::ErrorCurve);
        return vec![
            vec![view.span(key, Role::Key), view.span(" continue past the cut:", Role::Muted)],
            vec![view.span("the error at every ratio", Role::Muted)],
        ];
    };
    let planned = status::planned_of(view.state, shown.index, shown.part, curve.units);
    let at = cut(shown).unwrap_or(planned);
    let mut line = reading(
        view,
        (shown.index, shown.part),
        &curve,
        at,
        (view.theme.glyphs.active(), Role::Cut, "costs"),
        u16::MAX,
    );
    let rest = if line.len() > 3 { line.split_off(3) } else { Vec::new() };
    let trimmed = rest
        .into_iter()
        .map(|span| Span { content: span.content.trim_start_matches(", ").to_string().into(), ..span });
    vec![line, trimmed.collect()]
}
