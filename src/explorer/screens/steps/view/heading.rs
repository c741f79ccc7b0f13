//! The place in the path: layer, part and step; the sub-steps; the groups.

use ratatui::layout::Rect;

use super::Shown;
use crate::{
    explorer::{
        screens::steps::Phase,
        view::{
            Canvas, Role, status,
            widgets::{width, write},
        },
    },
    prune::{Part, group_sizes},
    words::count,
};

pub fn draw(view: &mut Canvas<'_>, area: Rect, shown: &Shown<'_>) {
    let (sizes, what) = groups(view, shown);
    let place = step_words(shown, sizes.len());
    let attempt = format!(", attempt {}", shown.recorded.attempt);
    let mut line = vec![
        view.span(format!(" Layer {} {}", shown.cursor.layer, shown.cursor.part), Role::Title),
        view.span(attempt, Role::Muted),
        view.span(place, Role::Text),
    ];
    let (recorded, seen) = shown.recorded.counts();
    if recorded < seen {
        line.push(view.span(
            format!("  ({} of {} are recorded)", count(recorded as u64), count(seen as u64)),
            Role::Muted,
        ));
    }
    view.line(area, 0, line);
    phases(view, Rect { y: area.y + 1, height: 1, ..area }, shown);
    strip(view, Rect { y: area.y + 2, height: 1, ..area }, shown, &sizes, &what);
}

fn step_words(shown: &Shown<'_>, steps: usize) -> String {
    let step = count(shown.cursor.step as u64 + 1);
    format!("   step {step} of {}", count(steps.max(shown.cursor.step + 1) as u64))
}

/// The sub-steps, with the current one marked.
fn phases(view: &mut Canvas<'_>, area: Rect, shown: &Shown<'_>) {
    let mut line = vec![view.span(" ", Role::Muted)];
    for (at, phase) in Phase::ALL.into_iter().enumerate() {
        if at > 0 {
            line.push(view.span(format!(" {} ", view.theme.glyphs.arrow()), Role::Faint));
        }
        let name = phase.name();
        let (open, close) = view.theme.glyphs.choice();
        if phase == shown.cursor.phase {
            line.push(view.span(format!("{open}{name}{close}"), Role::Active));
        } else {
            let role = if phase < shown.cursor.phase { Role::Done } else { Role::Muted };
            line.push(view.span(name, role));
        }
    }
    view.line(area, 0, line);
}

/// The size of every group, and what the strip says before them.
fn groups(view: &Canvas<'_>, shown: &Shown<'_>) -> (Vec<usize>, String) {
    let names = status::unit_names(view.state, shown.cursor.layer, shown.cursor.part);
    match shown.cursor.part {
        Part::Attention => (vec![1; shown.picture.goal], format!("{} leave one at a time:", names.1)),
        Part::Mlp => {
            let kind = view.state.method(shown.cursor.layer).solver.group_size;
            (group_sizes(kind, shown.picture.goal), format!("{} leave in groups:", names.1))
        }
    }
}

/// The groups in order: those removed, the one of this step, and those to come. If not all fit, those around this step.
fn strip(view: &mut Canvas<'_>, area: Rect, shown: &Shown<'_>, sizes: &[usize], what: &str) {
    let end = write(view.buffer, area, area.x + 1, area.y, what, view.theme.style(Role::Muted));
    let area = Rect { x: end + 2, width: area.right().saturating_sub(end + 2), ..area };
    let name = status::unit_names(view.state, shown.cursor.layer, shown.cursor.part).0;
    let names = words(shown, sizes, name);
    let at = shown.cursor.step.min(names.len().saturating_sub(1));
    let arrow = format!(" {} ", view.theme.glyphs.arrow());
    let (mut first, mut last) = (at, at);
    let room = area.width.saturating_sub(8);
    let mut used = names.get(at).map_or(0, |name| width(name) + 2);
    // Neighbours are added on both sides while they fit.
    loop {
        let mut grown = false;
        if let Some(name) = first.checked_sub(1).and_then(|before| names.get(before))
            && used + width(name) + 3 <= room
        {
            (first, used, grown) = (first - 1, used + width(name) + 3, true);
        }
        if let Some(name) = names.get(last + 1)
            && used + width(name) + 3 <= room
        {
            (last, used, grown) = (last + 1, used + width(name) + 3, true);
        }
        if !grown {
            break;
        }
    }
    let mut line = Vec::new();
    if first > 0 {
        line.push(view.span(format!("{}{arrow}", view.theme.glyphs.ellipsis()), Role::Faint));
    }
    let (open, close) = view.theme.glyphs.choice();
    for (group, name) in names.iter().enumerate().take(last + 1).skip(first) {
        if group > first {
            line.push(view.span(arrow.clone(), Role::Faint));
        }
        line.push(match group.cmp(&at) {
            std::cmp::Ordering::Less => view.span(name.clone(), Role::Removed),
            std::cmp::Ordering::Equal => view.span(format!("{open}{name}{close}"), Role::Cut),
            std::cmp::Ordering::Greater => view.span(name.clone(), Role::Muted),
        });
    }
    if last + 1 < names.len() {
        line.push(view.span(format!("{arrow}{}", view.theme.glyphs.ellipsis()), Role::Faint));
    }
    view.line(area, 0, line);
}

/// A word for every group: its size, or the number of the head if it is known.
fn words(shown: &Shown<'_>, sizes: &[usize], name: &str) -> Vec<String> {
    let word = |(step, size): (usize, &usize)| match (shown.cursor.part, shown.recorded.get(step)) {
        (Part::Attention, Some(picture)) => {
            picture.leaving.first().map_or(String::new(), |unit| format!("{name} {unit}"))
        }
        (Part::Attention, None) => "?".into(),
        (Part::Mlp, _) => count(*size as u64),
    };
    sizes.iter().enumerate().map(word).collect()
}
