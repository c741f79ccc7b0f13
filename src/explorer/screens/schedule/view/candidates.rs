//! The chart of a search's candidates, and their list.

use ratatui::{layout::Rect, style::Modifier, text::Span};

use crate::{
    explorer::{
        Action, Pointed,
        screens::schedule::{
            CANDIDATES,
            candidates::{self, Candidate, Candidates, mean},
        },
        view::{
            Canvas, Role,
            list::first_in_sight,
            widgets::{Scale, axes, column, put, row, scale_below},
        },
    },
    words::{measure, ratio},
};

/// Minimum rows for the chart; with fewer, only the list is drawn.
const CHART: u16 = 8;
/// Minimum rows for the chart and the list below each other.
const BOTH: u16 = 15;

pub fn draw(view: &mut Canvas<'_>, area: Rect) {
    let found = candidates::of(view.state);
    let note = match found.pruned.len() {
        0 => String::new(),
        pruned => format!("{pruned} pruned, {} not", found.unpruned),
    };
    let inner = view.panel(&CANDIDATES, area, "Candidates", &note);
    let Some(last) = found.pruned.len().checked_sub(1) else {
        let search = view.key(Action::FindRatios);
        let text = match found.unpruned {
            0 => format!("Each plan that a search ({search}) prunes becomes a point with its KL."),
            _ => "The search pruned no plan: its plan follows from predicted costs. More trials (search trials in the settings) prune plans."
                .into(),
        };
        return view.awaits(inner, &text);
    };
    let at = view.state.screens.schedule.candidate.min(last);
    let head = reading(view, &found, at);
    let words = head.len() as u16;
    for (row, line) in (0..).zip(head) {
        view.line(inner, row, line);
    }
    let below = Rect { y: inner.y + words, height: inner.height.saturating_sub(words), ..inner };
    let listed = match below.height {
        0..CHART => below.height,
        CHART..BOTH => 0,
        rows => (last as u16 + 1).min(rows / 2),
    };
    chart(view, Rect { height: below.height - listed, ..below }, &found, at);
    list(view, Rect { y: below.bottom() - listed, height: listed, ..below }, &found, at);
}

/// The candidate under the cursor.
fn reading<'t>(view: &Canvas<'_>, found: &Candidates<'_>, at: usize) -> Vec<Vec<Span<'t>>> {
    let candidate = &found.pruned[at];
    let tried = candidate.tried;
    let role = if candidate.best { Role::Done } else { Role::Active };
    let mut numbers = vec![view.span(format!("KL {}", measure(candidate.divergence)), Role::Pruned)];
    if let Some(guard) = tried.guard {
        numbers.push(view.span(format!("  guard {}", measure(guard)), Role::Text));
    }
    if candidate.best {
        numbers.push(view.span("  best", Role::Done));
    }
    let part = |name: &str, of: fn(&crate::prune::LayerRatio) -> f64| {
        format!("{name} {}", ratio(mean(&tried.ratios, of)))
    };
    let parts = vec![
        view.span(part("attention", |ratio| ratio.attention), Role::Attention),
        view.span(format!("  {}", part("mlp", |ratio| ratio.mlp)), Role::Mlp),
    ];
    vec![vec![view.span(tried.name.clone(), role)], numbers, parts]
}

fn chart(view: &mut Canvas<'_>, area: Rect, found: &Candidates<'_>, at: usize) {
    if area.height < CHART {
        return;
    }
    let Some(up) = scale(found.pruned.iter().map(|candidate| candidate.divergence)) else { return };
    let Some(across) = scale(found.pruned.iter().map(|candidate| candidate.across)) else { return };
    let named = Rect { height: area.height.saturating_sub(1), ..area };
    let inner = axes(view.buffer, named, &up, view.theme);
    scale_below(view.buffer, inner, &across, view.theme);
    let name = if found.guarded { "x: KL on the guard text" } else { "x: mean ratio of attention" };
    let name = vec![view.span(name, Role::Muted)];
    view.line(area, area.height.saturating_sub(1), name);
    // The best one is drawn over the others, and the one at the cursor over all.
    let mut order: Vec<usize> = (0..found.pruned.len()).collect();
    order.sort_by_key(|&index| (index == at, found.pruned[index].best));
    for index in order {
        let candidate = &found.pruned[index];
        let (Some(x), Some(y)) = (across.place(candidate.across), up.place(candidate.divergence)) else {
            continue;
        };
        let (x, y) = (column(inner, x), row(inner, y));
        let (mark, mut style) = (mark(view, candidate), view.theme.style(role(candidate)));
        if index == at {
            style = view.theme.style(Role::Active).add_modifier(Modifier::REVERSED | Modifier::BOLD);
        }
        put(view.buffer, inner, x, y, mark, style);
        view.hits.add(Rect { x, y, width: 1, height: 1 }, Pointed::Row { panel: &CANDIDATES, row: index });
    }
}

/// A scale with some room at both ends; logarithmic over more than a decade.
fn scale(values: impl Iterator<Item = f64> + Clone) -> Option<Scale> {
    let low = values.clone().reduce(f64::min)?;
    let high = values.reduce(f64::max)?;
    if low > 0.0 && high > 10.0 * low {
        return Scale::log([low * 0.9, high * 1.1]);
    }
    let pad = (0.06 * (high - low)).max(0.01 * high).max(1e-6);
    Some(Scale::between((low - pad).max(0.0), high + pad))
}

fn list(view: &mut Canvas<'_>, area: Rect, found: &Candidates<'_>, at: usize) {
    let first = first_in_sight(at, found.pruned.len(), area.height.into());
    for (line, (index, candidate)) in (0..area.height).zip(found.pruned.iter().enumerate().skip(first)) {
        let mark = mark(view, candidate);
        let mut spans = vec![
            view.span(format!("{mark} "), role(candidate)),
            view.span(format!("{:>9}  ", measure(candidate.divergence)), Role::Text),
            view.span(candidate.tried.name.clone(), role(candidate)),
        ];
        if index == at {
            for span in &mut spans {
                span.style = span.style.add_modifier(Modifier::REVERSED);
            }
        }
        view.line(area, line, spans);
        let place = Rect { y: area.y + line, height: 1, ..area };
        view.hits.add(place, Pointed::Row { panel: &CANDIDATES, row: index });
    }
}

fn mark(view: &Canvas<'_>, candidate: &Candidate<'_>) -> &'static str {
    match candidate.best || candidate.front {
        true => view.theme.glyphs.active(),
        false => view.theme.glyphs.status(crate::explorer::Status::Waiting),
    }
}

fn role(candidate: &Candidate<'_>) -> Role {
    match (candidate.best, candidate.front) {
        (true, _) => Role::Done,
        (_, true) => Role::Text,
        (false, false) => Role::Muted,
    }
}
