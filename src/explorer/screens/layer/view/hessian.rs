//! Statistics of the Hessian of the pruned weight: scale, spread and conditioning.

use std::ops::Range;

use ratatui::{
    layout::{Constraint, Layout, Rect},
    text::Span,
};

use super::{LayerPanel, Shown, Width, explain, of_layer, words_and_picture};
use crate::{
    explorer::{
        Figure, Panel,
        view::{
            Canvas, Division, Fact, Role,
            widgets::{Scale, axes, crest, scale_below},
        },
    },
    protocol::{Event, HessianStats, MomentPicture},
    words::{count, measure, plural},
};

pub static HESSIAN: LayerPanel = LayerPanel {
    panel: Panel {
        title: "Hessian",
        explain: |_| explain::hessian(),
        figure: |state| of_layer(state, |layer, part| Figure::Hessian { layer, part }),
        draw: super::alone,
    },
    draw,
    brief: |view, _, shown| brief(view, shown),
    small: Some(small),
    grows: true,
    width: Width::Share(2),
};

/// Above this condition number, compensation depends on small differences of large numbers.
const HIGH_CONDITION: f64 = 1e6;

pub fn draw(view: &mut Canvas<'_>, area: Rect, shown: &Shown<'_>) {
    let weight = match shown.part {
        crate::prune::Part::Attention => "inputs of o_proj",
        crate::prune::Part::Mlp => "inputs of down_proj",
    };
    let inner = view.panel(&HESSIAN.panel, area, "Hessian", weight);
    let Some(stats) = shown.stats() else {
        let text = shown.why_nothing(view);
        view.absent(inner, &text);
        return;
    };
    let facts = facts(shown, stats);
    let high = facts.len() as u16;
    let wide = Canvas::facts_width(&facts) + 3;
    let beside = inner.width >= wide + 26;
    let [left, right] = if beside {
        Layout::horizontal([Constraint::Length(wide), Constraint::Fill(1)]).areas(inner)
    } else {
        let high = if inner.height >= high + 6 { high } else { high.div_ceil(2) };
        Layout::vertical([Constraint::Length(high), Constraint::Fill(1)]).areas(inner)
    };
    view.facts(left, &facts);
    if let Some(seen) = shown.seen() {
        let gap = u16::from(!beside && right.height > 7);
        histogram(view, Rect { y: right.y + gap, height: right.height - gap, ..right }, &seen.picture);
    }
}

fn facts(shown: &Shown<'_>, stats: &HessianStats) -> Vec<Fact> {
    let inputs = if stats.diag_mean > 0.0 { (stats.trace / stats.diag_mean).round() as u64 } else { 0 };
    let dead = if inputs > 0 {
        format!("{} of {}", count(stats.dead as u64), count(inputs))
    } else {
        count(stats.dead as u64)
    };
    let mut facts = vec![
        Fact::new("trace", measure(stats.trace)),
        Fact::new("diagonal min", measure(stats.diag_min)),
        Fact::new("mean", measure(stats.diag_mean)),
        Fact::new("max", measure(stats.diag_max)),
        Fact::new("dead inputs", dead).role(if stats.dead > 0 { Role::Warning } else { Role::Text }),
        condition(stats),
        damping(shown, stats),
    ];
    let raised = |event: &Event| {
        matches!(event, Event::PrecisionRaised { part, .. } if *part == shown.part).then_some(())
    };
    if shown.reported(raised).is_some() {
        facts.push(Fact::new("solved in", "! f64, not f32").role(Role::Warning));
    }
    if let Some(energy) = shown.energy() {
        facts.push(Fact::new("E‖y‖²", measure(energy)));
    }
    facts
}

fn condition(stats: &HessianStats) -> Fact {
    if stats.condition == 0.0 {
        return Fact::new("condition", "not estimated").role(Role::Muted);
    }
    let high = stats.condition.is_nan() || stats.condition > HIGH_CONDITION;
    let text = format!("{}{:.1e}", if high { "! " } else { "" }, stats.condition);
    Fact::new("condition", text).role(if high { Role::Warning } else { Role::Text })
}

/// The damping used, marked if it is higher than the setting.
fn damping(shown: &Shown<'_>, stats: &HessianStats) -> Fact {
    let asked = shown.method().map_or(stats.damping_used, |method| method.solver.damping);
    if stats.damping_used > asked * 1.001 {
        Fact::new("damping", format!("! {}, not {asked}", stats.damping_used)).role(Role::Warning)
    } else {
        Fact::new("damping", format!("{}", stats.damping_used))
    }
}

/// Histogram of log₁₀ of the diagonal entries.
fn histogram(view: &mut Canvas<'_>, area: Rect, picture: &MomentPicture) {
    let bins = &picture.diag_histogram;
    let most = bins.iter().copied().max().unwrap_or(0);
    if most == 0 || area.height < 4 || area.width < 16 {
        return;
    }
    let title = vec![view.span("log10 of the diagonal", Role::Muted)];
    view.line(area, 0, title);
    let below = Rect { y: area.y + 1, height: area.height - 1, ..area };
    let plot = axes(view.buffer, below, &Scale::from_zero(f64::from(most)), view.theme);
    let highest = Scale::from_zero(f64::from(most));
    let columns = usize::from(plot.width);
    let style = view.theme.style(Role::Kept);
    let group = |column: usize| {
        let first = column * bins.len() / columns;
        first..((column + 1) * bins.len() / columns).max(first + 1).min(bins.len())
    };
    let highest_of = |column| bins[group(column)].iter().copied().max().unwrap_or(0);
    for column in 0..columns {
        let value = highest_of(column);
        let bar = Rect { x: plot.x + column as u16, width: 1, ..plot };
        let share = highest.place(f64::from(value)).unwrap_or(0.0);
        crest(view.buffer, bar, share, style, view.theme.style(Role::Faint), view.theme.glyphs);
    }
    let [low, high] = picture.diag_log_range;
    scale_below(view.buffer, plot, &Scale::between(low, high), view.theme);
    view.read((plot, Division::Bars(columns), Division::Whole), |_, column, _| {
        let edge = |bin: usize| low + (high - low) * bin as f64 / bins.len() as f64;
        let Range { start, end } = group(column);
        let inputs = plural(highest_of(column) as usize, "input", "inputs");
        Some(format!("{inputs} from {:.2} to {:.2}", edge(start), edge(end)))
    });
}

/// Draws the histogram at the bottom of the small panel. Returns the area left for words.
pub fn small(view: &mut Canvas<'_>, area: Rect, shown: &Shown<'_>) -> Option<Rect> {
    let (words, picture) = words_and_picture(area)?;
    histogram(view, picture, &shown.seen()?.picture);
    Some(words)
}

pub fn brief<'t>(view: &Canvas<'_>, shown: &Shown<'_>) -> Vec<Vec<Span<'t>>> {
    let Some(stats) = shown.stats() else { return vec![vec![view.span("not measured yet", Role::Muted)]] };
    let condition = condition(stats);
    let damping = damping(shown, stats);
    vec![
        vec![
            view.span("trace ", Role::Muted),
            view.span(measure(stats.trace), Role::Text),
            view.span("  cond ", Role::Muted),
            view.span(condition.value, condition.role),
        ],
        vec![
            view.span("dead ", Role::Muted),
            view.span(count(stats.dead as u64), if stats.dead > 0 { Role::Warning } else { Role::Text }),
            view.span("  damping ", Role::Muted),
            view.span(damping.value.split(',').next().unwrap_or_default().to_string(), damping.role),
        ],
    ]
}
