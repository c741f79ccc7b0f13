//! The panel of scores: heads by number, channels in ascending order.

use ratatui::{layout::Rect, text::Span};

use super::{LayerPanel, Shown, Width, channels, explain, heads, of_layer};
use crate::{
    explorer::{
        Figure, Panel, PartStatistics,
        view::{
            Canvas, Role, status,
            widgets::{Scale, Spacing},
        },
    },
    prune::Part,
    words::count,
};

pub static SCORES: LayerPanel = LayerPanel {
    panel: Panel {
        title: "Scores",
        explain: |state| explain::scores(&state.method(state.layer)),
        figure: |state| of_layer(state, |layer, part| Figure::Scores { layer, part }),
        draw: super::alone,
    },
    draw,
    brief,
    small: None,
    grows: true,
    width: Width::Share(3),
};

pub fn draw(view: &mut Canvas<'_>, area: Rect, shown: &Shown<'_>) {
    let Some((part, seen)) = shown.view.and_then(|part| Some((part, part.seen?))) else {
        let inner = view.panel(&SCORES.panel, area, "Scores", "");
        let text = shown.why_nothing(view);
        view.absent(inner, &text);
        return;
    };
    let scale = scale(seen);
    let names = status::unit_names(view.state, shown.index, shown.part).1;
    let spacing = match scale.spacing {
        Spacing::Linear => "before pruning",
        Spacing::Log if area.width < 60 => "log scale",
        Spacing::Log => "log scale, before pruning",
    };
    let title = match shown.part {
        Part::Attention => format!("Scores of {names}"),
        Part::Mlp => format!("Scores of {names}, sorted"),
    };
    let inner = view.panel(&SCORES.panel, area, &title, spacing);
    match shown.part {
        Part::Attention => heads::draw(view, inner, shown, &part, seen, &scale),
        Part::Mlp => channels::draw(view, inner, shown, &part, seen, &scale),
    }
}

/// The axis of the scores. Its ends come from the sorted order, without a scan of all scores.
fn scale(seen: &PartStatistics) -> Scale {
    let score = |&unit: &u32| f64::from(seen.scores.get(unit as usize).copied().unwrap_or(f32::NAN));
    let low = seen.order.iter().map(score).find(|score| *score > 0.0).unwrap_or(f64::NAN);
    let high = seen.order.iter().rev().map(score).find(|score| score.is_finite()).unwrap_or(f64::NAN);
    Scale::of([low, high])
}

/// The number of kept units, and the scores as bars.
pub fn brief<'t>(view: &mut Canvas<'_>, area: Rect, shown: &Shown<'_>) -> Vec<Vec<Span<'t>>> {
    let names = status::unit_names(view.state, shown.index, shown.part).1;
    let Some(part) = shown.view else {
        let (units, goal) = status::planned(view.state, shown.index, shown.part);
        let text =
            format!("{} of {} {names} to keep", count((units - goal.min(units)) as u64), count(units as u64));
        return vec![vec![view.span(text, Role::Muted)]];
    };
    let gone = count(part.removed.len() as u64);
    let gone = if part.live { format!("{gone} of {}", count(part.goal as u64)) } else { gone };
    let line = vec![
        view.span(format!("{} kept  ", count(part.kept() as u64)), Role::Kept),
        view.span(format!("{} {gone} removed", view.theme.glyphs.removed()), Role::Removed),
    ];
    if let Some(seen) = part.seen {
        let below = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
        let scale = scale(seen);
        match shown.part {
            Part::Attention => heads::strip(view, below, shown, seen, &scale),
            Part::Mlp => channels::strip(view, below, shown, seen, &scale),
        }
    }
    vec![line]
}
