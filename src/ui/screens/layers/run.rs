//! How far the layer and the run are, and what the run makes of the model.

use ratatui::{layout::Rect, text::Span};

use super::super::{stage, view::View};
use crate::{
    app::{Job, JobKind, State, Status},
    ui::{
        Role,
        numbers::{bytes, change, parameters, per_cent, seconds},
        widgets::{track, wrap},
    },
};

/// Rows of the box.
pub(super) const ROWS: u16 = 11;

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
    if let Some((name, cause)) = failure(view) {
        let whole = format!("{name}{cause}");
        for (line, range) in (row + 1..).zip(wrap(&whole, inner.width)) {
            let split = name.len().clamp(range.start, range.end);
            let told = view.span(whole[range.start..split].to_string(), Role::Failed);
            let why = view.span(whole[split..range.end].to_string(), Role::Text);
            view.line(inner, line, vec![told, why]);
        }
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
    let begun = state.layers.iter().any(|layer| layer.chosen.is_some());
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
        view.span(if begun { "" } else { "   as planned" }, Role::Planned),
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

/// Why the layer under the cursor failed, or else the first that did: which one, and the cause.
fn failure(view: &View<'_>) -> Option<(String, String)> {
    let state = view.state;
    let cause = |index: usize| Some((index, state.layers.get(index)?.failed.as_ref()?));
    let (index, cause) = cause(state.layer).or_else(|| (0..state.layers.len()).find_map(cause))?;
    Some((format!("{} layer {index}: ", view.theme.glyphs.status(Status::Failed)), cause.clone()))
}

/// The lines of the narrow layout: what is at work, what became of the model, what failed.
pub(super) fn lines<'t>(view: &View<'_>, columns: u16) -> Vec<Vec<Span<'t>>> {
    let mut lines = Vec::new();
    lines.extend(view.state.job().map(|job| job_line(view, job)));
    let size = size_line(view);
    let perplexity = perplexity_line(view);
    match (size, perplexity) {
        (Some(size), Some(perplexity)) if columns >= 120 => {
            lines.push([size, vec![Span::raw("    ")], perplexity].concat())
        }
        (size, perplexity) => lines.extend(size.into_iter().chain(perplexity)),
    }
    if let Some((name, cause)) = failure(view) {
        lines.push(vec![view.span(name, Role::Failed), view.span(cause, Role::Text)]);
    }
    if lines.is_empty() {
        lines.push(vec![resting(view)]);
    }
    for line in &mut lines {
        line.insert(0, Span::raw(" "));
    }
    lines
}

/// The stage with its share, the run with its share, how long still.
fn job_line<'t>(view: &View<'_>, job: &Job) -> Vec<Span<'t>> {
    let state = view.state;
    let (words, share) = stage::now(state, job);
    let mut line = vec![view.span(words, Role::Live)];
    if let Some(share) = share {
        line.push(view.span(format!(" {}", per_cent(share)), Role::Text));
    }
    if let Some((share, left)) = state.progress().filter(|_| job.is_pruning()) {
        let whole = match job.kind {
            JobKind::Run { .. } => "run",
            JobKind::Retry { .. }
            | JobKind::Curve { .. }
            | JobKind::Measure
            | JobKind::Write
            | JobKind::Export => job.kind.name(),
        };
        line.push(view.span(format!("   {whole} "), Role::Muted));
        line.push(view.span(per_cent(share), Role::Text));
        if let Some(left) = left {
            line.push(view.span(format!(", {} left", seconds(left)), Role::Muted));
        }
    }
    if let Some(condition) = stage::condition(job) {
        line.push(view.span(format!("   {condition}"), Role::Warning));
    }
    line
}
