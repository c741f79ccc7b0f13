//! Overview of the selected layer: kept heads and channels, and errors.

use ratatui::{layout::Rect, text::Span};

use crate::{
    explorer::{
        PartView,
        view::{
            Canvas, Role, status,
            widgets::{measurement, width},
        },
    },
    prune::Part,
    words::{count, percent},
};

/// Rows of the box.
pub const ROWS: u16 = 9;

pub fn draw(view: &mut Canvas<'_>, area: Rect) {
    let state = view.state;
    let Some(layer) = state.layers.get(state.layer) else { return };
    let standing = state.status(state.layer);
    let title = format!("Layer {}", state.layer);
    let note = format!("{} {}", view.theme.glyphs.status(standing), standing.name());
    let inner = view.plain_frame(area, &title, &note);
    for (row, part) in [(1, Part::Attention), (4, Part::Mlp)] {
        let Some(seen) = layer.view(part).filter(|seen| seen.units > 0) else {
            let (units, goal) = status::planned(state, state.layer, part);
            let names = status::unit_names(state, state.layer, part).1;
            let line = vec![
                view.span(format!("{:<11}", part.to_string()), status::part_role(part)),
                view.span(
                    format!(
                        "{} of {} {names} to keep",
                        count((units - goal.min(units)) as u64),
                        count(units as u64)
                    ),
                    Role::Muted,
                ),
            ];
            view.line(inner, row, line);
            continue;
        };
        heading(view, inner, row, &seen);
        match part {
            Part::Attention => heads(view, inner, row + 1, &seen),
            Part::Mlp => channels(view, inner, row + 1, &seen),
        }
    }
}

fn heading(view: &mut Canvas<'_>, area: Rect, row: u16, seen: &PartView<'_>) {
    let names = status::unit_names(view.state, view.state.layer, seen.part).1;
    let layer = &view.state.layers[view.state.layer];
    let value = match &layer.work {
        Some(_) => seen.relative_error(),
        None => layer.active().map(|result| result.record(seen.part).relative_error),
    };
    let mut line = vec![
        view.span(format!("{:<11}", seen.part.to_string()), status::part_role(seen.part)),
        view.span(
            format!("{} of {} {names} kept", count(seen.kept() as u64), count(seen.units as u64)),
            Role::Text,
        ),
    ];
    if let Some(value) = value {
        line.push(view.span(format!("   relative error {}", view.relative(value)), Role::Muted));
    }
    if seen.live {
        line.push(
            view.span(format!("   {} to go", count((seen.goal - seen.removed.len()) as u64)), Role::Live),
        );
    }
    view.line(area, row, line);
}

/// Draws one sign per unit, or as many as fit.
fn heads(view: &mut Canvas<'_>, area: Rect, row: u16, seen: &PartView<'_>) {
    let mut gone = vec![false; seen.units];
    for &unit in seen.removed {
        if let Some(slot) = gone.get_mut(unit) {
            *slot = true;
        }
    }
    let room = usize::from(area.width.saturating_sub(11));
    let blank = if seen.units * 2 <= room { " " } else { "" };
    let mut line: Vec<Span<'_>> = vec![Span::raw(" ".repeat(11))];
    for gone in gone {
        let (sign, role) = if gone {
            (view.theme.glyphs.removed(), Role::Removed)
        } else {
            (view.theme.glyphs.active(), Role::Kept)
        };
        line.push(view.span(format!("{sign}{blank}"), role));
    }
    view.line(area, row, line);
}

/// Draws the kept fraction as a bar.
fn channels(view: &mut Canvas<'_>, area: Rect, row: u16, seen: &PartView<'_>) {
    if row >= area.height {
        return;
    }
    let share = seen.kept() as f64 / seen.units.max(1) as f64;
    let bar = Rect { x: area.x + 11, y: area.y + row, width: area.width.saturating_sub(22), height: 1 };
    let gone = view.theme.glyphs.removed();
    for x in bar.left()..bar.right() {
        crate::explorer::view::widgets::put(view.buffer, bar, x, bar.y, gone, view.theme.style(Role::Faint));
    }
    measurement(view.buffer, bar, share, view.theme.style(Role::Kept), view.theme.glyphs);
    let label = percent(share);
    let behind = Rect { x: bar.right() + 1, y: bar.y, width: width(&label), height: 1 };
    let line = vec![view.span(label, Role::Text)];
    view.line(behind.intersection(area), 0, line);
}
