//! What each part of each layer adds to the output error, as bars.

use ratatui::layout::Rect;

use crate::{
    explorer::{
        Action, Pointed,
        screens::errors::{
            ADDED,
            added::{Added, Order, Source, added, sentence, sorted},
        },
        view::{
            Canvas, Role,
            list::{first_in_sight, rows},
            status,
            text::pad_left,
            widgets::{measurement, put, width, write},
        },
    },
    words::{error, percent},
};

/// Columns of the share and of the amount.
const SHARE: u16 = 8;
const AMOUNT: u16 = 9;
/// Minimum columns for the amount beside the share.
const WIDE: u16 = 46;

pub fn draw(view: &mut Canvas<'_>, area: Rect) {
    let state = view.state;
    let (source, bars) = added(state);
    let order = state.screens.errors.order;
    let (title, note) = match source {
        Source::Streams => ("Added to the output error", "E‖h − h_dense‖²"),
        Source::Parts => ("Own error of the parts", "E‖Δy‖²"),
    };
    let note = match order {
        Order::ByAmount => format!("{note}, sorted"),
        Order::ByLayer => note.to_string(),
    };
    let inner = view.panel(&ADDED, area, title, &note);
    if bars.is_empty() {
        view.awaits(inner, "The bars appear once layers are pruned.");
        return;
    }
    let mut above = 0;
    if let Some(text) = sentence(source, &bars) {
        let line = vec![view.span(text, Role::Active)];
        view.line(inner, 0, line);
        above = 1;
    }
    if source == Source::Parts && !state.is_replay() && inner.height > 6 {
        let key = view.key(Action::MeasureErrors);
        let line = vec![view.span(format!("{key} measures what reaches the output"), Role::Muted)];
        view.line(inner, above, line);
        above += 1;
    }
    let body = Rect { y: inner.y + above, height: inner.height.saturating_sub(above), ..inner };
    let bars = sorted(bars, order);
    let chosen = |one: &Added| (one.layer, one.part) == (state.layer, state.screens.errors.part);
    let at = bars.iter().position(chosen).unwrap_or(0);
    let first = first_in_sight(at, bars.len(), usize::from(body.height));
    let most = bars.iter().map(|one| one.share.abs()).filter(|share| share.is_finite()).fold(0.0, f64::max);
    for (row, (at, one)) in rows(body).zip(bars.iter().enumerate().skip(first)) {
        bar(view, row, one, most, chosen(one));
        view.hits.add(row, Pointed::Row { panel: &ADDED, row: at });
    }
}

fn bar(view: &mut Canvas<'_>, row: Rect, one: &Added, most: f64, chosen: bool) {
    let digits = width(&view.state.layers.len().saturating_sub(1).to_string());
    let name = format!("{:>wide$} {:<9} ", one.layer, one.part.to_string(), wide = usize::from(digits));
    if chosen {
        put(view.buffer, row, row.x, row.y, view.theme.glyphs.cursor(), view.theme.style(Role::Active));
    }
    let role = if chosen { Role::Active } else { status::part_role(one.part) };
    let x = write(view.buffer, row, row.x + 1, row.y, &name, view.theme.style(role));
    let amount = if row.width >= WIDE { AMOUNT + 1 } else { 0 };
    let numbers = SHARE + amount;
    let room = row.right().saturating_sub(x).saturating_sub(numbers + 1);
    let place = Rect { x, width: room, ..row };
    let style = view.theme.style(if one.share < 0.0 { Role::Muted } else { status::part_role(one.part) });
    measurement(view.buffer, place, one.share.abs() / most, style, view.theme.glyphs);
    let share = if one.share < 0.0 { percent(one.share).replace('-', "−") } else { percent(one.share) };
    let share = pad_left(&share, usize::from(SHARE));
    write(view.buffer, row, place.right() + 1, row.y, &share, view.theme.style(Role::Text));
    if amount > 0 {
        let text = pad_left(
            &error(one.amount).replacen('-', if one.amount < 0.0 { "−" } else { "-" }, 1),
            usize::from(AMOUNT),
        );
        write(view.buffer, row, place.right() + 2 + SHARE, row.y, &text, view.theme.style(Role::Muted));
    }
}
