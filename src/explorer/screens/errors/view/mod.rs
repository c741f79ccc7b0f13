//! Draws the Errors screen: the output error over the layers, the errors of the parts, and what each part adds.

mod bars;
pub mod chart;
mod output;
mod parts;

use ratatui::layout::{Constraint, Layout, Rect};

use super::{ADDED, cost_of_tracking};
use crate::{
    explorer::{
        Action,
        view::{Canvas, Role, widgets::wrap},
    },
    prune::Part,
};

pub use parts::overview;

/// Minimum columns and rows for the bars beside the charts.
const BESIDE: (u16, u16) = (110, 16);
/// Columns of the bars beside the charts.
const BARS: (u16, u16) = (44, 64);
/// Minimum rows for a second chart below the first.
const TWO: u16 = 28;

pub fn draw(view: &mut Canvas<'_>, area: Rect) {
    let state = view.state;
    if state.layers.is_empty() {
        let inner = view.panel(&super::OUTPUT, area, "Output error", "");
        view.awaits(inner, "The errors appear once layers are pruned.");
        return;
    }
    let beside = area.width >= BESIDE.0 && area.height >= BESIDE.1;
    let bars = (area.width * 2 / 5).clamp(BARS.0, BARS.1);
    let [charts, side] =
        Layout::horizontal([Constraint::Fill(1), Constraint::Length(if beside { bars } else { 0 })])
            .areas(area);
    if beside {
        bars::draw(view, side);
    }
    let tracked = is_tracked(view);
    let focused = !beside && view.is_focused(&ADDED);
    match (charts.height >= TWO, focused) {
        (false, true) => bars::draw(view, charts),
        (false, false) if tracked => output::draw(view, charts, None),
        (_, false) if !tracked => untracked(view, charts),
        (true, focused) => {
            let [above, below] = Layout::vertical([Constraint::Fill(3), Constraint::Fill(2)]).areas(charts);
            if !tracked {
                untracked(view, above);
                bars::draw(view, below);
            } else if focused {
                output::draw(view, above, None);
                bars::draw(view, below);
            } else {
                // Both charts have the same margins, so a layer is in the same columns.
                let margins = output::margins(view, above).common(parts::margins(view, below));
                output::draw(view, above, Some(margins));
                parts::draw(view, below, Some(margins));
            }
        }
        (false, false) => untracked(view, charts),
    }
}

/// Draws the chart of output errors alone.
pub fn output(view: &mut Canvas<'_>, area: Rect) {
    if is_tracked(view) { output::draw(view, area, None) } else { untracked(view, area) }
}

/// Draws the bars alone.
pub fn bars(view: &mut Canvas<'_>, area: Rect) {
    bars::draw(view, area);
}

/// True if output errors are known.
fn is_tracked(view: &Canvas<'_>) -> bool {
    let tracked = |layer: &crate::explorer::Layer| {
        layer.attempts.iter().any(|result| result.record.output_error.is_some())
    };
    view.state.layers.iter().any(tracked) || !view.state.previous_runs.is_empty()
}

/// Draws the errors of the parts over the whole area, if the output errors are not known.
fn untracked(view: &mut Canvas<'_>, area: Rect) {
    let inner = view.panel(&super::OUTPUT, area, "Errors", "parts, over E‖y‖²");
    let pruned = view.state.layers.iter().any(|layer| layer.active().is_some());
    let cost = cost_of_tracking(view.state).map_or(String::new(), |cost| format!(" This {cost}."));
    let words = match (view.state.is_replay(), pruned) {
        (true, _) => "Output errors were not tracked.".into(),
        (false, true) => {
            let (measure, settings) = (view.key(Action::MeasureErrors), view.key(Action::Settings));
            format!(
                "Output errors were not tracked: {measure} measures them without solving again. To track them in every run, \
                 turn on track errors in the settings ({settings}).{cost}"
            )
        }
        (false, false) => {
            let settings = view.key(Action::Settings);
            format!(
                "A run tracks output errors if time and memory allow; track errors in the settings ({settings}) turns this on or \
                 off.{cost}"
            )
        }
    };
    let lines = wrap(&words, inner.width);
    let told = (lines.len() as u16).min(inner.height / 3);
    for (row, line) in (0..told).zip(lines) {
        let line = vec![view.span(words[line].to_string(), Role::Warning)];
        view.line(inner, row, line);
    }
    let below = Rect { y: inner.y + told, height: inner.height.saturating_sub(told), ..inner };
    let series = [Part::Attention, Part::Mlp].map(|part| parts::series_of(view, part));
    if series.iter().all(|series| series.values.iter().all(Option::is_none)) {
        view.awaits(below, "No layer is pruned yet.");
    } else {
        parts::with_reading(view, below, &series, None);
    }
}
