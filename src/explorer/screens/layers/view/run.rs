//! Progress of the layer and the run, and the size and perplexity of the model.

use ratatui::{layout::Rect, text::Span};

use crate::{
    explorer::{
        Action, Job, JobKind, State, Status,
        view::{
            Canvas, Role, stage,
            widgets::{track, wrap},
        },
    },
    words::{bytes, change, clock, parameters, plus_minus, progress},
};

/// Rows of the box with borders, progress, sizes and a blank, without the cause of a failure; then minimum
/// and maximum rows of the cause.
const BESIDE_CAUSE: u16 = 9;
const CAUSE: (u16, u16) = (2, 4);

/// Rows of the box of the wide layout. They depend only on causes of failures, not on the running job.
pub fn rows(view: &Canvas<'_>, columns: u16) -> u16 {
    BESIDE_CAUSE + cause_rows(view, columns.saturating_sub(2)).max(CAUSE.0)
}

/// The box of the wide layout.
pub fn draw(view: &mut Canvas<'_>, area: Rect) {
    let state = view.state;
    let note = state.job().and_then(stage::condition).unwrap_or_default();
    let inner = view.plain_frame(area, "Run", note);
    let mut row = 0;
    match state.job() {
        Some(job) => {
            let (words, share) = stage::now(state, job);
            progress_row(view, inner, row, &words, share, "");
            let left = state.progress();
            let time =
                left.and_then(|(_, left)| left).map_or(String::new(), |left| format!("{} left", clock(left)));
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
    for (line, told) in (row + 1..).zip(failure(view, inner.width)) {
        view.line(inner, line, told);
    }
}

/// Words, a bar and a percentage, in fixed columns that align the rows.
fn progress_row(view: &mut Canvas<'_>, area: Rect, row: u16, words: &str, share: Option<f64>, end: &str) {
    if row >= area.height {
        return;
    }
    let names = (area.width / 2).min(46);
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

/// Summary of the layers while no job is running.
fn resting<'t>(view: &Canvas<'_>) -> Span<'t> {
    let state = view.state;
    let count =
        |wanted: Status| (0..state.layers.len()).filter(|&layer| state.status(layer) == wanted).count();
    let (done, stale, failed) = (count(Status::Done), count(Status::Stale), count(Status::Failed));
    if state.model.is_none() {
        return view.span("", Role::Muted);
    }
    if done + stale + failed == 0 {
        return view.span(before_a_run(view), Role::Muted);
    }
    let mut text = format!("{done} of {} layers are done", state.layers.len());
    for (number, word) in [(stale, "stale"), (failed, "failed")] {
        if number > 0 {
            text.push_str(&format!(", {number} {word}"));
        }
    }
    view.span(text, Role::Text)
}

/// What a run will do, while nothing is pruned.
fn before_a_run(view: &Canvas<'_>) -> String {
    let state = view.state;
    if state.is_replay() {
        return "Nothing is pruned yet.".into();
    }
    let start = view.key(Action::Start);
    if state.to_be_searched() {
        format!("Nothing is pruned yet; {start} predicts costs, sets the ratios by them, and prunes.")
    } else {
        format!("Nothing is pruned yet; {start} prunes all layers.")
    }
}

/// Parameters and size of the dense and the pruned model.
fn size_line<'t>(view: &Canvas<'_>) -> Option<Vec<Span<'t>>> {
    let state = view.state;
    let before = state.model.as_ref()?.shape.parameters;
    let after = state.parameters_after();
    let arrow = view.theme.glyphs.arrow();
    let planned = state.layers.iter().any(|layer| layer.chosen.is_none());
    Some(vec![
        view.span("parameters   ", Role::Muted),
        view.span(parameters(before), Role::Dense),
        view.span(format!(" {arrow} "), Role::Muted),
        view.span(parameters(after), if planned { Role::Planned } else { Role::Pruned }),
        view.span(format!("  {}", change(before as f64, after as f64)), Role::Text),
        view.span(
            format!("   {} {arrow} {}", bytes(state.bytes_of(before)), bytes(state.bytes_of(after))),
            Role::Muted,
        ),
        view.span(if planned { "   planned" } else { "" }, Role::Muted),
    ])
}

/// The newest perplexity.
fn perplexity_line<'t>(view: &Canvas<'_>) -> Option<Vec<Span<'t>>> {
    let compare = &view.state.compare;
    let measured = compare.shown().next()?;
    let record = &measured.record;
    let arrow = view.theme.glyphs.arrow();
    let mut line =
        vec![view.span("perplexity   ", Role::Muted), view.span(two_digits(record.before), Role::Dense)];
    if let Some(after) = record.after {
        let stale = compare.stale(measured);
        line.push(view.span(format!(" {arrow} "), Role::Muted));
        line.push(view.span(two_digits(after), if stale { Role::Stale } else { Role::Pruned }));
        line.push(view.span(plus_minus(record.after_error), Role::Muted));
        line.push(if stale {
            let words = format!("  {} {}", view.theme.glyphs.status(Status::Stale), Status::Stale.name());
            view.span(words, Role::Stale)
        } else {
            view.span(format!("  {}", change(record.before, after)), Role::Text)
        });
    }
    line.push(view.span(format!("   {} · L {}", record.text, record.seq_len), Role::Muted));
    Some(line)
}

/// A perplexity; a dash if its measurement was skipped.
fn two_digits(value: f64) -> String {
    if value.is_finite() { format!("{value:.2}") } else { "–".into() }
}

/// The cause of a failure after the name of its layer: the length of the name in bytes, and the whole text.
fn cause(view: &Canvas<'_>, index: usize) -> Option<(usize, String)> {
    let cause = view.state.layers.get(index)?.failed.as_ref()?;
    let name = format!("{} layer {index}: ", view.theme.glyphs.status(Status::Failed));
    Some((name.len(), format!("{name}{cause}")))
}

/// Rows of the longest cause, which keeps the layout fixed while the cursor moves.
fn cause_rows(view: &Canvas<'_>, columns: u16) -> u16 {
    let rows = |index| Some(wrap(&cause(view, index)?.1, columns).len() as u16);
    (0..view.state.layers.len()).filter_map(rows).max().unwrap_or(0).min(CAUSE.1)
}

/// The cause of failure of the selected layer, otherwise of the first failed one.
fn failure<'t>(view: &Canvas<'_>, columns: u16) -> Vec<Vec<Span<'t>>> {
    let all = 0..view.state.layers.len();
    let Some((name, whole)) =
        cause(view, view.state.layer).or_else(|| all.into_iter().find_map(|index| cause(view, index)))
    else {
        return Vec::new();
    };
    let lines = wrap(&whole, columns).into_iter().take(usize::from(CAUSE.1));
    lines
        .map(|line| {
            let split = name.clamp(line.start, line.end);
            vec![
                view.span(whole[line.start..split].to_string(), Role::Failed),
                view.span(whole[split..line.end].to_string(), Role::Text),
            ]
        })
        .collect()
}

/// The lines of the narrow layout: job, size, perplexity and failures. Their number does not depend on the
/// running job, so the table above keeps its rows.
pub fn lines<'t>(view: &Canvas<'_>, columns: u16) -> Vec<Vec<Span<'t>>> {
    const MARGINS: u16 = 2;
    let mut lines = vec![match view.state.job() {
        Some(job) => job_line(view, job),
        None => vec![resting(view)],
    }];
    let size = size_line(view).unwrap_or_default();
    let perplexity = perplexity_line(view).unwrap_or_default();
    if columns >= 120 {
        lines.push([size, vec![Span::raw("    ")], perplexity].concat());
    } else {
        lines.extend([size, perplexity]);
    }
    let room = columns.saturating_sub(MARGINS);
    let below = usize::from(cause_rows(view, room));
    let mut failure = failure(view, room);
    failure.resize(below, Vec::new());
    lines.extend(failure);
    for line in &mut lines {
        line.insert(0, Span::raw(" "));
    }
    lines
}

/// The stage and the run, each with its finished fraction, and the remaining time.
fn job_line<'t>(view: &Canvas<'_>, job: &Job) -> Vec<Span<'t>> {
    let state = view.state;
    let (words, _) = stage::now(state, job);
    let mut line = vec![view.span(words, Role::Live)];
    if let Some((share, left)) = state.progress().filter(|_| job.is_pruning()) {
        let whole = if job.kind == JobKind::Run { "run" } else { job.kind.name() };
        line.push(view.span(format!("   {whole} "), Role::Muted));
        line.push(view.span(progress(share), Role::Text));
        if let Some(left) = left {
            line.push(view.span(format!(", {} left", clock(left)), Role::Muted));
        }
    }
    if let Some(condition) = stage::condition(job) {
        line.push(view.span(format!("   {condition}"), Role::Warning));
    }
    line
}
