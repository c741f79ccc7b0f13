//! The table of layers: planned or kept units, and errors.

use ratatui::layout::Rect;

use crate::{
    explorer::{
        Layer, Locked, Pointed, Status,
        screens::layers::TABLE,
        view::{
            Canvas, Role,
            list::first_in_sight,
            status,
            widgets::{Column, Place, Scale, Side, lay_out, measurement},
        },
    },
    prune::Part,
    words::{error, ratio},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    Number,
    State,
    Ratio,
    Heads,
    Channels,
    AttentionError,
    MlpError,
    OutputError,
    /// The output error as a bar.
    Bar,
    /// One mark per attempt, the active one filled.
    Attempts,
}

fn columns(view: &Canvas<'_>) -> Vec<Column<Key>> {
    let layers = &view.state.layers;
    let digits = |most: usize| most.max(1).ilog10() as u16 + 1;
    let unit = view.state.settings.objective.attention_unit;
    let heads = layers.iter().map(|layer| layer.shape.attention_units(unit)).max().unwrap_or(0);
    let channels = layers.iter().map(|layer| layer.shape.channels).max().unwrap_or(0);
    let column = |key, head, width: u16, side, rank| Column { key, head, width, side, rank };
    let heads_title = status::unit_names(view.state, Part::Attention).1;
    vec![
        column(Key::Number, "layer", 5.max(digits(layers.len()) + 2), Side::Right, 0),
        column(Key::State, "state", 13, Side::Left, 1),
        column(Key::Ratio, "ratio", if view.state.schedule.is_apart() { 11 } else { 8 }, Side::Left, 0),
        column(
            Key::Heads,
            heads_title,
            (digits(heads) * 2 + 1).max(heads_title.len() as u16),
            Side::Right,
            0,
        ),
        column(Key::Channels, "channels", (digits(channels) * 2 + 1).max(8), Side::Right, 0),
        column(Key::AttentionError, "attn err", 8, Side::Right, 3),
        column(Key::MlpError, "mlp err", 8, Side::Right, 3),
        column(Key::OutputError, "output", 8, Side::Right, 2),
        column(Key::Bar, "", 10, Side::Left, 5),
        column(Key::Attempts, "attempts", 8, Side::Left, 4),
    ]
}

pub fn draw(view: &mut Canvas<'_>, area: Rect) {
    let state = view.state;
    let listed = state.listed_layers();
    let filter = state.screens.layers.filter.trim();
    let note = if filter.is_empty() {
        format!("{} of {}", state.layer.saturating_add(1).min(state.layers.len()), state.layers.len())
    } else {
        // `fit` drops control characters.
        let filter = crate::explorer::view::text::fit(filter, usize::from(area.width));
        format!("filter \"{filter}\", {} of {}", listed.len(), state.layers.len())
    };
    let note = if state.layers.is_empty() { String::new() } else { note };
    let inner = view.panel(&TABLE, area, "Layers", &note);
    if state.layers.is_empty() {
        let text = match &state.engine_gone {
            Some(Some(cause)) => cause.as_str(),
            Some(None) => "The engine has ended.",
            None => "The layers appear once the model is open.",
        };
        view.absent(inner, text);
        return;
    }
    let places = lay_out(columns(view), inner.width);
    let head = Rect { height: 1, ..inner };
    for place in &places {
        place.write(view.buffer, head, place.head, view.theme.style(Role::Title));
    }
    let body = Rect { y: inner.y + 1, height: inner.height.saturating_sub(1), ..inner };
    if listed.is_empty() {
        view.absent(body, "No layer has this number or this state.");
        return;
    }
    let scale = Scale::log(state.layers.iter().filter_map(|layer| layer.active()?.record.output_error));
    let at = listed.iter().position(|&layer| layer == state.layer).unwrap_or(0);
    let rows = usize::from(body.height);
    let first = first_in_sight(at, listed.len(), rows);
    for (down, &index) in listed.iter().skip(first).take(rows).enumerate() {
        let row = Rect { y: body.y + down as u16, height: 1, ..body };
        view.hits.add(row, Pointed::Layer(index));
        self::row(view, row, index, &places, scale.as_ref());
        if index == state.layer {
            view.buffer.set_style(row, view.theme.style(Role::Selected));
        }
    }
    more(view, area, first, listed.len().saturating_sub(first + rows));
}

/// Marks the border if the list continues above or below.
fn more(view: &mut Canvas<'_>, area: Rect, above: usize, below: usize) {
    let (up, down) = view.theme.glyphs.more();
    let style = view.theme.style(Role::Muted);
    let x = area.right().saturating_sub(1);
    if above > 0 && area.height > 4 {
        crate::explorer::view::widgets::put(view.buffer, area, x, area.y + 1, up, style);
    }
    if below > 0 && area.height > 4 {
        crate::explorer::view::widgets::put(view.buffer, area, x, area.bottom() - 2, down, style);
    }
}

fn row(view: &mut Canvas<'_>, row: Rect, index: usize, places: &[Place<Key>], scale: Option<&Scale>) {
    let state = view.state;
    let layer = &state.layers[index];
    let status = state.status(index);
    for place in places {
        let (text, role) = match place.key {
            Key::Number => {
                let cursor = if index == state.layer { view.theme.glyphs.cursor() } else { " " };
                (format!("{cursor}{index:>width$}", width = usize::from(place.width) - 1), Role::Text)
            }
            Key::State => {
                (format!("{} {}", view.theme.glyphs.status(status), status.name()), status::role(status))
            }
            Key::Ratio => ratio_cell(view, index),
            Key::Heads => left(view, index, layer, Part::Attention),
            Key::Channels => left(view, index, layer, Part::Mlp),
            Key::AttentionError => relative_error(layer, Part::Attention, status),
            Key::MlpError => relative_error(layer, Part::Mlp, status),
            Key::OutputError => output_error(layer, status),
            Key::Bar => {
                let value = layer.active().and_then(|result| result.record.output_error);
                let share = value.zip(scale).and_then(|(value, scale)| scale.place(value));
                let role = if status == Status::Done { Role::Done } else { Role::Stale };
                let style = view.theme.style(role);
                measurement(view.buffer, place.area(row), share.unwrap_or(0.0), style, view.theme.glyphs);
                continue;
            }
            Key::Attempts => attempts(view, layer),
        };
        place.write(view.buffer, row, &text, view.theme.style(role));
    }
}

fn ratio_cell(view: &Canvas<'_>, index: usize) -> (String, Role) {
    let schedule = &view.state.schedule;
    let value = schedule.ratios.get(index).copied().unwrap_or_default();
    match schedule.locked(index) {
        Locked::Yes => (format!("{} {}", ratio(value), view.theme.glyphs.locked()), Role::Locked),
        Locked::No => (ratio(value), Role::Text),
    }
}

/// Kept and total units of a part; before pruning, the planned number is shown as kept.
fn left(view: &Canvas<'_>, index: usize, layer: &Layer, part: Part) -> (String, Role) {
    let (units, goal) = status::planned(view.state, index, part);
    match layer.view(part) {
        Some(part) if part.units > 0 => {
            let role = if part.live { Role::Live } else { Role::Text };
            (format!("{}/{}", part.kept(), part.units), role)
        }
        Some(_) | None => (format!("{}/{units}", units - goal.min(units)), Role::Muted),
    }
}

fn relative_error(layer: &Layer, part: Part, status: Status) -> (String, Role) {
    let role = if status == Status::Stale { Role::Stale } else { Role::Text };
    match (&layer.work, layer.active()) {
        (Some(work), _) => match work.view(part).relative_error() {
            Some(value) if !work.part(part).step_errors.is_empty() || work.part(part).record.is_some() => {
                (error(value), Role::Live)
            }
            Some(_) | None => ("–".into(), Role::Faint),
        },
        (None, Some(result)) => (error(result.record(part).relative_error), role),
        (None, None) => ("–".into(), Role::Faint),
    }
}

fn output_error(layer: &Layer, status: Status) -> (String, Role) {
    let role = if status == Status::Stale { Role::Stale } else { Role::Text };
    let value = match &layer.work {
        Some(_) => None,
        None => layer.active().and_then(|result| result.record.output_error),
    };
    value.map_or(("–".into(), Role::Faint), |value| (error(value), role))
}

fn attempts(view: &Canvas<'_>, layer: &Layer) -> (String, Role) {
    let glyphs = view.theme.glyphs;
    let at = layer.attempts.iter().position(|result| Some(result.attempt.number) == layer.chosen);
    let mark =
        |number: usize| if Some(number) == at { glyphs.active() } else { glyphs.status(Status::Waiting) };
    match layer.attempts.len() {
        0 => ("–".into(), Role::Faint),
        few @ 1..=8 => ((0..few).map(mark).collect(), Role::Muted),
        many => (format!("{many}"), Role::Muted),
    }
}
