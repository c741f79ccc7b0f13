//! The header: the model, its size before and after, and the running job.

use ratatui::{Frame, layout::Rect, text::Span};

use super::{
    Role, Theme, job_words,
    pieces::{Piece, line, thin_out},
    text,
};
use crate::{
    explorer::{JobStatus, Origin, Outcome, State},
    protocol::Pace,
    words,
};

/// Cells of the progress bar.
const BAR: usize = 12;
/// Columns of a model name; longer names are cut.
const NAME: usize = 36;
/// Columns of the words about the job; longer ones are cut.
const WORDS: usize = 48;

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, state: &State, theme: &Theme) {
    // One column is free at the right, as at the left.
    let area = Rect { width: area.width.saturating_sub(1), ..area };
    let columns = usize::from(area.width);
    let (left, right) = thin_out(model(state, theme), job(state, theme), (3, 2), columns);
    let dot = Span::styled(format!(" {} ", theme.glyphs.separator()), theme.style(Role::Faint));
    frame.render_widget(line(left, &dot), area);
    let right = line(right, &Span::raw("  "));
    let width = (right.width() as u16).min(area.width);
    frame.render_widget(right, Rect { x: area.right() - width, width, ..area });
}

/// Name, family, layers, parameters, size.
fn model(state: &State, theme: &Theme) -> Vec<Piece> {
    let span = |text: String, role: Role| Span::styled(text, theme.style(role));
    let mut pieces = vec![Piece::new(0, vec![span(" slimgpt".into(), Role::Active)])];
    let Some(model) = &state.model else {
        let name = match &state.origin {
            Origin::Live { model } => model.clone(),
            Origin::Replay { file, .. } => file.display().to_string(),
        };
        let words = match state.engine_gone {
            Some(_) => text::fit_end(&name, NAME),
            None => format!("opening {}…", text::fit_end(&name, NAME)),
        };
        pieces.push(Piece::new(0, vec![span(words, Role::Text)]));
        return pieces;
    };
    let record = &model.record;
    pieces.push(Piece::new(0, vec![span(text::fit(&record.name, NAME), Role::Title)]));
    pieces.push(Piece::new(6, vec![span(text::fit(&record.family, NAME), Role::Muted)]));
    pieces.push(Piece::new(7, vec![span(format!("{} layers", record.layers), Role::Muted)]));
    let (before, after) = (model.shape.parameters, state.parameters_after());
    let planned = state.layers.iter().any(|layer| layer.chosen.is_none());
    let role = if planned { Role::Planned } else { Role::Pruned };
    let dense = span(words::parameters(before), Role::Dense);
    if after == before {
        pieces.push(Piece::new(2, vec![dense]));
    } else {
        let change = span(format!(" ({})", words::change(before as f64, after as f64)), role);
        let sizes = |between: Option<Span<'static>>| {
            let mut sizes = vec![dense.clone(), span(format!(" {} ", theme.glyphs.arrow()), Role::Muted)];
            sizes.push(span(words::parameters(after), role));
            sizes.extend(between);
            sizes.extend(planned.then(|| span(" planned".into(), Role::Muted)));
            sizes
        };
        pieces.push(Piece::new(4, sizes(Some(change))).or(Piece::new(2, sizes(None))));
    }
    pieces.push(Piece::new(5, vec![span(words::bytes(state.bytes_of(after)), Role::Muted)]));
    if let Some(path) = &state.sessions.open {
        let name = text::fit_end(&words::session_name(path), NAME);
        pieces.push(Piece::new(8, vec![span(format!("session {name}"), Role::Muted)]));
    }
    pieces
}

/// Status, progress, remaining time and pace.
fn job(state: &State, theme: &Theme) -> Vec<Piece> {
    let span = |text: String, role: Role| Span::styled(text, theme.style(role));
    let mut pieces = Vec::new();
    let ended = state.playback.ended.then_some(None);
    if let Some(gone) = state.engine_gone.as_ref().or(ended.as_ref()) {
        let words = match (gone, state.is_replay()) {
            (Some(_), _) => span(format!("{} engine failed", theme.glyphs.removed()), Role::Failed),
            (None, true) => span("end of the recording".into(), Role::Muted),
            (None, false) => span("engine ended".into(), Role::Muted),
        };
        pieces.push(Piece::new(1, vec![words]));
    } else if state.model.is_none() || state.is_reopening() {
        pieces.extend(opening(state, theme));
    } else if let Some(job) = state.job().or(state.jobs.last.as_ref()) {
        let role = role(&job.status);
        let mark = format!("{} ", theme.glyphs.job(&job.status));
        let say = |words: String| vec![span(mark.clone(), role), span(words, role)];
        let long = job_words::words(state, job);
        let without_count = long.rsplit_once(", ").map_or(long.as_str(), |(stage, _)| stage);
        let short = Piece::new(1, say(job_words::short(job).into()));
        let stage = Piece::new(4, say(text::fit(without_count, WORDS))).or(short);
        pieces.push(Piece::new(7, say(text::fit(&long, WORDS))).or(stage));
        if let Some((share, left)) = state.progress() {
            pieces.push(progress(share, theme));
            let words = left.map(|left| format!("{} left", words::clock(left)));
            pieces.extend(words.map(|words| Piece::new(3, vec![span(words, Role::Muted)])));
        }
        if state.jobs.queue.len() > 1 {
            let behind = format!("+{}", state.jobs.queue.len() - 1);
            let short = Piece::new(1, vec![span(behind.clone(), Role::Muted)]);
            pieces.push(Piece::new(5, vec![span(format!("{behind} waiting"), Role::Muted)]).or(short));
        }
    }
    match &state.origin {
        Origin::Replay { speed, .. } => {
            let words = match state.jobs.replay_paused {
                true => "replay paused".into(),
                false if speed.is_infinite() => "replay at once".into(),
                false => format!("replay ×{speed}"),
            };
            pieces.push(Piece::new(1, vec![span(words, Role::Live)]));
        }
        Origin::Live { .. } => {}
    }
    match state.jobs.pace {
        Pace::Stepwise => pieces.push(Piece::new(1, vec![span("step mode".into(), Role::Live)])),
        Pace::Free => {}
    }
    pieces
}

/// Progress of opening a model.
fn opening(state: &State, theme: &Theme) -> Vec<Piece> {
    let Some((stage, done, total)) = &state.opening else {
        let words = Span::styled("opening a session…", theme.style(Role::Live));
        return state.is_reopening().then(|| Piece::new(4, vec![words])).into_iter().collect();
    };
    let words = text::fit(&words::stage_progress(stage, *done, *total), WORDS);
    let share = *done as f64 / (*total).max(1) as f64;
    vec![Piece::new(4, vec![Span::styled(words, theme.style(Role::Live))]), progress(share, theme)]
}

/// A bar with its percentage; the percentage alone if there is little room.
fn progress(share: f64, theme: &Theme) -> Piece {
    let per_cent = |gap: &str| {
        let words = format!("{gap}{:>4}", words::progress(share));
        Span::styled(words, theme.style(Role::Text))
    };
    let spans = bar(share, theme).into_iter().chain([per_cent(" ")]).collect();
    Piece::new(3, spans).or(Piece::new(1, vec![per_cent("")]))
}

/// A bar of [`BAR`] cells, filled by half cells.
fn bar(share: f64, theme: &Theme) -> Vec<Span<'static>> {
    let (full, half, empty) = theme.glyphs.progress();
    let halves = (share.clamp(0.0, 1.0) * 2.0 * BAR as f64).round() as usize;
    let mut filled = full.repeat(halves / 2);
    if halves % 2 == 1 {
        filled.push_str(half);
    }
    let rest = empty.repeat(BAR - halves.div_ceil(2));
    vec![Span::styled(filled, theme.style(Role::Progress)), Span::styled(rest, theme.style(Role::Faint))]
}

fn role(status: &JobStatus) -> Role {
    match status {
        JobStatus::Waiting => Role::Waiting,
        JobStatus::Working => Role::Live,
        JobStatus::Paused => Role::Warning,
        JobStatus::Cancelling => Role::Stale,
        JobStatus::Ended(Outcome::Done) => Role::Done,
        JobStatus::Ended(Outcome::Cancelled) => Role::Stale,
        JobStatus::Ended(Outcome::Failed(_)) => Role::Failed,
    }
}
