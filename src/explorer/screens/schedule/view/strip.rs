//! The predicted error of every part, below the bars of the ratios.

use ratatui::{layout::Rect, text::Span};

use crate::{
    explorer::{
        screens::schedule::predict::{Predicted, Prediction},
        view::{
            Canvas, Role, status,
            widgets::{Scale, pillar, put, symbols, write},
        },
    },
    prune::Part,
    words::change,
};

/// Minimum rows of the panel for a strip, and for one with tall bars.
const LEAST: u16 = 14;
const TALL: u16 = 26;
/// Rows of a part if the bars are tall.
const BARS: u16 = 3;
/// Lowest share of the height for a cost above 0.
const LOWEST: f64 = 0.08;

/// Rows of the strip in a panel of this height: the bars of both parts, and a line with the sums.
pub fn rows(height: u16) -> u16 {
    match height {
        0..LEAST => 0,
        LEAST..TALL => 3,
        _ => 2 * BARS + 1,
    }
}

/// Draws the strip. `columns` gives the columns of a layer, which are those of the chart above.
pub fn draw(
    view: &mut Canvas<'_>,
    area: Rect,
    plot: Rect,
    prediction: &Prediction,
    columns: impl Fn(usize) -> std::ops::Range<u16>,
) {
    let tall = area.height.saturating_sub(1) / 2;
    let all = prediction.parts.iter().flatten().flatten().map(|predicted| predicted.cost);
    let scale = Scale::log(all);
    for (at, part) in [Part::Attention, Part::Mlp].into_iter().enumerate() {
        let rows = Rect { y: area.y + at as u16 * tall, height: tall, ..area };
        let name = match part {
            Part::Attention => "attn",
            Part::Mlp => "mlp",
        };
        let role = status::part_role(part);
        write(
            view.buffer,
            Rect { width: plot.x - area.x, ..rows },
            area.x,
            rows.bottom() - 1,
            name,
            view.theme.style(role),
        );
        for (layer, parts) in prediction.parts.iter().enumerate() {
            let range = columns(layer);
            let bar = Rect { x: range.start, width: range.end - range.start, ..rows };
            let role = if layer == view.state.layer { Role::Active } else { role };
            one(view, bar, parts[at], scale.as_ref(), role);
        }
    }
    sums(view, Rect { y: area.bottom() - 1, height: 1, ..area }, prediction);
}

fn one(view: &mut Canvas<'_>, bar: Rect, predicted: Option<Predicted>, scale: Option<&Scale>, role: Role) {
    let Some(Predicted { cost, .. }) = predicted else { return };
    let share = scale.and_then(|scale| scale.place(cost)).map(|share| share.max(LOWEST));
    match share {
        Some(share) => pillar(view.buffer, bar, share, view.theme.style(role), view.theme.glyphs),
        // A part that loses nothing is a line, not a gap.
        None => {
            for x in bar.left()..bar.right() {
                let sign = symbols(view.theme.glyphs).horizontal;
                put(view.buffer, bar, x, bar.bottom() - 1, sign, view.theme.style(Role::Faint));
            }
        }
    }
}

/// The predicted sum against that of the active attempts.
fn sums(view: &mut Canvas<'_>, row: Rect, prediction: &Prediction) {
    let about = if prediction.extrapolated { "about " } else { "" };
    let mut line = vec![
        view.span("predicted ", Role::Muted),
        view.span(format!("{about}{}", view.relative(prediction.planned)), Role::Planned),
    ];
    if prediction.active > 0.0 {
        line.push(view.span(", as pruned ", Role::Muted));
        line.push(view.span(view.relative(prediction.active), Role::Pruned));
        line.push(view.span(format!(", {}", change(prediction.active, prediction.planned)), Role::Text));
    }
    let formula = view.span(format!("   {}", prediction.basis.formula()), Role::Muted);
    // Half a formula says nothing.
    let taken: usize = line.iter().map(Span::width).sum();
    if taken + formula.width() <= usize::from(row.width) {
        line.push(formula);
    }
    view.line(row, 0, line);
}
