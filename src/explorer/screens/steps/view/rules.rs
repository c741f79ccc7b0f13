//! What each rule would remove, side by side, and where they part.

use ratatui::layout::Rect;

use super::{CHOICE, Shown};
use crate::{
    explorer::{
        screens::steps::sentences,
        view::{
            Canvas, Role,
            widgets::{fit, width, wrap, write},
        },
    },
    names::Named,
    prune::{HeadScore, Part, RulePicture},
    words::{change, error},
};

/// Columns before the scores, and the fewest and most columns of a rule.
const UNIT: u16 = 4;
const COLUMN: (u16, u16) = (9, 12);

pub fn draw(view: &mut Canvas<'_>, area: Rect, shown: &Shown<'_>) {
    let inner = view.panel(&CHOICE, area, "Three rules", "");
    let rules = &shown.picture.rules;
    let verdict = verdict(view, shown);
    let lines = wrap(&verdict, inner.width.max(1));
    let rows = inner.height.saturating_sub(lines.len() as u16 + 1);
    let table = Rect { height: rows, ..inner };
    if rules.iter().all(|rule| !rule.scores.is_empty()) {
        heads(view, table, shown);
    } else {
        group(view, table, rules);
    }
    for (row, line) in lines.into_iter().enumerate() {
        let role = if part(rules) { Role::Warning } else { Role::Text };
        let line = vec![view.span(verdict[line].to_string(), role)];
        view.line(inner, rows + 1 + row as u16, line);
    }
}

/// True if not all rules remove the same unit.
fn part(rules: &[RulePicture]) -> bool {
    rules.windows(2).any(|two| two[0].pick != two[1].pick)
}

fn name(rule: HeadScore) -> &'static str {
    match rule {
        HeadScore::Exact => "exact",
        HeadScore::GroupedCholesky => "grouped",
        HeadScore::Diagonal => "diagonal",
    }
}

/// The scores of all units by every rule; the choice of each is marked. If not all fit, those with the lowest scores.
fn heads(view: &mut Canvas<'_>, area: Rect, shown: &Shown<'_>) {
    let rules = &shown.picture.rules;
    let column = (area.width.saturating_sub(UNIT) / 3).clamp(COLUMN.0, COLUMN.1);
    let x_of = |at: usize| area.x + UNIT + at as u16 * column;
    let wide = usize::from(column.saturating_sub(1));
    for (at, rule) in rules.iter().enumerate() {
        let x = x_of(at);
        let text = format!("{:>wide$}", name(rule.rule));
        write(view.buffer, area, x, area.y, &text, view.theme.style(Role::Title));
    }
    let mut units: Vec<usize> =
        sentences::ranked(&rules[0].scores).into_iter().map(|(unit, _)| unit).collect();
    units.truncate(usize::from(area.height.saturating_sub(1)));
    for (row, unit) in units.into_iter().enumerate() {
        let y = area.y + 1 + row as u16;
        write(view.buffer, area, area.x, y, &format!("{unit:>3}"), view.theme.style(Role::Muted));
        for (at, rule) in rules.iter().enumerate() {
            let Some(score) = rule.scores.get(unit).copied().flatten() else { continue };
            let picked = rule.pick == unit;
            let mark = if picked { view.theme.glyphs.cursor() } else { " " };
            let text = format!("{mark}{:>wide$}", error(score.into()), wide = wide.saturating_sub(1));
            let x = x_of(at);
            let role = if picked { Role::Cut } else { Role::Text };
            write(view.buffer, area, x, y, &text, view.theme.style(role));
        }
    }
}

/// The cost of the group as every rule estimates it.
fn group(view: &mut Canvas<'_>, area: Rect, rules: &[RulePicture]) {
    let told = "cost of the group";
    write(view.buffer, area, area.x, area.y, told, view.theme.style(Role::Title));
    for (row, rule) in rules.iter().enumerate() {
        let y = area.y + 1 + row as u16;
        let against =
            if rule.rule == HeadScore::Exact { String::new() } else { change(rule.exact, rule.cost) };
        let text = format!("{:<10}{:>9}  {against}", name(rule.rule), error(rule.cost));
        write(view.buffer, area, area.x, y, &fit(&text, area.width), view.theme.style(Role::Text));
        let formula = rule.rule.description().formula;
        let x = area.x + 32;
        if x + width(formula) <= area.right() {
            write(view.buffer, area, x, y, formula, view.theme.style(Role::Muted));
        }
    }
}

/// Whether the rules agree, and what another choice would cost.
fn verdict(view: &Canvas<'_>, shown: &Shown<'_>) -> String {
    let rules = &shown.picture.rules;
    let Some(exact) = rules.iter().find(|rule| rule.rule == HeadScore::Exact) else { return String::new() };
    if shown.cursor.part == Part::Mlp {
        return "For one channel, the rules agree. For a group, the diagonal adds the channels' own costs; the exact cost counts what they can compensate among themselves.".into();
    }
    let others: Vec<String> = rules
        .iter()
        .filter(|rule| rule.pick != exact.pick)
        .map(|rule| {
            let unit = sentences::unit(view.state, rule.pick);
            let more = change(exact.exact, rule.exact);
            format!("{} would remove {unit}, which costs {} ({more})", rule.rule.name(), error(rule.exact))
        })
        .collect();
    let unit = sentences::unit(view.state, exact.pick);
    if others.is_empty() {
        format!("All three would remove {unit}.")
    } else {
        format!("They part here: exact removes {unit} for {}; {}.", error(exact.exact), others.join("; "))
    }
}
