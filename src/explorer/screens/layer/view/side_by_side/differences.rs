//! The marked attempts in numbers, with the differences from the first one.

use ratatui::{layout::Rect, text::Span};

use super::{LayerPanel, Shown, Side, Width, explain, figure_lines, of_layer};
use crate::{
    explorer::{
        AttemptResult, Figure, Panel,
        view::{
            Canvas, Role, status,
            widgets::{width, write},
        },
    },
    prune::Part,
    words::{change, count, error, parameters, ratio, short},
};

pub static DIFFERENCES: LayerPanel = LayerPanel {
    panel: Panel {
        title: "Differences",
        explain: |_| explain::differences(),
        figure: |state| of_layer(state, |layer, _| Figure::Attempts { layer }),
        draw: super::super::alone,
    },
    draw,
    brief,
    small: None,
    grows: false,
    width: Width::Share(3),
};

/// A line of the table.
struct Line {
    name: String,
    /// One value per attempt.
    values: Vec<String>,
    /// The difference of every attempt but the first one from the first one.
    differences: Vec<String>,
}

/// How a difference is written.
#[derive(Clone, Copy)]
enum Difference {
    /// The change in per cent.
    Change,
    /// The number itself, with its sign.
    Count,
    /// A ratio, with its sign.
    Ratio,
    /// Seconds, with their sign.
    Seconds,
}

impl Difference {
    fn text(self, before: f64, after: f64) -> String {
        let by = after - before;
        let sign = if by < 0.0 { "−" } else { "+" };
        match self {
            Self::Change => change(before, after),
            Self::Count | Self::Ratio | Self::Seconds if by == 0.0 => "0".into(),
            Self::Count => format!("{sign}{}", count(by.abs().round() as u64)),
            Self::Ratio => format!("{sign}{:.4}", by.abs()),
            Self::Seconds => format!("{sign}{:.2}", by.abs()),
        }
    }
}

fn line(
    name: impl Into<String>,
    sides: &[Side<'_>],
    value: impl Fn(&AttemptResult) -> Option<f64>,
    text: impl Fn(f64) -> String,
    difference: Difference,
) -> Line {
    let numbers: Vec<Option<f64>> = sides.iter().map(|side| value(side.result)).collect();
    let values = numbers.iter().map(|value| value.map_or("–".into(), &text)).collect();
    let first = numbers.first().copied().flatten();
    let differences = numbers.iter().skip(1).map(|value| match (first, value) {
        (Some(first), Some(value)) => difference.text(first, *value),
        (_, _) => "–".into(),
    });
    Line { name: name.into(), values, differences: differences.collect() }
}

/// A setting, if the attempts differ in it.
fn setting(name: &str, sides: &[Side<'_>], text: impl Fn(&AttemptResult) -> String) -> Option<Line> {
    let values: Vec<String> = sides.iter().map(|side| text(side.result)).collect();
    let differ = values.windows(2).any(|two| two[0] != two[1]);
    differ.then(|| Line { name: name.into(), differences: vec![String::new(); values.len() - 1], values })
}

fn table(view: &Canvas<'_>, shown: &Shown<'_>) -> Vec<Line> {
    use Difference::{Change, Count, Ratio, Seconds};
    let sides = shown.sides();
    let layer = shown.layer;
    let relative = |value: f64| view.relative(value);
    let units = |number: f64| count(number as u64);
    let of = |part: Part| move |result: &AttemptResult| Some(result.record(part).relative_error);
    let kept = |part: Part| move |result: &AttemptResult| Some(result.record(part).kept.len() as f64);
    let absolute = |part: Part| {
        move |result: &AttemptResult| {
            let record = result.record(part);
            if record.removed.is_empty() {
                return Some(0.0);
            }
            Some(record.relative_error * result.energy(part)?)
        }
    };
    let fewer = |result: &AttemptResult| {
        let unit = layer.shape.per_attention_unit(layer.unit_of(&result.record.attention));
        let (heads, channels) = (result.record.attention.removed.len(), result.record.mlp.removed.len());
        Some((heads as u64 * unit + channels as u64 * layer.shape.per_channel) as f64)
    };
    let mut lines = Vec::new();
    let ratios: Vec<String> = sides.iter().map(|side| ratio(side.result.attempt.method.ratio)).collect();
    let both = |side: &Side<'_>| side.result.attempt.method.ratio.one();
    if sides.iter().all(|side| both(side).is_some()) {
        let value = |result: &AttemptResult| result.attempt.method.ratio.one();
        lines.push(line("ratio", &sides, value, ratio, Ratio));
    } else {
        let differences = vec![String::new(); ratios.len() - 1];
        lines.push(Line { name: "ratio".into(), values: ratios, differences });
    }
    let names = status::unit_names(view.state, shown.index, Part::Attention).1;
    lines.push(line(format!("{names} kept"), &sides, kept(Part::Attention), units, Count));
    lines.push(line("channels kept", &sides, kept(Part::Mlp), units, Count));
    lines.push(line("parameters", &sides, fewer, |value| format!("−{}", parameters(value as u64)), Change));
    lines.push(line("output error", &sides, |result| result.record.output_error, relative, Change));
    for part in [Part::Attention, Part::Mlp] {
        let short = match part {
            Part::Attention => "attn",
            Part::Mlp => "mlp",
        };
        lines.push(line(format!("{short} relative"), &sides, of(part), relative, Change));
        lines.push(line(format!("{short} E‖Δy‖²"), &sides, absolute(part), error, Change));
    }
    let used =
        |result: &AttemptResult| result.record(shown.part).hessian.as_ref().map(|stats| stats.damping_used);
    lines.push(line("damping", &sides, used, short, Change));
    // A session does not keep the durations.
    if sides.iter().any(|side| side.result.seconds.is_some()) {
        lines.push(line("seconds", &sides, |result| result.seconds, |value| format!("{value:.2}"), Seconds));
    }
    let solver = |result: &AttemptResult| result.attempt.method.solver;
    let settings = [
        setting("score", &sides, |result| {
            let solver = solver(result);
            solver.score.order_of_heads(solver.head_score).into()
        }),
        setting("groups", &sides, |result| solver(result).group_size.to_string()),
        setting("compensated", &sides, |result| {
            if solver(result).compensation { "yes" } else { "no" }.into()
        }),
        setting("refined", &sides, |result| {
            result.record(shown.part).refined.map_or("no".into(), |refined| refined.swaps.to_string())
        }),
    ];
    lines.extend(settings.into_iter().flatten());
    lines
}

fn draw(view: &mut Canvas<'_>, area: Rect, shown: &Shown<'_>) {
    let sides = shown.sides();
    let lines = table(view, shown);
    let name = lines.iter().map(|line| width(&line.name)).max().unwrap_or(0);
    let widest = |texts: &dyn Fn(&Line) -> &Vec<String>| {
        lines.iter().flat_map(texts).map(|text| width(text)).max().unwrap_or(0).max(4)
    };
    let (value, difference) = (widest(&|line| &line.values), widest(&|line| &line.differences));
    let count = sides.len() as u16;
    let needed = |gap: u16| name + count * (value + gap) + (count - 1) * (difference + gap);
    let room = area.width.saturating_sub(2);
    let with_differences = needed(1) <= room;
    let gap = if needed(3) <= room { 3 } else { 1 };
    let note = if with_differences { "" } else { "z shows differences" };
    let inner = view.panel(&DIFFERENCES.panel, area, "Differences", note);
    let column = |at: u16| inner.x + name + gap + at * (value + gap);
    let difference_column = |at: u16| column(count) + at * (difference + gap);
    let mut right = |x: u16, wide: u16, row: u16, text: &str, role: Role| {
        let x = x + wide.saturating_sub(width(text));
        let style = view.theme.style(role);
        write(view.buffer, inner, x, inner.y + row, text, style);
    };
    for (at, side) in (0..).zip(&sides) {
        let head = format!("{} {}", side.letter, side.result.attempt.number);
        right(column(at), value, 0, &head, side.role);
        if at > 0 && with_differences {
            let head = format!("{} − {}", side.letter, sides[0].letter);
            right(difference_column(at - 1), difference, 0, &head, side.role);
        }
    }
    for (row, line) in (1..inner.height).zip(&lines) {
        for (at, text) in (0..).zip(&line.values) {
            right(column(at), value, row, text, Role::Text);
        }
        for (at, text) in (0..).zip(&line.differences).filter(|_| with_differences) {
            right(difference_column(at), difference, row, text, Role::Muted);
        }
    }
    for (row, line) in (1..inner.height).zip(&lines) {
        let style = view.theme.style(Role::Muted);
        write(view.buffer, inner, inner.x, inner.y + row, &line.name, style);
    }
}

fn brief<'t>(view: &mut Canvas<'_>, area: Rect, shown: &Shown<'_>) -> Vec<Vec<Span<'t>>> {
    figure_lines(view, shown, area.width, |side| ratio(side.result.attempt.method.ratio))
}
