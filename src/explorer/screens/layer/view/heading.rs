//! The heading of the Layer screen: layer, status, both parts and the attempt.

use ratatui::layout::Rect;

use super::{Shown, Side};
use crate::{
    explorer::{
        Status,
        view::{
            Canvas, Role, status,
            widgets::{width, wrap},
        },
    },
    prune::Part,
    words::ratio,
};

/// Maximum number of rows of a cause.
const CAUSE: usize = 4;

pub fn rows(shown: &Shown<'_>, columns: u16) -> u16 {
    1 + shown.layer.failed.as_ref().map_or(0, |cause| wrap(cause, cause_width(columns)).len().min(CAUSE))
        as u16
}

/// Columns for the cause of a failure, after its mark.
fn cause_width(columns: u16) -> u16 {
    columns.saturating_sub(4)
}

pub fn draw(view: &mut Canvas<'_>, area: Rect, shown: &Shown<'_>) {
    let glyphs = view.theme.glyphs;
    let of = if area.width < 100 { String::new() } else { format!("of {} ", view.state.layers.len()) };
    let mut line = vec![
        view.span(format!(" Layer {} ", shown.index), Role::Title),
        view.span(of, Role::Muted),
        view.span(
            format!(" {} {}", glyphs.status(shown.status), shown.status.name()),
            status::role(shown.status),
        ),
    ];
    for part in [Part::Attention, Part::Mlp] {
        let (mark, role) =
            if part == shown.part { (glyphs.cursor(), Role::Active) } else { (" ", Role::Muted) };
        line.push(view.span(format!("  {mark} {part}"), role));
        line.push(
            view.span(summary(view, shown, part), if part == shown.part { Role::Text } else { Role::Muted }),
        );
    }
    let used: u16 = line.iter().map(|span| width(&span.content)).sum();
    view.line(area, 0, line);
    let attempt = attempt_words(shown);
    let wide = width(&attempt) + 1;
    if used + wide + 2 <= area.width {
        let behind = Rect { x: area.right() - wide, width: wide, ..area };
        let line = vec![view.span(attempt, Role::Muted)];
        view.line(behind, 0, line);
    }
    if let Some(cause) = &shown.layer.failed {
        let mark = format!(" {} ", glyphs.status(Status::Failed));
        for (at, range) in wrap(cause, cause_width(area.width)).into_iter().take(CAUSE).enumerate() {
            let led = if at == 0 { mark.clone() } else { " ".repeat(3) };
            let line = vec![view.span(led, Role::Failed), view.span(cause[range].to_string(), Role::Failed)];
            view.line(area, at as u16 + 1, line);
        }
    }
}

/// Kept units out of all units, and the relative error.
fn summary(view: &Canvas<'_>, shown: &Shown<'_>, part: Part) -> String {
    match shown.layer.view(part).filter(|seen| seen.units > 0) {
        Some(seen) => {
            let value = match &shown.layer.work {
                Some(_) => seen.relative_error(),
                None => shown.layer.active().map(|result| result.record(part).relative_error),
            };
            let value = value.map_or(String::new(), |value| {
                format!(" {} {}", view.theme.glyphs.separator(), view.relative(value))
            });
            format!(" {}/{}{value}", seen.kept(), seen.units)
        }
        None => {
            let (units, goal) = status::planned(view.state, shown.index, part);
            format!(" {}/{units} planned", units - goal.min(units))
        }
    }
}

fn attempt_words(shown: &Shown<'_>) -> String {
    if shown.side_by_side() {
        let name = |side: &Side<'_>| format!("{} {}", side.letter, side.result.attempt.number);
        let names: Vec<String> = shown.sides().iter().map(name).collect();
        return format!("attempts {} side by side", names.join(", "));
    }
    match (&shown.layer.work, shown.layer.active()) {
        (Some(work), _) => {
            format!("attempt {} in progress, ratio {}", work.attempt, ratio(work.method.ratio))
        }
        (None, Some(result)) => {
            let (number, ratio) = (result.attempt.number, ratio(result.attempt.method.ratio));
            match shown.layer.attempts.len() {
                0 | 1 => format!("attempt {number}, ratio {ratio}"),
                many => format!("attempt {number}, one of {many}, ratio {ratio}"),
            }
        }
        (None, None) => String::new(),
    }
}
