//! The batches of the elimination: units removed together, and the error of each batch.

use ratatui::{layout::Rect, text::Span};

use super::{LayerPanel, Shown, Width, explain, of_layer};
use crate::{
    explorer::{
        Figure, Panel, PartView,
        view::{
            Canvas, Division, Role,
            list::first_in_sight,
            status,
            widgets::{Column, Scale, Side, axes, lay_out, measurement, pillar, scale_below, width},
        },
    },
    protocol::Refined,
    words::{count, plural},
};

pub static BATCHES: LayerPanel = LayerPanel {
    panel: Panel {
        title: "Batches",
        explain: |state| explain::batches(&state.method(state.layer)),
        figure: |state| of_layer(state, |layer, part| Figure::ErrorCurve { layer, part }),
        draw: super::alone,
    },
    draw,
    brief: |view, _, shown| brief(view, shown),
    small: None,
    grows: false,
    width: Width::Share(1),
};

/// Maximum number of batches shown as a list; more are drawn as a chart.
const LISTED: usize = 200;

#[derive(Clone, Copy)]
enum Key {
    Batch,
    What,
    Error,
    Bar,
    Sum,
}

pub fn draw(view: &mut Canvas<'_>, area: Rect, shown: &Shown<'_>) {
    let Some(part) = shown.view.filter(|part| !part.step_errors.is_empty()) else {
        let inner = view.panel(&BATCHES.panel, area, "Batches", "");
        match shown.view {
            Some(part) if part.live => view.awaits(inner, "Nothing is removed yet."),
            Some(_) => view.absent(inner, "Nothing was removed."),
            None => {
                let text = shown.why_nothing(view);
                view.absent(inner, &text);
            }
        }
        return;
    };
    let energy = shown.energy();
    let unit = if energy.is_some() { "errors over E‖y‖²" } else { "increase in E‖Δy‖² per token" };
    let mut note = format!("{}, {unit}", plural(part.step_errors.len(), "batch", "batches"));
    if let Some(own) = shown.scheduled() {
        // If sizes were rounded: the error of the scheduled sizes.
        note += &format!("; the schedule's {} would be {}", own.removed, view.relative(own.relative_error));
    }
    if let Some(refined) = shown.refined() {
        let Refined { swaps, error_before, error_after } = refined;
        let (before, after) = (view.relative(error_before), view.relative(error_after));
        note +=
            &format!("; {}: {before} {} {after}", plural(swaps, "swap", "swaps"), view.theme.glyphs.arrow());
    }
    let inner = view.panel(&BATCHES.panel, area, "Batches", &note);
    if part.step_errors.len() > LISTED {
        picture(view, inner, &part, energy.unwrap_or(1.0));
    } else {
        list(view, inner, shown, &part, energy.unwrap_or(1.0));
    }
}

/// One line per batch. If not all fit, the newest are visible.
fn list(view: &mut Canvas<'_>, area: Rect, shown: &Shown<'_>, part: &PartView<'_>, energy: f64) {
    let (batches, notation) = (part.step_errors.len(), view.state.interface.notation);
    let names = status::unit_names(view.state, shown.index, part.part);
    let digits = width(&batches.to_string()).max(5);
    let what = width(&count(part.units as u64)) + 1 + width(names.1);
    let fixed = digits + what + 2 * view.relative_width() + 9;
    let column = |key, head, width, side, rank| Column { key, head, width, side, rank };
    let places = lay_out(
        vec![
            column(Key::Batch, "batch", digits, Side::Right, 0),
            column(Key::What, "removed", what, Side::Left, 0),
            column(Key::Error, "error", view.relative_width(), Side::Right, 0),
            column(Key::Bar, "", area.width.saturating_sub(fixed).clamp(6, 40), Side::Left, 2),
            column(Key::Sum, "total", view.relative_width(), Side::Right, 1),
        ],
        area.width,
    );
    let head = Rect { height: 1, ..area };
    for place in &places {
        place.write(view.buffer, head, place.head, view.theme.style(Role::Title));
    }
    let rows = usize::from(area.height.saturating_sub(1));
    let first = first_in_sight(batches, batches, rows);
    let most = part.step_errors.iter().copied().filter(|e| e.is_finite()).fold(0.0, f64::max);
    let mut sum: f64 = part.step_errors[..first].iter().sum();
    let mut before: usize = part.group_sizes.iter().take(first).sum();
    for (down, batch) in (first..batches).take(rows).enumerate() {
        let row = Rect { y: area.y + 1 + down as u16, height: 1, ..area };
        let (size, cost) = (part.group_sizes.get(batch).copied().unwrap_or(1), part.step_errors[batch]);
        sum += cost;
        let newest = part.live && batch + 1 == batches;
        let role = if newest { Role::Live } else { Role::Text };
        for place in &places {
            let style = view.theme.style(role);
            let muted = view.theme.style(Role::Muted);
            match place.key {
                Key::Batch => place.write(view.buffer, row, &(batch + 1).to_string(), muted),
                Key::What => {
                    let text = match (size, part.removed.get(before)) {
                        (1, Some(unit)) => format!("{} {unit}", names.0),
                        (_, _) => format!("{} {}", count(size as u64), names.1),
                    };
                    place.write(view.buffer, row, &text, style);
                }
                Key::Error => place.write(view.buffer, row, &notation.relative(cost / energy), style),
                Key::Bar => {
                    let colour = view.theme.style(status::part_role(shown.part));
                    measurement(view.buffer, place.area(row), cost / most, colour, view.theme.glyphs);
                }
                Key::Sum => place.write(view.buffer, row, &notation.relative(sum / energy), muted),
            }
        }
        before += size;
    }
    let seen = rows.min(batches - first);
    let listed = Rect { y: area.y + 1, height: seen as u16, ..area };
    view.read((listed, Division::Whole, Division::Bars(seen)), |_, _, down| {
        let batch = first + down;
        let (own, sum) = (part.step_errors.get(batch)?, part.step_errors[..=batch].iter().sum::<f64>());
        let gone: usize = part.group_sizes.iter().take(batch + 1).sum();
        let (own, sum) = (notation.relative(own / energy), notation.relative(sum / energy));
        Some(format!("{own} batch {}, total {sum} with {} removed", batch + 1, count(gone as u64)))
    });
}

/// Errors of all batches in order; batches that share a column are summed.
fn picture(view: &mut Canvas<'_>, area: Rect, part: &PartView<'_>, energy: f64) {
    let (batches, notation) = (part.step_errors.len(), view.state.interface.notation);
    let wide = usize::from(area.width.max(1)).min(batches);
    let groups: Vec<f64> = (0..wide)
        .map(|at| {
            part.step_errors[at * batches / wide..(at + 1) * batches / wide].iter().sum::<f64>() / energy
        })
        .collect();
    let scale = Scale::of(groups.iter().copied()).noted(notation);
    let line = Rect { height: 1, ..area };
    let text = vec![
        view.span("total ", Role::Muted),
        view.span(notation.relative(part.step_errors.iter().sum::<f64>() / energy), Role::Text),
        view.span("  the last ", Role::Muted),
        view.span(notation.relative(part.step_errors[batches - 1] / energy), Role::Text),
    ];
    view.line(line, 0, text);
    let below = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    let plot = axes(view.buffer, below, &scale, view.theme);
    let style = view.theme.style(status::part_role(part.part));
    let group_at = |x: usize| x * groups.len() / usize::from(plot.width.max(1));
    for x in 0..plot.width {
        let group = groups[group_at(x.into())];
        let bar = Rect { x: plot.x + x, width: 1, ..plot };
        pillar(view.buffer, bar, scale.place(group).unwrap_or(0.0), style, view.theme.glyphs);
    }
    scale_below(view.buffer, plot, &Scale::between(0.0, batches as f64), view.theme);
    view.read((plot, Division::Bars(plot.width.into()), Division::Whole), |_, x, _| {
        let at = group_at(x);
        let (first, end) = (at * batches / wide, (at + 1) * batches / wide);
        let which = match end - first {
            1 => format!("batch {}", count(end as u64)),
            _ => format!("batches {}–{}", count(first as u64 + 1), count(end as u64)),
        };
        Some(format!("{} {which}", notation.relative(*groups.get(at)?)))
    });
}

pub fn brief<'t>(view: &Canvas<'_>, shown: &Shown<'_>) -> Vec<Vec<Span<'t>>> {
    let Some((part, last)) = shown.view.and_then(|part| Some((part, *part.step_errors.last()?))) else {
        return vec![vec![view.span("nothing removed yet", Role::Muted)]];
    };
    let energy = shown.energy().unwrap_or(1.0);
    let sum: f64 = part.step_errors.iter().sum();
    let role = if part.live { Role::Live } else { Role::Text };
    vec![
        vec![
            view.span(plural(part.step_errors.len(), "batch", "batches"), role),
            view.span(", ", Role::Muted),
            view.span(count(part.removed.len() as u64), role),
            view.span(" removed", Role::Muted),
        ],
        vec![
            view.span("total ", Role::Muted),
            view.span(view.relative(sum / energy), role),
            view.span("  last ", Role::Muted),
            view.span(view.relative(last / energy), role),
        ],
    ]
}
