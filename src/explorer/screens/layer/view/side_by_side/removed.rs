//! The sets of removed units of the marked attempts: what all remove, what some remove, and what all keep.

use ratatui::{layout::Rect, text::Span};

use super::{
    LayerPanel, Shown, Side, Width, explain, legend, of_layer,
    sets::{Combination, Sets},
};
use crate::{
    explorer::{
        Figure, Panel,
        view::{
            Canvas, Role, status,
            widgets::{measurement, width, write},
        },
    },
    words::{count, plural},
};

pub static REMOVED: LayerPanel = LayerPanel {
    panel: Panel {
        title: "Removed units",
        explain: |_| explain::removed_units(),
        figure: |state| of_layer(state, |layer, _| Figure::Attempts { layer }),
        draw: super::super::alone,
    },
    draw,
    brief: |view, _, shown| brief(view, shown),
    small: None,
    grows: false,
    width: Width::Share(2),
};

/// Columns of the bars.
const BAR: u16 = 16;

fn draw(view: &mut Canvas<'_>, area: Rect, shown: &Shown<'_>) {
    let names = status::unit_names(view.state, shown.index, shown.part).1;
    let sides = shown.sides();
    let inner = view.panel(&REMOVED.panel, area, &format!("Removed {names}"), "");
    let Some(sets) = Sets::of(&sides, shown.part) else {
        return view.absent(inner, DIFFERENT);
    };
    let line = legend(view, shown);
    view.line(inner, 0, line);
    let found = sets.combinations();
    let named: Vec<String> = found.iter().map(|one| name(&sides, one.bits)).collect();
    let widest = named.iter().map(|name| width(name)).max().unwrap_or(0);
    let digits = found.iter().map(|one| width(&count(one.units.len() as u64))).max().unwrap_or(1);
    let units: usize = found.iter().map(|one| one.units.len()).sum();
    let rows = inner.height.saturating_sub(3);
    for ((row, one), name) in (2..).zip(&found).zip(&named).take(usize::from(rows)) {
        let role = role(&sides, one.bits);
        let y = inner.y + row;
        let end = write(view.buffer, inner, inner.x, y, name, view.theme.style(role));
        let at = (inner.x + widest + 2).max(end + 1);
        let number = format!("{:>1$}", count(one.units.len() as u64), usize::from(digits));
        let end = write(view.buffer, inner, at, y, &number, view.theme.style(Role::Text)) + 1;
        let bar = BAR.min(inner.right().saturating_sub(end) / 3);
        let place = Rect { x: end, y, width: bar, height: 1 }.intersection(inner);
        let share = one.units.len() as f64 / units.max(1) as f64;
        measurement(view.buffer, place, share, view.theme.style(role), view.theme.glyphs);
        let from = end + bar + 1;
        let list = listed(one, inner.right().saturating_sub(from));
        write(view.buffer, inner, from, y, &list, view.theme.style(Role::Muted));
    }
    let line = vec![view.span(reading(&sets, &sides, names), Role::Text)];
    view.line(inner, 1, line);
}

const DIFFERENT: &str = "The attempts have different kinds of units (query heads and KV groups), so their sets cannot be compared.";

/// `only A`, `A and B`, `all three`, `kept by all`.
fn name(sides: &[Side<'_>], bits: u8) -> String {
    let letters: Vec<String> = sides
        .iter()
        .enumerate()
        .filter(|(at, _)| bits & 1 << at != 0)
        .map(|(_, side)| side.letter.to_string())
        .collect();
    match (letters.len(), sides.len()) {
        (0, 2) => "kept by both".into(),
        (0, _) => "kept by all".into(),
        (1, _) => format!("only {}", letters[0]),
        (2, 2) => "both".into(),
        (many, all) if many == all => "all three".into(),
        _ => letters.join(" and "),
    }
}

fn role(sides: &[Side<'_>], bits: u8) -> Role {
    match (bits.count_ones(), bits.trailing_zeros()) {
        (0, _) => Role::Kept,
        (1, at) => sides.get(at as usize).map_or(Role::Text, |side| side.role),
        (_, _) => Role::Removed,
    }
}

/// As many units as fit, in ascending order.
fn listed(one: &Combination, columns: u16) -> String {
    let mut list = String::new();
    for (at, unit) in one.units.iter().enumerate() {
        let next = if at == 0 { unit.to_string() } else { format!(", {unit}") };
        let last = at + 1 == one.units.len();
        let room = usize::from(columns).saturating_sub(if last { 0 } else { 3 });
        if list.len() + next.len() > room {
            return if list.is_empty() { list } else { list + ", …" };
        }
        list += &next;
    }
    list
}

/// How the sets are related, in a sentence.
fn reading(sets: &Sets, sides: &[Side<'_>], names: &str) -> String {
    if sets.are_equal() {
        return format!("All remove the same {names}");
    }
    let letter = |at: &usize| sides[*at].letter.to_string();
    if let Some(order) = sets.nested() {
        let steps: Vec<String> =
            order.windows(2).map(|two| format!("{} all of {}’s", letter(&two[1]), letter(&two[0]))).collect();
        return steps.join(", ").replacen(" all", " removes all", 1);
    }
    let (common, any) = sets.common();
    let by = if sides.len() == 2 { "by both" } else { "by all" };
    let share = (100.0 * common as f64 / any.max(1) as f64).round();
    format!("{} of {} are removed {by}, {share} %", count(common as u64), plural(any, "unit", names))
}

fn brief<'t>(view: &Canvas<'_>, shown: &Shown<'_>) -> Vec<Vec<Span<'t>>> {
    let sides = shown.sides();
    let Some(sets) = Sets::of(&sides, shown.part) else {
        return vec![vec![view.span("different kinds of units", Role::Muted)]];
    };
    let names = status::unit_names(view.state, shown.index, shown.part).1;
    let mut line = Vec::new();
    for one in sets.combinations().iter().filter(|one| one.bits != 0) {
        line.push(view.span(format!("{} ", name(&sides, one.bits)), role(&sides, one.bits)));
        line.push(view.span(format!("{}  ", count(one.units.len() as u64)), Role::Text));
    }
    vec![line, vec![view.span(reading(&sets, &sides, names), Role::Muted)]]
}
