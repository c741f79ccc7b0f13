//! Draws a form: its fields, the hint of the current one, and the error.

use ratatui::{
    Frame,
    layout::{Position, Rect},
    style::Modifier,
    text::{Line, Span},
};

use crate::{
    explorer::{
        Field, FieldId, Form, FormKind, Pointed, State, Value,
        screens::errors::cost_of_tracking,
        view::{
            Hits, Role, Theme, input_line,
            list::{first_in_sight, rows},
            text, window,
        },
    },
    export::Format,
    words,
};

/// Columns of the window.
const COLUMNS: u16 = 74;
/// Columns before the labels, and between a label and its value.
const MARK: usize = 2;
const GAP: usize = 2;

/// A row below the fields.
struct Note {
    role: Role,
    line: String,
}

pub fn draw(
    frame: &mut Frame<'_>,
    body: Rect,
    form: &Form,
    state: &State,
    theme: &Theme,
    hits: &mut Hits,
) -> Option<Position> {
    let columns = COLUMNS.min(body.width);
    let inside = usize::from(columns.saturating_sub(window::BORDERS.0));
    let (notes, reserved) = notes(form, state, theme, inside);
    let wanted = form.fields.len() + 1 + reserved;
    let area = window::centred(body, columns, (wanted as u16).saturating_add(window::BORDERS.1));
    let foot = match form.fields.len() {
        count if count > field_rows(area, reserved) => format!("{} of {count}", form.at + 1),
        _ => String::new(),
    };
    let inner = window::open(frame, area, (&form.title, &foot), theme, hits);
    let visible = field_rows(area, reserved);
    let first = first_in_sight(form.at, form.fields.len(), visible);
    let labels = form.fields.iter().map(|field| text::width(field.label)).max().unwrap_or(0);
    let mut cursor = None;
    let shown = form.fields.iter().enumerate().skip(first).take(visible);
    for (row, (index, field)) in rows(inner).zip(shown) {
        let at = draw_field(frame, row, field, (labels, index == form.at), theme);
        cursor = cursor.or(at);
        hits.add(row, Pointed::DialogLine(index));
    }
    for (row, note) in rows(inner).skip(visible.min(form.fields.len()) + 1).zip(notes) {
        frame.render_widget(Span::styled(note.line, theme.style(note.role)), row);
    }
    cursor
}

/// Rows for the fields in a window with `reserved` rows below them.
fn field_rows(area: Rect, reserved: usize) -> usize {
    usize::from(area.height.saturating_sub(window::BORDERS.1)).saturating_sub(reserved + 1).max(1)
}

/// Rows below the fields, and the number of rows to reserve. That is the number the longest hint needs, so
/// the window keeps its size while the cursor moves.
fn notes(form: &Form, state: &State, theme: &Theme, columns: usize) -> (Vec<Note>, usize) {
    let wrapped = |words: &str, role: Role| -> Vec<Note> {
        text::wrap(words, columns).into_iter().map(|line| Note { role, line }).collect()
    };
    let hint = |field: &Field| {
        let cost = match field.id {
            FieldId::Setting(setting) if setting.key == "track_errors" => cost_of_tracking(state),
            _ => None,
        };
        match (field.hint, cost) {
            ("", _) => Vec::new(),
            (hint, None) => wrapped(hint, Role::Muted),
            (hint, Some(cost)) => wrapped(&format!("{hint}; {cost}"), Role::Muted),
        }
    };
    let longest = form.fields.iter().map(|field| hint(field).len()).max().unwrap_or(0);
    let mut notes = form.fields.get(form.at).map(hint).unwrap_or_default();
    notes.resize_with(longest, || Note { role: Role::Muted, line: String::new() });
    match form.kind {
        FormKind::Export => notes.extend(wrapped(&weight(state, form), Role::Pruned)),
        FormKind::Shape
        | FormKind::Ratio { .. }
        | FormKind::Renormalise
        | FormKind::Retry { .. }
        | FormKind::Settings
        | FormKind::Columns
        | FormKind::Prompt
        | FormKind::Measure
        | FormKind::Label
        | FormKind::Picture { .. } => {}
    }
    if let Some(error) = &form.error {
        notes.extend(wrapped(&format!("{} {error}", theme.glyphs.removed()), Role::Error));
    }
    let rows = notes.len();
    (notes, rows)
}

/// Size of the export, if its number type is that of the model.
fn weight(state: &State, form: &Form) -> String {
    let Some(model) = &state.model else { return String::new() };
    let after = state.parameters_active();
    let output = form.options().map(|options| options.output).unwrap_or_default();
    let (formats, weights) = (output.formats.unwrap_or_default(), output.export_dtype);
    if formats.contains(&Format::Padded) {
        return "The directory is as large as the model: removed weights are zeros.".into();
    }
    if formats != [Format::Hf] || weights.is_some() {
        let (after, before) = (words::parameters(after), words::parameters(model.shape.parameters));
        return format!("Contains {after} of {before} parameters.");
    }
    format!(
        "{} instead of {}: {} of {} parameters.",
        words::bytes(state.bytes_of(after)),
        words::bytes(model.shape.bytes),
        words::parameters(after),
        words::parameters(model.shape.parameters)
    )
}

/// Draws one field. Returns the position of the text cursor if the field is the current one and is a text.
fn draw_field(
    frame: &mut Frame<'_>,
    row: Rect,
    field: &Field,
    (labels, here): (usize, bool),
    theme: &Theme,
) -> Option<Position> {
    let sign =
        if here { Span::styled(theme.glyphs.cursor(), theme.style(Role::Active)) } else { Span::raw(" ") };
    let role = if here { Role::Active } else { Role::Text };
    let label = Line::from(vec![
        sign,
        Span::raw(" "),
        Span::styled(field.label, theme.style(if here { Role::Active } else { Role::Muted })),
    ]);
    frame.render_widget(label, row);
    let before = ((MARK + labels + GAP) as u16).min(row.width);
    let value = Rect { x: row.x + before, width: row.width - before, ..row };
    let room = usize::from(value.width);
    match &field.value {
        Value::Text(input) if here => {
            let style = match input.is_suggestion() {
                true => theme.style(Role::Text).add_modifier(Modifier::REVERSED),
                false => theme.style(Role::Text).add_modifier(Modifier::UNDERLINED),
            };
            return Some(input_line::draw(frame, value, input, style));
        }
        Value::Text(input) => {
            frame.render_widget(Span::styled(text::fit(input.text(), room), theme.style(role)), value);
        }
        Value::Choice { options, at } => {
            let (open, close) = theme.glyphs.choice();
            let arrows = theme.style(if here { Role::Key } else { Role::Faint });
            let chosen = options.get(*at).map_or("", String::as_str);
            let line = Line::from(vec![
                Span::styled(format!("{open} "), arrows),
                Span::styled(text::fit(chosen, room.saturating_sub(4)), theme.style(role)),
                Span::styled(format!(" {close}"), arrows),
            ]);
            frame.render_widget(line, value);
        }
        Value::Switch(on) => {
            let sign = if *on { "[x]" } else { "[ ]" };
            frame.render_widget(Span::styled(sign, theme.style(role)), value);
        }
    }
    None
}
