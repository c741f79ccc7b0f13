//! Draws the two texts side by side.

use ratatui::layout::{Constraint, Layout, Rect};

use crate::{
    explorer::{
        Action, JobKind, JobStatus, Status,
        screens::compare::TEXTS,
        view::{
            Canvas, Role,
            widgets::{wrap, write},
        },
    },
    protocol::Side,
    words::count,
};

pub fn draw(view: &mut Canvas<'_>, area: Rect) {
    let prompt = &view.state.compare.prompt;
    let note = if prompt.temperature > 0.0 {
        format!(
            "at most {} tokens, temperature {}, seed {}",
            prompt.max_tokens, prompt.temperature, prompt.seed
        )
    } else {
        format!("at most {} tokens, greedy", prompt.max_tokens)
    };
    let inner = view.panel(&TEXTS, area, "Texts", &note);
    let halves = [Constraint::Fill(1), Constraint::Length(3), Constraint::Fill(1)];
    let [left, middle, right] = Layout::horizontal(halves).areas(inner);
    let line = crate::explorer::view::widgets::symbols(view.theme.glyphs).vertical;
    for y in middle.top()..middle.bottom() {
        write(view.buffer, middle, middle.x + 1, y, line, view.theme.style(Role::Faint));
    }
    column(view, left, Side::Dense);
    column(view, right, Side::Pruned);
}

fn column(view: &mut Canvas<'_>, area: Rect, side: Side) {
    let state = view.state;
    let writing = state.compare.side(side);
    let (name, role) = match side {
        Side::Dense => ("dense", Role::Dense),
        Side::Pruned => ("pruned", Role::Pruned),
    };
    let mut head = vec![view.span(name, role)];
    if side == Side::Pruned && state.compare.text_stale() {
        let status = Status::Stale;
        let words = format!("  {} {}", view.theme.glyphs.status(status), status.name());
        head.push(view.span(words, Role::Stale));
    }
    let at_work = state
        .job()
        .is_some_and(|job| job.kind == JobKind::Generate && matches!(job.status, JobStatus::Working));
    if writing.tokens > 0 {
        head.push(view.span(format!("  {} tokens", count(writing.tokens as u64)), Role::Muted));
    }
    match writing.speed() {
        Some(speed) => head.push(view.span(format!(", {speed:.1} tokens/s"), Role::Muted)),
        None if at_work => head.push(view.span("  writing", Role::Live)),
        None => {}
    }
    view.line(area, 0, head);
    let body = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    let prompt = &state.compare.prompt.text;
    let text = format!("{prompt}{}", writing.text);
    let lines = wrap(&text, body.width);
    let rows = usize::from(body.height);
    let hidden = lines.len().saturating_sub(rows);
    let first = hidden.saturating_sub(state.screens.compare.scrolled);
    let (told, written) = (view.theme.style(Role::Muted), view.theme.style(Role::Text));
    for (down, line) in lines.into_iter().skip(first).take(rows).enumerate() {
        let y = body.y + down as u16;
        let split = prompt.len().clamp(line.start, line.end);
        let x = write(view.buffer, body, body.x, y, &text[line.start..split], told);
        write(view.buffer, body, x, y, &text[split..line.end], written);
    }
    if writing.text.is_empty() && !at_work && body.height > 3 {
        let words = if state.is_replay() {
            "nothing was generated".into()
        } else {
            format!("{}: generate with both models", view.key(Action::Write))
        };
        let below = Rect { y: body.y + 2, height: body.height - 2, ..body };
        view.absent(below, &words);
    }
}
