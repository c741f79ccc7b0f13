//! Draws the log, the newest line at the bottom.

use ratatui::{layout::Rect, text::Span};

use crate::{
    explorer::{
        Action, Entry, Level, Pointed,
        screens::log::LOG,
        view::{
            Canvas, Role,
            list::first_in_sight,
            widgets::{fit, width, wrap},
        },
    },
    words::clock,
};

/// Columns before the text: cursor, time, level, layer.
const BEFORE: u16 = 30;

pub fn draw(view: &mut Canvas<'_>, area: Rect) {
    let state = view.state;
    let log = &state.log;
    // Filtering is expensive, so there is one pass over all lines.
    let shown: Vec<&Entry> = state.listed_log().collect();
    let note = note(view, shown.len());
    let inner = view.panel(&LOG, area, "Log", &note);
    let Some(last) = shown.len().checked_sub(1) else {
        if log.is_empty() {
            view.awaits(inner, "The log is empty.");
        } else {
            view.absent(inner, "No line of this level contains this text.");
        }
        return;
    };
    let at = state.screens.log.cursor.map(|cursor| cursor.min(last));
    let detail = detail(inner, shown[at.unwrap_or(last)]);
    let below = detail.as_ref().map_or(0, |lines| lines.len() as u16 + 1);
    let list = Rect { height: inner.height - below, ..inner };
    let rows = usize::from(list.height);
    let first = match at {
        Some(at) => first_in_sight(at, shown.len(), rows),
        None => shown.len().saturating_sub(rows),
    };
    for (down, entry) in shown.iter().skip(first).take(rows).enumerate() {
        let row = Rect { y: list.y + down as u16, height: 1, ..list };
        view.hits.add(row, Pointed::Row { panel: &LOG, row: first + down });
        let chosen = at == Some(first + down);
        entry_row(view, row, entry, chosen);
        if chosen {
            view.buffer.set_style(row, view.theme.style(Role::Selected));
        }
    }
    for (down, line) in detail.into_iter().flatten().enumerate() {
        let line = vec![view.span(line, Role::Text)];
        view.line(inner, inner.height - below + 1 + down as u16, line);
    }
}

fn note(view: &Canvas<'_>, shown: usize) -> String {
    let state = view.state;
    let log = &state.screens.log;
    let mut note = match log.least {
        Level::Step => String::from("all levels"),
        Level::Info | Level::Warning | Level::Error => format!("{} and above", log.least.name()),
    };
    if !log.filter.is_empty() {
        note = format!("\"{}\", {note}", log.filter);
    }
    let place = match log.cursor {
        Some(cursor) => format!("line {} of {shown}", cursor.min(shown.saturating_sub(1)) + 1),
        None => format!("{shown} lines, following"),
    };
    let hidden = state.log.len() - shown.min(state.log.len());
    let level = view.key(Action::LogLevel);
    let hidden = if hidden > 0 { format!(", {hidden} hidden ({level})") } else { String::new() };
    format!("{note} {} {place}{hidden}", view.theme.glyphs.separator())
}

/// The full text of the line under the cursor, or of the newest line, if its row is too short.
fn detail(area: Rect, entry: &Entry) -> Option<Vec<String>> {
    if width(text(entry)) + BEFORE <= area.width || area.height < 8 {
        return None;
    }
    let most = usize::from(area.height / 3);
    Some(
        wrap(&entry.text, area.width)
            .into_iter()
            .take(most)
            .map(|line| entry.text[line].to_string())
            .collect(),
    )
}

fn entry_row(view: &mut Canvas<'_>, row: Rect, entry: &Entry, chosen: bool) {
    let (mark, role) = match entry.level {
        Level::Step => (view.theme.glyphs.separator(), Role::Faint),
        Level::Info => ("i", Role::Muted),
        Level::Warning => ("!", Role::Warning),
        Level::Error => (view.theme.glyphs.status(crate::explorer::Status::Failed), Role::Error),
    };
    let text_role = match entry.level {
        Level::Step => Role::Muted,
        Level::Info => Role::Text,
        Level::Warning => Role::Warning,
        Level::Error => Role::Error,
    };
    let cursor = if chosen { view.theme.glyphs.cursor() } else { " " };
    let layer = entry.layer.map_or(String::new(), |layer| format!("layer {layer}"));
    let spans: Vec<Span<'_>> = vec![
        view.span(format!("{cursor}{:>8} ", clock(entry.at)), Role::Muted),
        view.span(format!("{mark} {:<7} ", entry.level.name()), role),
        view.span(format!("{layer:<10}"), Role::Muted),
        view.span(fit(text(entry), row.width.saturating_sub(BEFORE)), text_role),
    ];
    view.line(row, 0, spans);
}

/// The text without the layer at its start, which has its own column.
fn text(entry: &Entry) -> &str {
    let Some(layer) = entry.layer else { return &entry.text };
    let name = format!("Layer {layer}");
    let rest = entry.text.strip_prefix(&name).and_then(|rest| rest.strip_prefix([',', ':']));
    rest.map_or(entry.text.as_str(), str::trim_start)
}
