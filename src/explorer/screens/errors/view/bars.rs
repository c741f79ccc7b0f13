//! What each part of each layer adds to the output error, as bars.

use ratatui::layout::Rect;

use super::output::what_if;
use crate::{
    explorer::{
        Action, Pointed,
        screens::errors::{
            ADDED,
            added::{Added, Order, Source, added, amplifies, sentence, sorted},
        },
        view::{
            Canvas, Role,
            list::{first_in_sight, rows},
            status,
            text::pad_left,
            widgets::{measurement, put, symbols, width, write},
        },
    },
    words::{error, percent},
};

/// Columns of a share and of the amount.
const SHARE: u16 = 8;
const AMOUNT: u16 = 9;
/// Minimum columns for the own error beside the share, and for the amount beside both.
const WITH_OWN: u16 = 44;
const WIDE: u16 = 60;

pub fn draw(view: &mut Canvas<'_>, area: Rect) {
    let state = view.state;
    let (source, bars) = added(state);
    let order = state.screens.errors.order;
    let (title, note) = match source {
        Source::Streams => ("Added to the output error", "E‖h − h_dense‖²"),
        Source::Parts => ("Own error of the parts", "E‖Δy‖²"),
    };
    let note = match order {
        Order::Amount => format!("{note}, sorted"),
        Order::Own => format!("{note}, by own error"),
        Order::Layer => note.to_string(),
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
    let chosen = |one: &Added| (one.layer, one.part) == (state.layer, state.screens.errors.part);
    let columns = Columns::of(source, inner.width);
    if source == Source::Streams && inner.height > 6 {
        // The row stays, so that the bars do not move with the cursor.
        let is_dense = |one: &&Added| {
            state
                .what_if
                .as_ref()
                .is_some_and(|known| (known.dense.layer, known.dense.part) == (one.layer, one.part))
        };
        let at_cursor = bars.iter().find(|one| chosen(one));
        let told = at_cursor.filter(is_dense).and_then(|_| what_if(view));
        let told = told.or_else(|| Some((at_cursor.and_then(amplifies)?, Role::Muted)));
        if let Some((text, role)) = told {
            let line = vec![view.span(text, role)];
            view.line(inner, above, line);
        }
        headings(view, Rect { y: inner.y + above + 1, height: 1, ..inner }, columns);
        above += 2;
    }
    let body = Rect { y: inner.y + above, height: inner.height.saturating_sub(above), ..inner };
    let bars = sorted(bars, order);
    let at = bars.iter().position(chosen).unwrap_or(0);
    let first = first_in_sight(at, bars.len(), usize::from(body.height));
    let length = |one: &Added| match order {
        Order::Amount | Order::Layer => one.share.abs(),
        Order::Own => one.own.unwrap_or(0.0),
    };
    let most = bars.iter().map(length).filter(|share| share.is_finite()).fold(0.0, f64::max);
    for (row, (at, one)) in rows(body).zip(bars.iter().enumerate().skip(first)) {
        bar(view, row, one, most, (chosen(one), columns));
        view.hits.add(row, Pointed::Row { panel: &ADDED, row: at });
    }
}

/// The numbers right of a bar.
#[derive(Clone, Copy)]
struct Columns {
    own: bool,
    amount: bool,
}

impl Columns {
    fn of(source: Source, columns: u16) -> Self {
        let own = source == Source::Streams && columns >= WITH_OWN;
        Self { own, amount: columns >= WIDE || (source == Source::Parts && columns >= WITH_OWN) }
    }

    fn width(self) -> u16 {
        SHARE + if self.own { SHARE } else { 0 } + if self.amount { AMOUNT + 1 } else { 0 }
    }
}

/// The names of the numbers.
fn headings(view: &mut Canvas<'_>, row: Rect, columns: Columns) {
    let place =
        Rect { x: row.right().saturating_sub(columns.width()), width: columns.width().min(row.width), ..row };
    let mut text = pad_left("adds", usize::from(SHARE));
    if columns.own {
        text += &pad_left("own", usize::from(SHARE));
    }
    write(view.buffer, place, place.x, place.y, &text, view.theme.style(Role::Muted));
}

/// A thin line for what the part adds; its own error is the thick part of it.
fn bar(view: &mut Canvas<'_>, row: Rect, one: &Added, most: f64, (chosen, columns): (bool, Columns)) {
    let digits = width(&view.state.layers.len().saturating_sub(1).to_string());
    let name = format!("{:>wide$} {:<9} ", one.layer, one.part.to_string(), wide = usize::from(digits));
    if chosen {
        put(view.buffer, row, row.x, row.y, view.theme.glyphs.cursor(), view.theme.style(Role::Active));
    }
    let role = if chosen { Role::Active } else { status::part_role(one.part) };
    let x = write(view.buffer, row, row.x + 1, row.y, &name, view.theme.style(role));
    let room = row.right().saturating_sub(x).saturating_sub(columns.width() + 1);
    let place = Rect { x, width: room, ..row };
    let role = if one.share < 0.0 { Role::Muted } else { status::part_role(one.part) };
    let style = view.theme.style(role);
    match one.own.filter(|&own| own < one.share || one.share < 0.0) {
        Some(own) => {
            // Sorted by own errors, the longest of those fills the width, and longer bars end there.
            let cells = (f64::from(room) * (one.share.abs() / most).min(1.0)).round() as u16;
            let thin = symbols(view.theme.glyphs).horizontal;
            let cells = cells.max(u16::from(one.share != 0.0));
            (0..cells).for_each(|across| put(view.buffer, place, x + across, row.y, thin, style));
            if one.share > 0.0 {
                measurement(view.buffer, place, own / most, style, view.theme.glyphs);
            }
        }
        None => measurement(view.buffer, place, one.share.abs() / most, style, view.theme.glyphs),
    }
    let shown = |share: f64| pad_left(&percent(share).replace('-', "−"), usize::from(SHARE));
    let mut x =
        write(view.buffer, row, place.right() + 1, row.y, &shown(one.share), view.theme.style(Role::Text));
    if columns.own {
        let own = one.own.map_or_else(|| pad_left("–", usize::from(SHARE)), shown);
        x = write(view.buffer, row, x, row.y, &own, view.theme.style(Role::Text));
    }
    if columns.amount {
        let text = pad_left(
            &error(one.amount).replacen('-', if one.amount < 0.0 { "−" } else { "-" }, 1),
            usize::from(AMOUNT),
        );
        write(view.buffer, row, x + 1, row.y, &text, view.theme.style(Role::Muted));
    }
}
