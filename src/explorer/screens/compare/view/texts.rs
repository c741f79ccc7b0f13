//! Draws the two texts side by side, with the rise of each token's loss, and the predictions of the token under the
//! cursor.

use ratatui::{
    layout::{Constraint, Layout, Rect},
    style::{Modifier, Style},
    text::Span,
};

use crate::{
    explorer::{
        Action, JobKind, JobStatus, Status,
        screens::compare::{TEXTS, TokenCursor},
        view::{
            Canvas, Role, Theme,
            stage::waits,
            widgets::{fit, symbols, width, wrap, write},
        },
    },
    protocol::{MeasuredToken, Side, TokenPrediction},
    words::{count, percent, signed},
};

/// Rows of the predictions, with a blank row above them.
const PREDICTIONS: u16 = 8;
/// Minimum rows of the texts above the predictions.
const TEXT_ROWS: u16 = 4;
/// Columns of a token in the table of predictions.
const TOKEN: u16 = 16;

pub fn draw(view: &mut Canvas<'_>, area: Rect) {
    let inner = view.panel(&TEXTS, area, "Texts", &note(view));
    let pair = view.state.compare.pair();
    let measured = !pair.dense.measured.is_empty() || !pair.pruned.measured.is_empty();
    let below = if measured && inner.height >= PREDICTIONS + TEXT_ROWS { PREDICTIONS } else { 0 };
    let [texts, predictions] =
        Layout::vertical([Constraint::Fill(1), Constraint::Length(below)]).areas(inner);
    let halves = [Constraint::Fill(1), Constraint::Length(3), Constraint::Fill(1)];
    let [left, middle, right] = Layout::horizontal(halves).areas(texts);
    let line = symbols(view.theme.glyphs).vertical;
    for y in middle.top()..middle.bottom() {
        write(view.buffer, middle, middle.x + 1, y, line, view.theme.style(Role::Faint));
    }
    column(view, left, Side::Dense);
    column(view, right, Side::Pruned);
    if below > 0 {
        self::predictions(view, predictions);
    }
}

/// The place among earlier texts, and the sampling.
fn note(view: &Canvas<'_>) -> String {
    let pair = view.state.compare.pair();
    let prompt = if pair.is_empty() { &view.state.compare.prompt } else { &pair.prompt };
    let sampling = match prompt.temperature > 0.0 {
        true => format!(
            "at most {} tokens, temperature {}, seed {}",
            prompt.max_tokens, prompt.temperature, prompt.seed
        ),
        false => format!("at most {} tokens, greedy", prompt.max_tokens),
    };
    match view.state.compare.place() {
        (_, 1) => sampling,
        (place, all) => format!("{place} of {all}, {sampling}"),
    }
}

fn column(view: &mut Canvas<'_>, area: Rect, side: Side) {
    let state = view.state;
    let pair = state.compare.pair();
    let writing = pair.side(side);
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
    // Figures that do not fit are left out, the least important one first.
    let mut figures = Vec::new();
    figures.extend((writing.tokens > 0).then(|| format!("  {} tokens", count(writing.tokens as u64))));
    figures.extend(writing.mean_rise().map(|rise| format!(", loss {}", signed(rise, 3))));
    figures.extend(writing.speed().map(|speed| format!(", {speed:.1} tokens/s")));
    let taken = |head: &[Span<'_>]| head.iter().map(|span| width(&span.content)).sum::<u16>();
    for figure in figures {
        if taken(&head) + width(&figure) <= area.width {
            head.push(view.span(figure, Role::Muted));
        }
    }
    if at_work && writing.speed().is_none() {
        head.push(view.span("  writing", Role::Live));
    }
    view.line(area, 0, head);
    let body = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    let prompt = if pair.is_empty() { &state.compare.prompt.text } else { &pair.prompt.text };
    let text = format!("{prompt}{}", writing.text);
    let pieces = pieces(view, side, prompt.len(), text.len());
    let lines = wrap(&text, body.width);
    let rows = usize::from(body.height);
    let hidden = lines.len().saturating_sub(rows);
    let first = hidden.saturating_sub(state.screens.compare.scrolled);
    for (down, line) in lines.into_iter().skip(first).take(rows).enumerate() {
        let (y, mut x) = (body.y + down as u16, body.x);
        for &(start, end, style) in &pieces {
            let (start, end) = (start.max(line.start), end.min(line.end));
            if let Some(piece) = text.get(start..end).filter(|piece| !piece.is_empty()) {
                x = write(view.buffer, body, x, y, piece, style);
            }
        }
    }
    if writing.text.is_empty() && !at_work && body.height > 3 {
        let queued = state.jobs.queue.iter().any(|job| job.kind == JobKind::Generate);
        let words = if state.is_replay() {
            "nothing was generated".into()
        } else if state.model.is_none() {
            waits(state, "A text can be written once the model is open.")
        } else if queued {
            waits(state, "The text follows")
        } else {
            format!("{}: generate with both models", view.key(Action::Write))
        };
        let below = Rect { y: body.y + 2, height: body.height - 2, ..body };
        view.absent(below, &words);
    }
}

/// The parts of a text with their styles, as byte ranges: the prompt, then the tokens.
fn pieces(view: &Canvas<'_>, side: Side, prompt: usize, end: usize) -> Vec<(usize, usize, Style)> {
    let pair = view.state.compare.pair();
    let cursor = cursor(view);
    let differs = pair.first_difference();
    let mut pieces = vec![(0, prompt, view.theme.style(Role::Muted))];
    let mut start = prompt;
    for (at, token) in pair.side(side).measured.iter().enumerate() {
        let mut style = rise_style(view.theme, token.rise());
        if differs == Some(at) {
            style = view.theme.style(Role::Cut).add_modifier(Modifier::REVERSED);
        }
        if cursor.is_some_and(|cursor| cursor.side == side && cursor.at == at) {
            style = view.theme.style(Role::Selected);
        }
        pieces.push((start, start + token.text.len(), style));
        start += token.text.len();
    }
    pieces.push((start, end, view.theme.style(Role::Text)));
    pieces
}

/// The style of a token: colour and an attribute that show the rise of its loss in nats.
fn rise_style(theme: &Theme, rise: f64) -> Style {
    match rise {
        rise if rise >= 2.0 => theme.style(Role::Error).add_modifier(Modifier::BOLD | Modifier::UNDERLINED),
        rise if rise >= 0.5 => theme.style(Role::Removed).add_modifier(Modifier::UNDERLINED),
        rise if rise >= 0.1 => theme.style(Role::Warning).add_modifier(Modifier::ITALIC),
        _ => theme.style(Role::Text),
    }
}

/// The cursor, limited to the measured tokens; None before they are measured.
fn cursor(view: &Canvas<'_>) -> Option<TokenCursor> {
    let TokenCursor { side, at } = view.state.screens.compare.token;
    let last = view.state.compare.pair().side(side).measured.len().checked_sub(1)?;
    view.is_focused(&TEXTS).then_some(TokenCursor { side, at: at.min(last) })
}

/// The first difference, and the likeliest tokens of both models at the cursor.
fn predictions(view: &mut Canvas<'_>, area: Rect) {
    let pair = view.state.compare.pair();
    let quoted = |token: Option<&MeasuredToken>| match token {
        Some(token) => format!("\u{201c}{}\u{201d}", token.text),
        None => "the end".into(),
    };
    let mut first = Vec::new();
    match pair.first_difference() {
        Some(at) => {
            let (dense, pruned) = (quoted(pair.dense.measured.get(at)), quoted(pair.pruned.measured.get(at)));
            first.push(view.span(format!("First difference at token {at}: "), Role::Muted));
            first.push(view.span(dense, Role::Dense));
            first.push(view.span(format!(" {} ", view.theme.glyphs.arrow()), Role::Muted));
            first.push(view.span(pruned, Role::Pruned));
        }
        None => first.push(view.span("Both texts are equal.", Role::Muted)),
    }
    view.line(area, 1, first);
    let Some(TokenCursor { side, at }) = cursor(view) else {
        let keys = view.span("Focus the texts to see the predictions of a token.", Role::Muted);
        return view.line(area, 2, vec![keys]);
    };
    let token = &pair.side(side).measured[at];
    let rise = token.rise();
    let reading = vec![
        view.span(format!("Token {at} of the {} text: ", name(side)), Role::Muted),
        view.span(quoted(Some(token)), Role::Active),
        view.span("   loss ", Role::Muted),
        view.span(format!("{:.3}", token.dense.loss), Role::Dense),
        view.span(format!(" {} ", view.theme.glyphs.arrow()), Role::Muted),
        view.span(format!("{:.3}", token.pruned.loss), Role::Pruned),
        Span::styled(format!("  {}", signed(rise, 3)), rise_style(view.theme, rise)),
    ];
    view.line(area, 2, reading);
    let rows = token.dense.likeliest.len().max(token.pruned.likeliest.len());
    for row in 0..rows.min(usize::from(area.height.saturating_sub(3))) {
        let mut line = vec![view.span(format!("{:>3}  ", row + 1), Role::Muted)];
        for (prediction, role) in [(&token.dense, Role::Dense), (&token.pruned, Role::Pruned)] {
            line.extend(likely(view, prediction, row, &token.text, role));
        }
        view.line(area, row as u16 + 3, line);
    }
}

/// One predicted token with its probability; the generated one is bold.
fn likely(
    view: &Canvas<'_>,
    prediction: &TokenPrediction,
    row: usize,
    generated: &str,
    role: Role,
) -> Vec<Span<'static>> {
    let Some((text, probability)) = prediction.likeliest.get(row) else {
        return vec![Span::raw(" ".repeat(usize::from(TOKEN) + 9))];
    };
    let mut style = view.theme.style(role);
    if text == generated {
        style = style.add_modifier(Modifier::BOLD);
    }
    let quoted = format!("\u{201c}{text}\u{201d}");
    let shown = fit(&quoted, TOKEN);
    let blank = usize::from(TOKEN.saturating_sub(width(&shown)));
    vec![
        Span::styled(shown.into_owned(), style),
        Span::raw(" ".repeat(blank)),
        view.span(format!("{:>7}  ", percent(*probability)), Role::Text),
    ]
}

fn name(side: Side) -> &'static str {
    match side {
        Side::Dense => "dense",
        Side::Pruned => "pruned",
    }
}
