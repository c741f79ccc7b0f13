//! The table of attempts: the active one, the stale ones, and a comparison of two.

use ratatui::{layout::Rect, text::Span};

use super::{LayerPanel, Shown, Width, explain, of_layer};
use crate::{
    explorer::{
        Action, AttemptResult, Figure, Panel, Pointed, Status,
        view::{
            Canvas, Role,
            list::first_in_sight,
            status,
            widgets::{Column, Place, Side, lay_out, width},
        },
    },
    protocol::Method,
    prune::Part,
    words::{change, ratio},
};

pub static ATTEMPTS: LayerPanel = LayerPanel {
    panel: Panel {
        title: "Attempts",
        explain: |_| explain::attempts(),
        figure: |state| of_layer(state, |layer, _| Figure::Attempts { layer }),
        draw: super::alone,
    },
    draw,
    brief: |view, _, shown| brief(view, shown),
    small: None,
    grows: false,
    width: Width::Row { rows: rows_wanted },
};

#[derive(Clone, Copy)]
enum Key {
    /// The letter of a marked attempt.
    Letter,
    Number,
    Ratio,
    AttentionError,
    MlpError,
    Output,
    Heads,
    Channels,
    Score,
    Groups,
    Damping,
    Compensation,
}

/// Rows that the panel needs to show all attempts and the comparison below them.
pub fn rows_wanted(shown: &Shown<'_>) -> u16 {
    let attempts = shown.layer.attempts.len() + usize::from(shown.layer.work.is_some()) + shown.waiting;
    let comparison = if shown.layer.attempts.len() > 1 && !shown.side_by_side() { 5 } else { 0 };
    3 + attempts.max(1) as u16 + comparison
}

fn columns(shown: &Shown<'_>, heads: &'static str) -> Vec<Column<Key>> {
    let attempts = &shown.layer.attempts;
    let apart = attempts.iter().any(|result| result.attempt.method.ratio.one().is_none());
    let wide = if apart { 9 } else { 6 };
    let column = |key, head, width, side, rank| Column { key, head, width, side, rank };
    let letters = (!shown.sides().is_empty()).then(|| column(Key::Letter, "", 1, Side::Left, 0));
    let others = [
        column(Key::Number, "attempt", 7, Side::Left, 0),
        column(Key::Ratio, "ratio", wide, Side::Right, 0),
        column(Key::Heads, heads, width(heads).max(7), Side::Right, 5),
        column(Key::Channels, "channels", 11, Side::Right, 6),
        column(Key::AttentionError, "attn err", 8, Side::Right, 1),
        column(Key::MlpError, "mlp err", 8, Side::Right, 1),
        column(Key::Output, "output", 8, Side::Right, 2),
        column(Key::Score, "score", 16, Side::Left, 7),
        column(Key::Groups, "groups", 9, Side::Left, 4),
        column(Key::Damping, "damping", 7, Side::Right, 3),
        column(Key::Compensation, "compensated", 11, Side::Left, 8),
    ];
    letters.into_iter().chain(others).collect()
}

pub fn draw(view: &mut Canvas<'_>, area: Rect, shown: &Shown<'_>) {
    let attempts = &shown.layer.attempts;
    let glyphs = view.theme.glyphs;
    let note = format!("{} active  {} stale", glyphs.active(), glyphs.status(Status::Stale));
    let note = if attempts.is_empty() { String::new() } else { note };
    let inner = view.panel(&ATTEMPTS.panel, area, "Attempts", &note);
    if attempts.is_empty() && shown.layer.work.is_none() && shown.waiting == 0 {
        let (start, retry) = (view.key(Action::Start), view.key(Action::Retry));
        let text = if view.state.is_replay() {
            "No attempt yet.".into()
        } else {
            format!("No attempt yet. Prune all layers with {start}, or this one alone with {retry}.")
        };
        view.absent(inner, &text);
        return;
    }
    let heads = status::unit_names(view.state, shown.index, Part::Attention).1;
    let places = lay_out(columns(shown, heads), inner.width);
    let head = Rect { height: 1, ..inner };
    for place in &places {
        place.write(view.buffer, head, place.head, view.theme.style(Role::Title));
    }
    let working = usize::from(shown.layer.work.is_some());
    let count = attempts.len() + working + shown.waiting;
    let compared = compared(view, shown, inner.width);
    let spare = inner.height.saturating_sub(1 + count as u16);
    let wanted = compared.len() as u16 + 1;
    let below = if wanted <= spare { wanted } else { 0 };
    let rows = usize::from(inner.height.saturating_sub(1 + below));
    let cursor = view.state.screens.layer.attempt.min(count.saturating_sub(1));
    let first = first_in_sight(cursor, count, rows);
    for (down, at) in (first..count).take(rows).enumerate() {
        let row = Rect { y: inner.y + 1 + down as u16, height: 1, ..inner };
        match attempts.get(at) {
            Some(result) => {
                view.hits.add(row, Pointed::Row { panel: &ATTEMPTS.panel, row: at });
                attempt_row(view, row, shown, result, at == cursor, &places);
            }
            None if at < attempts.len() + working => work_row(view, row, shown, &places),
            None => waiting_row(view, row, at - attempts.len() - working, &places),
        }
        if at == cursor && at < attempts.len() {
            view.buffer.set_style(row, view.theme.style(Role::Selected));
        }
    }
    if below > 0 {
        for (row, line) in compared.into_iter().enumerate() {
            view.line(inner, 2 + rows.min(count) as u16 + row as u16, line);
        }
    }
}

fn standing(view: &Canvas<'_>, shown: &Shown<'_>, result: &AttemptResult) -> (&'static str, Role) {
    let glyphs = view.theme.glyphs;
    let active = view.state.layers.iter().map(|layer| layer.chosen);
    if result.attempt.is_stale(active, None, |_| None) {
        (glyphs.status(Status::Stale), Role::Stale)
    } else if shown.layer.chosen == Some(result.attempt.number) {
        (glyphs.active(), Role::Done)
    } else {
        (" ", Role::Text)
    }
}

fn attempt_row(
    view: &mut Canvas<'_>,
    row: Rect,
    shown: &Shown<'_>,
    result: &AttemptResult,
    cursor: bool,
    places: &[Place<Key>],
) {
    let (stale, role) = standing(view, shown, result);
    let chosen = shown.layer.chosen == Some(result.attempt.number);
    let here = if cursor { view.theme.glyphs.cursor() } else { " " };
    let force = if chosen { view.theme.glyphs.active() } else { " " };
    let mark = if stale == force { " " } else { stale };
    let notation = view.state.interface.notation;
    let record = |part: Part| {
        let record = result.record(part);
        (format!("{}/{}", record.kept.len(), record.units), notation.relative(record.relative_error))
    };
    let side = shown.sides().into_iter().find(|side| side.result.attempt.number == result.attempt.number);
    for place in places {
        let (text, role) = match place.key {
            Key::Letter => match &side {
                Some(side) => (side.letter.to_string(), side.role),
                None => (String::new(), Role::Text),
            },
            Key::Number => (format!("{here}{:>2} {force}{mark}", result.attempt.number), role),
            Key::Heads => (record(Part::Attention).0, Role::Text),
            Key::Channels => (record(Part::Mlp).0, Role::Text),
            Key::AttentionError => (record(Part::Attention).1, Role::Text),
            Key::MlpError => (record(Part::Mlp).1, Role::Text),
            Key::Output => {
                (result.record.output_error.map_or("–".into(), |value| view.relative(value)), Role::Text)
            }
            Key::Ratio | Key::Score | Key::Groups | Key::Damping | Key::Compensation => {
                (of_method(&result.attempt.method, place.key), Role::Text)
            }
        };
        place.write(view.buffer, row, &text, view.theme.style(role));
    }
}

/// The attempt being solved, below the finished ones.
fn work_row(view: &mut Canvas<'_>, row: Rect, shown: &Shown<'_>, places: &[Place<Key>]) {
    let Some(work) = &shown.layer.work else { return };
    let notation = view.state.interface.notation;
    let left = |part: Part| {
        let part = work.view(part);
        (
            format!("{}/{}", part.kept(), part.units),
            part.relative_error().map_or("–".into(), |value| notation.relative(value)),
        )
    };
    for place in places {
        let text = match place.key {
            Key::Number => format!(" {:>2} {}", work.attempt, view.theme.glyphs.status(Status::Pruning)),
            Key::Heads => left(Part::Attention).0,
            Key::Channels => left(Part::Mlp).0,
            Key::AttentionError => left(Part::Attention).1,
            Key::MlpError => left(Part::Mlp).1,
            Key::Letter => String::new(),
            Key::Output => "–".into(),
            Key::Ratio | Key::Score | Key::Groups | Key::Damping | Key::Compensation => {
                of_method(&work.method, place.key)
            }
        };
        place.write(view.buffer, row, &text, view.theme.style(Role::Live));
    }
}

/// A retry that has not begun, below the attempt being solved.
fn waiting_row(view: &mut Canvas<'_>, row: Rect, place: usize, places: &[Place<Key>]) {
    let Some(method) = view.state.waiting_retries(view.state.layer).nth(place).cloned() else { return };
    for place in places {
        let text = match place.key {
            Key::Number => format!("  {} …", view.theme.glyphs.status(Status::Waiting)),
            Key::Letter | Key::Heads | Key::Channels | Key::MlpError | Key::Output => String::new(),
            Key::AttentionError => "waits".into(),
            Key::Ratio | Key::Score | Key::Groups | Key::Damping | Key::Compensation => {
                of_method(&method, place.key)
            }
        };
        place.write(view.buffer, row, &text, view.theme.style(Role::Waiting));
    }
}

fn of_method(method: &Method, key: Key) -> String {
    match key {
        Key::Ratio => ratio(method.ratio),
        Key::Score => method.solver.score.order_of_heads(method.solver.head_score).into(),
        Key::Groups => method.solver.group_size.to_string(),
        Key::Damping => method.solver.damping.to_string(),
        Key::Compensation => if method.solver.compensation { "yes" } else { "no" }.into(),
        Key::Letter
        | Key::Number
        | Key::AttentionError
        | Key::MlpError
        | Key::Output
        | Key::Heads
        | Key::Channels => String::new(),
    }
}

/// Compares the attempt under the cursor with the active one: errors, and units that only one of them keeps.
fn compared<'t>(view: &Canvas<'_>, shown: &Shown<'_>, columns: u16) -> Vec<Vec<Span<'t>>> {
    let Some(force) = shown.layer.active() else { return Vec::new() };
    let Some(other) = shown.layer.attempts.get(view.state.screens.layer.attempt) else { return Vec::new() };
    if other.attempt.number == force.attempt.number {
        return Vec::new();
    }
    let arrow = view.theme.glyphs.arrow();
    let title = format!("attempt {} active {arrow} attempt {}", force.attempt.number, other.attempt.number);
    let from_to = |name: &str, role: Role, before: f64, after: f64| {
        vec![
            view.span(format!("{name:<10}"), role),
            view.span(format!("{} {arrow} {}", view.relative(before), view.relative(after)), Role::Text),
            view.span(format!("  {:>9}", change(before, after)), Role::Text),
        ]
    };
    let mut lines = vec![vec![view.span(title, Role::Title)]];
    if let (Some(before), Some(after)) = (force.record.output_error, other.record.output_error) {
        lines.push(from_to("output", Role::Pruned, before, after));
    }
    for part in [Part::Attention, Part::Mlp] {
        let (a, b) = (force.record(part), other.record(part));
        let mut line =
            from_to(&part.to_string(), status::part_role(part), a.relative_error, b.relative_error);
        let units = view.span(units(&a.kept, &b.kept), Role::Muted);
        if columns >= 90 {
            line.push(Span::raw("   "));
            line.push(units);
            lines.push(line);
        } else {
            lines.extend([line, vec![Span::raw("  "), units]]);
        }
    }
    lines
}

/// The number of kept units that two attempts share. Both lists ascend.
fn units(before: &[usize], after: &[usize]) -> String {
    let only = |left: &[usize], right: &[usize]| {
        left.iter().filter(|unit| right.binary_search(unit).is_err()).count()
    };
    let gone = only(before, after);
    format!("both keep {}, only before {gone}, only after {}", before.len() - gone, only(after, before))
}

pub fn brief<'t>(view: &Canvas<'_>, shown: &Shown<'_>) -> Vec<Vec<Span<'t>>> {
    let attempts = &shown.layer.attempts;
    if let Some(work) = &shown.layer.work {
        return vec![
            vec![
                view.span(
                    format!("{} {} ", view.theme.glyphs.status(Status::Pruning), work.attempt),
                    Role::Live,
                ),
                view.span(format!("ratio {}", ratio(work.method.ratio)), Role::Text),
            ],
            vec![view.span(format!("{} earlier", attempts.len()), Role::Muted)],
        ];
    }
    let Some(force) = shown.layer.active() else {
        return vec![vec![view.span("no attempt yet", Role::Muted)]];
    };
    let (mark, role) = standing(view, shown, force);
    let output = force.record.output_error.map_or("–".into(), |value| view.relative(value));
    // Numbers may be missing, so the highest one is not the count.
    let highest = attempts.iter().map(|result| result.attempt.number).max().unwrap_or(0);
    vec![
        vec![
            view.span(format!("{mark} {} of {} ", force.attempt.number, highest.max(attempts.len())), role),
            view.span(format!("ratio {}", ratio(force.attempt.method.ratio)), Role::Text),
        ],
        vec![view.span("output ", Role::Muted), view.span(output, Role::Text)],
    ]
}
