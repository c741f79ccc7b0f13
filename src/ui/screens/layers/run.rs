//! How far the layer and the run are, and what the run makes of the model.

use ratatui::{layout::Rect, text::Span};

use super::super::{stage, view::View};
use crate::{
    app::{Job, State, Status},
    ui::{
        Role,
        widgets::{bytes, change, parameters, percent, seconds, track},
    },
};

/// Rows of the box.
pub(super) const ROWS: u16 = 10;

/// The box of the wide layout.
pub(super) fn draw(view: &mut View<'_>, area: Rect) {
    let state = view.state;
    let note = state.job().and_then(stage::condition).unwrap_or_default();
    let inner = view.plain_frame(area, "Run", &note);
    let mut row = 0;
    match state.job() {
        Some(job) => {
            let (words, share) = stage::now(state, job);
            progress_row(view, inner, row, &words, share, "");
            let left = state.progress();
            let time = left
                .and_then(|(_, left)| left)
                .map_or(String::new(), |left| format!("{} left", seconds(left)));
            progress_row(view, inner, row + 1, &run_words(state, job), left.map(|(share, _)| share), &time);
        }
        None => {
            let line = vec![resting(view)];
            view.line(inner, row, line);
        }
    }
    row += 3;
    for line in [size_line(view), perplexity_line(view)].into_iter().flatten() {
        view.line(inner, row, line);
        row += 1;
    }
    if let Some(record) = &state.calibration {
        let text = format!("{} × {} tokens", record.samples, record.seq_len);
        let line = vec![view.span("calibration  ", Role::Muted), view.span(text, Role::Text)];
        view.line(inner, row, line);
        row += 1;
    }
    if let Some(line) = failure(view) {
        view.line(inner, row + 1, line);
    }
}

/// Words, a bar and per cent, in fixed columns so that lines stand below one another.
fn progress_row(view: &mut View<'_>, area: Rect, row: u16, words: &str, share: Option<f64>, end: &str) {
    if row >= area.height {
        return;
    }
    let names = (area.width / 2).min(36);
    let tail = 20.min(area.width / 4);
    view.line(Rect { width: names, ..area }, row, vec![view.span(words.to_string(), Role::Text)]);
    let bar = Rect {
        x: area.x + names + 1,
        y: area.y + row,
        width: area.width.saturating_sub(names + tail + 3),
        height: 1,
    };
    if let Some(share) = share {
        track(view.buffer, bar, share, view.theme);
        let behind = Rect { x: bar.right() + 1, width: tail + 1, ..area };
        let text = vec![
            view.span(format!("{:>4.0} %  ", share * 100.0), Role::Text),
            view.span(end.to_string(), Role::Muted),
        ];
        view.line(behind, row, text);
    }
}

fn run_words(state: &State, job: &Job) -> String {
    let name = job.kind.name();
    if !job.is_pruning() {
        return name.into();
    }
    let done = (0..state.layers.len()).filter(|&layer| state.status(layer) == Status::Done).count();
    format!("{name}, {done} of {} layers done", state.layers.len())
}

/// What there is to do while nothing is at work.
fn resting<'t>(view: &View<'_>) -> Span<'t> {
    let state = view.state;
    let count =
        |wanted: Status| (0..state.layers.len()).filter(|&layer| state.status(layer) == wanted).count();
    let (done, stale, failed) = (count(Status::Done), count(Status::Stale), count(Status::Failed));
    if state.model.is_none() {
        return view.span("", Role::Muted);
    }
    if done + stale + failed == 0 {
        return view.span("Nothing is pruned yet.", Role::Muted);
    }
    let mut text = format!("{done} of {} layers are done", state.layers.len());
    for (number, word) in [(stale, "stale"), (failed, "failed")] {
        if number > 0 {
            text.push_str(&format!(", {number} {word}"));
        }
    }
    view.span(text, Role::Text)
}

/// Parameters and size before and after.
fn size_line<'t>(view: &View<'_>) -> Option<Vec<Span<'t>>> {
    let state = view.state;
    let before = state.model.as_ref()?.shape.parameters;
    let after = state.parameters_after();
    let arrow = view.theme.glyphs.arrow();
    Some(vec![
        view.span("parameters   ", Role::Muted),
        view.span(parameters(before), Role::Dense),
        view.span(format!(" {arrow} "), Role::Muted),
        view.span(parameters(after), Role::Pruned),
        view.span(format!("  {}", change(before as f64, after as f64)), Role::Text),
        view.span(
            format!("   {} {arrow} {}", bytes(state.bytes_of(before)), bytes(state.bytes_of(after))),
            Role::Muted,
        ),
    ])
}

/// The newest perplexity.
fn perplexity_line<'t>(view: &View<'_>) -> Option<Vec<Span<'t>>> {
    let record = view.state.compare.measured.first()?;
    let arrow = view.theme.glyphs.arrow();
    let mut line = vec![
        view.span("perplexity   ", Role::Muted),
        view.span(format!("{:.2}", record.before), Role::Dense),
    ];
    if let Some(after) = record.after {
        line.push(view.span(format!(" {arrow} "), Role::Muted));
        line.push(view.span(format!("{after:.2}"), Role::Pruned));
        line.push(view.span(format!("  {}", change(record.before, after)), Role::Text));
    }
    line.push(view.span(format!("   {} · L {}", record.text, record.seq_len), Role::Muted));
    Some(line)
}

/// Why the layer under the cursor failed, or else the first that did.
fn failure<'t>(view: &View<'_>) -> Option<Vec<Span<'t>>> {
    let state = view.state;
    let cause = |index: usize| Some((index, state.layers.get(index)?.failed.clone()?));
    let (index, cause) = cause(state.layer).or_else(|| (0..state.layers.len()).find_map(cause))?;
    Some(vec![
        view.span(format!("{} layer {index}: ", view.theme.glyphs.status(Status::Failed)), Role::Failed),
        view.span(cause, Role::Text),
    ])
}

/// The lines of the narrow layout: what is at work, what became of the model, what failed.
pub(super) fn lines<'t>(view: &View<'_>, width: u16) -> Vec<Vec<Span<'t>>> {
    let state = view.state;
    let mut lines = Vec::new();
    if let Some(job) = state.job() {
        let (words, share) = stage::now(state, job);
        let mut line = vec![view.span(format!(" {words}"), Role::Live)];
        let separator = view.theme.glyphs.separator();
        if let Some(share) = share {
            line.push(view.span(format!("  {}", percent(share)), Role::Text));
        }
        if let Some((share, left)) = state.progress() {
            line.push(view.span(format!("  {separator}  {} ", run_words(state, job)), Role::Muted));
            line.push(view.span(format!(" {}", percent(share)), Role::Text));
            if let Some(left) = left {
                line.push(view.span(format!("  {} left", seconds(left)), Role::Muted));
            }
        }
        if let Some(condition) = stage::condition(job) {
            line.push(view.span(format!("  {condition}"), Role::Warning));
        }
        lines.push(line);
    }
    let blank = |line: Vec<Span<'t>>| {
        let mut led = vec![Span::raw(" ")];
        led.extend(line);
        led
    };
    lines.extend(size_line(view).map(blank));
    lines.extend(perplexity_line(view).map(blank));
    lines.extend(failure(view).map(blank));
    if lines.is_empty() && width > 0 {
        lines.push(blank(vec![resting(view)]));
    }
    lines
}
