//! The table of layers: planned or kept units, and errors.

use ratatui::layout::Rect;

use crate::{
    explorer::{
        Layer, Locked, Pointed, Status,
        screens::layers::{Column, Order, TABLE},
        view::{
            Canvas, Role,
            list::first_in_sight,
            stage, status,
            widgets::{self, Place, Scale, Side, lay_out, measurement},
        },
    },
    prune::{AttentionUnit, Part},
    words::{ratio, short},
};

/// Follows a number of KV groups if other layers count query heads.
const KV_GROUPS: &str = " KV";

/// The width, the side, and the rank of a column: the highest rank is dropped first if there is no room.
fn shape(view: &Canvas<'_>, column: Column) -> (u16, Side, u8) {
    let layers = &view.state.layers;
    let digits = |most: usize| most.max(1).ilog10() as u16 + 1;
    let pair = |most: usize| (digits(most) * 2 + 1).max(column.head(view.state).len() as u16);
    match column {
        Column::Number => (5.max(digits(layers.len()) + 2), Side::Right, 0),
        Column::State => (13, Side::Left, 1),
        Column::Ratio => (if view.state.schedule.is_apart() { 11 } else { 8 }, Side::Left, 0),
        Column::Heads => {
            let state = view.state;
            let units = (0..layers.len()).map(|index| status::planned(state, index, Part::Attention).0);
            let mark = if status::has_mixed_units(state) { widgets::width(KV_GROUPS) } else { 0 };
            (pair(units.max().unwrap_or(0)) + mark, Side::Right, 0)
        }
        Column::Channels => {
            (pair(layers.iter().map(|layer| layer.shape.channels).max().unwrap_or(0)), Side::Right, 0)
        }
        Column::AttentionError | Column::MlpError => (view.relative_width(), Side::Right, 3),
        Column::OutputError => (view.relative_width(), Side::Right, 2),
        Column::Bar => (10, Side::Left, 9),
        Column::Change | Column::Seconds => (7, Side::Right, 6),
        Column::Damping => (9, Side::Right, 8),
        Column::Condition => (9, Side::Right, 7),
        Column::Attempts => (8, Side::Left, 5),
    }
}

fn columns(view: &Canvas<'_>) -> Vec<widgets::Column<Column>> {
    let chosen = view.state.screens.layers.columns.is_some();
    let order = view.state.screens.layers.order;
    let column = |key: Column| {
        let (width, side, rank) = shape(view, key);
        // The column that sorts stays, and columns that the user has chosen stay longer than default ones.
        let rank = match key {
            key if key == order.by => 0,
            key if chosen && !key.is_default() => 1,
            _ => rank,
        };
        // Room for the arrow.
        let arrow = u16::from(order != Order::default() && key == order.by);
        let width = width.max(widgets::width(key.head(view.state)) + arrow);
        widgets::Column { key, head: key.head(view.state), width, side, rank }
    };
    view.state.columns().into_iter().map(column).collect()
}

/// The headings; the one that sorts has an arrow if it is not the default order.
fn heads(view: &mut Canvas<'_>, row: Rect, places: &[Place<Column>]) {
    let order = view.state.screens.layers.order;
    let (up, down) = view.theme.glyphs.more();
    for place in places {
        let sorts = order != Order::default() && place.key == order.by;
        let role = if sorts { Role::Active } else { Role::Title };
        let style = view.theme.style(role);
        if sorts {
            let arrow = if order.descending { down } else { up };
            let head = widgets::fit(place.head, place.width.saturating_sub(1));
            place.write(view.buffer, row, &format!("{head}{arrow}"), style);
        } else {
            place.write(view.buffer, row, place.head, style);
        }
        let column = Column::ALL.iter().position(|column| *column == place.key);
        if let Some(column) = column {
            view.hits.add(place.area(row), Pointed::Head { panel: &TABLE, column });
        }
    }
}

pub fn draw(view: &mut Canvas<'_>, area: Rect) {
    let state = view.state;
    let filtered = state.filtered_layers();
    let listed = filtered.as_deref().unwrap_or_default();
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
            Some(Some(cause)) => cause.clone(),
            Some(None) => "The engine has ended.".into(),
            None => stage::waits(state, "The layers appear once the model is open."),
        };
        view.absent(inner, &text);
        return;
    }
    let places = lay_out(columns(view), inner.width);
    let head = Rect { height: 1, ..inner };
    heads(view, head, &places);
    let body = Rect { y: inner.y + 1, height: inner.height.saturating_sub(1), ..inner };
    if listed.is_empty() {
        let text = filtered.as_ref().err().map_or("No layer fits this filter.", String::as_str);
        view.absent(body, text);
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

fn row(view: &mut Canvas<'_>, row: Rect, index: usize, places: &[Place<Column>], scale: Option<&Scale>) {
    let state = view.state;
    let layer = &state.layers[index];
    let status = state.status(index);
    for place in places {
        let (text, role) = match place.key {
            Column::Number => {
                let cursor = if index == state.layer { view.theme.glyphs.cursor() } else { " " };
                (format!("{cursor}{index:>width$}", width = usize::from(place.width) - 1), Role::Text)
            }
            Column::State => {
                (format!("{} {}", view.theme.glyphs.status(status), status.name()), status::role(status))
            }
            Column::Ratio => ratio_cell(view, index),
            Column::Heads => left(view, index, layer, Part::Attention),
            Column::Channels => left(view, index, layer, Part::Mlp),
            Column::AttentionError => relative_error(view, layer, Part::Attention, status),
            Column::MlpError => relative_error(view, layer, Part::Mlp, status),
            Column::OutputError => output_error(view, layer, status),
            Column::Bar => {
                let value = layer.active().and_then(|result| result.record.output_error);
                let share = value.zip(scale).and_then(|(value, scale)| scale.place(value));
                let role = if status == Status::Done { Role::Done } else { Role::Stale };
                let style = view.theme.style(role);
                measurement(view.buffer, place.area(row), share.unwrap_or(0.0), style, view.theme.glyphs);
                continue;
            }
            Column::Change => number(Column::Change.value(state, index), |change| format!("{change:.2}×")),
            Column::Seconds => number(Column::Seconds.value(state, index), |seconds| format!("{seconds:.1}")),
            Column::Condition => number(Column::Condition.value(state, index), short),
            Column::Damping => damping(layer),
            Column::Attempts => attempts(view, layer),
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
    let mark = match (part, view.state.attention_unit(index)) {
        (Part::Attention, AttentionUnit::KvGroup) if status::has_mixed_units(view.state) => KV_GROUPS,
        (Part::Attention | Part::Mlp, _) => "",
    };
    match layer.view(part) {
        Some(part) if part.units > 0 => {
            let role = if part.live { Role::Live } else { Role::Text };
            (format!("{}/{}{mark}", part.kept(), part.units), role)
        }
        Some(_) | None => (format!("{}/{units}{mark}", units - goal.min(units)), Role::Muted),
    }
}

fn relative_error(view: &Canvas<'_>, layer: &Layer, part: Part, status: Status) -> (String, Role) {
    let role = if status == Status::Stale { Role::Stale } else { Role::Text };
    match (&layer.work, layer.active()) {
        (Some(work), _) => match work.view(part).relative_error() {
            Some(value) if !work.part(part).step_errors.is_empty() || work.part(part).record.is_some() => {
                (view.relative(value), Role::Live)
            }
            Some(_) | None => ("–".into(), Role::Faint),
        },
        (None, Some(result)) => (view.relative(result.record(part).relative_error), role),
        (None, None) => ("–".into(), Role::Faint),
    }
}

fn output_error(view: &Canvas<'_>, layer: &Layer, status: Status) -> (String, Role) {
    let role = if status == Status::Stale { Role::Stale } else { Role::Text };
    let value = match &layer.work {
        Some(_) => None,
        None => layer.active().and_then(|result| result.record.output_error),
    };
    value.map_or(("–".into(), Role::Faint), |value| (view.relative(value), role))
}

/// A number in words, or a dash.
fn number(value: Option<f64>, words: impl FnOnce(f64) -> String) -> (String, Role) {
    value.map_or(("–".into(), Role::Faint), |value| (words(value), Role::Text))
}

/// Damping of the attention and of the MLP, one number if both are equal.
fn damping(layer: &Layer) -> (String, Role) {
    let used = |part: Part| Some(layer.active()?.seen(part)?.stats.damping_used);
    match (used(Part::Attention), used(Part::Mlp)) {
        (Some(attention), Some(mlp)) if attention != mlp => {
            (format!("{}/{}", short(attention), short(mlp)), Role::Text)
        }
        (attention, mlp) => number(attention.or(mlp), short),
    }
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
