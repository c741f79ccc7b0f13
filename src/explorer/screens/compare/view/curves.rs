//! One quantity over the layers, one line per session, marked with its letter.

use ratatui::{
    layout::{Constraint, Layout, Rect},
    style::Modifier,
    text::Span,
};

use super::{role, row_in};
use crate::{
    explorer::{
        Compared, Quantity,
        screens::compare::CURVES,
        session_letter,
        view::{
            Canvas, Division, Role, text,
            widgets::{
                LayerAxis, Plot, Scale, Stroke, axes, column, layer_place, put, row, scale_below, symbols,
                width, write,
            },
        },
    },
    words::ratio,
};

/// Minimum columns and rows for charts of the other quantities.
const WITH_OTHERS: (u16, u16) = (150, 16);
/// Minimum columns for names after the lines.
const NAMED: u16 = 90;
/// Columns of such a name.
const NAME: usize = 22;
/// Minimum columns per layer for a letter at every point.
const LETTERED: usize = 4;

pub fn draw(view: &mut Canvas<'_>, area: Rect, compared: &[Compared]) {
    let shown = view.state.screens.compare.quantity;
    let others = area.width >= WITH_OTHERS.0 && area.height >= WITH_OTHERS.1;
    let sides = [Constraint::Fill(3), Constraint::Fill(if others { 2 } else { 0 })];
    let [main, side] = Layout::horizontal(sides).areas(area);
    let (left, right) = view.theme.glyphs.choice();
    let (at, count) = (shown as usize + 1, Quantity::ALL.len());
    let note = format!("{left} {at} of {count} {right} {}", of_what(shown));
    let inner = view.panel(&CURVES, main, &format!("Curves: {}", shown.title()), &note);
    let line = reading(view, compared, shown);
    view.line(inner, 0, line);
    let below = Rect { y: inner.y + 1, height: inner.height.saturating_sub(1), ..inner };
    let names = if below.width >= NAMED { NAME as u16 + 4 } else { 3 };
    chart(view, below, compared, shown, names);
    if !others {
        return;
    }
    let halves = [Constraint::Fill(1); 2];
    let cells = Layout::vertical(halves).split(side);
    let cells = cells.iter().flat_map(|&half| Layout::horizontal(halves).areas::<2>(half));
    for (cell, quantity) in cells.zip(Quantity::ALL.into_iter().filter(|&other| other != shown)) {
        let title = quantity.title();
        let inner = view.plain_frame(cell, title, "");
        chart(view, inner, compared, quantity, 3);
    }
}

fn of_what(quantity: Quantity) -> &'static str {
    match quantity {
        Quantity::Heads | Quantity::Channels => "of the layer's units",
        Quantity::AttentionError | Quantity::MlpError => "over E‖y‖²",
        Quantity::OutputError => "over E‖h_dense‖²",
    }
}

fn words(view: &Canvas<'_>, quantity: Quantity, value: f64) -> String {
    if quantity.is_error() { view.relative(value) } else { ratio(value) }
}

/// True if the models have different numbers of layers.
fn has_depths(compared: &[Compared]) -> bool {
    compared.windows(2).any(|two| two[0].layers.len() != two[1].layers.len())
}

/// The layer of a model of `layers` layers at the relative depth of `layer` of `own`.
fn at_depth(layer: usize, own: usize, layers: usize) -> usize {
    ((layer_place(layer, own) * layers as f64) as usize).min(layers.saturating_sub(1))
}

/// Values at the selected layer, or at its relative depth.
fn reading<'t>(view: &Canvas<'_>, compared: &[Compared], quantity: Quantity) -> Vec<Span<'t>> {
    let layer = view.state.layer;
    let own = compared.first().map_or(1, |open| open.layers.len());
    let relative = has_depths(compared);
    let place = match relative {
        true => format!("layer {layer}, relative depth {:.2}", layer_place(layer, own)),
        false => format!("layer {layer}"),
    };
    let mut line = vec![view.span(place, Role::Active)];
    for session in compared {
        let layer = if relative { at_depth(layer, own, session.layers.len()) } else { layer };
        let value = session.values(quantity).get(layer).copied().flatten();
        let value = value.map_or("–".into(), |value| words(view, quantity, value));
        line.push(view.span(format!("  {} ", session_letter(session.place)), role(session)));
        line.push(view.span(value, Role::Text));
    }
    line
}

/// Draws the lines, with the session under the cursor on top.
fn chart(view: &mut Canvas<'_>, area: Rect, compared: &[Compared], quantity: Quantity, names: u16) {
    let lines: Vec<Vec<Option<f64>>> = compared.iter().map(|session| session.values(quantity)).collect();
    let all = || lines.iter().flatten().copied().flatten();
    let scale = match quantity.is_error() {
        true => Scale::errors(all().collect::<Vec<_>>(), view.state.interface.errors)
            .map(|scale| scale.noted(view.state.interface.notation)),
        false => all().next().map(|_| Scale::from_zero(all().fold(0.0, f64::max))),
    };
    let Some(scale) = scale else {
        let absent = match quantity {
            Quantity::OutputError => "No session has output errors: turn on track errors in the settings.",
            Quantity::Heads | Quantity::Channels | Quantity::AttentionError | Quantity::MlpError => {
                "Nothing above 0 yet."
            }
        };
        return view.absent(area, absent);
    };
    let layers = lines.iter().map(Vec::len).max().unwrap_or(0);
    let framed = Rect { width: area.width.saturating_sub(names), ..area };
    let inner = axes(view.buffer, framed, &scale, view.theme);
    let axis = LayerAxis { layers, selected: Some(view.state.layer) };
    // Models of different depths share the axis of the relative depth.
    let relative = has_depths(compared);
    let depth = |at: usize| if relative { lines[at].len() } else { layers };
    let selected = view.state.layer;
    let own = if relative { lines.first().map_or(layers, Vec::len) } else { layers };
    let chosen = row_in(compared, view);
    let mut order: Vec<usize> = (0..compared.len()).rev().filter(|&at| at != chosen).collect();
    order.extend(Some(chosen).filter(|&at| at < compared.len()));
    let mut plot = Plot::new(inner, view.theme.glyphs);
    if selected < own {
        let faint = Stroke::dotted(view.theme.style(Role::Faint), ':');
        plot.upright(layer_place(selected, own), faint);
    }
    for &at in &order {
        let place = |value: Option<f64>| value.and_then(|value| scale.place(value)).unwrap_or(f64::NAN);
        let points =
            lines[at].iter().enumerate().map(|(layer, &v)| (layer_place(layer, depth(at)), place(v)));
        let letter = session_letter(compared[at].place);
        plot.line(points, Stroke::solid(view.theme.style(role(&compared[at])), letter));
    }
    plot.draw(view.buffer);
    let mut ends = Vec::new();
    for &at in &order {
        let session = &compared[at];
        // The letter is drawn after the end of the line.
        let last = lines[at].iter().rposition(|value| value.and_then(|value| scale.place(value)).is_some());
        let mut end = None;
        for (layer, value) in lines[at].iter().enumerate() {
            let Some(place) = value.and_then(|value| scale.place(value)) else { continue };
            let (x, y) = (column(inner, layer_place(layer, depth(at))), row(inner, place));
            end = Some((x, place));
            let marked = layer == at_depth(selected, own, depth(at));
            let lettered = marked || usize::from(inner.width) >= layers * LETTERED;
            let lettered = lettered && last != Some(layer);
            let style = view.theme.style(role(session));
            let style = if at == chosen { style.add_modifier(Modifier::BOLD) } else { style };
            if lettered {
                let letter = session_letter(session.place);
                put(view.buffer, inner, x, y, letter.encode_utf8(&mut [0; 4]), style);
            } else if usize::from(inner.width) >= layers * 2 {
                put(view.buffer, inner, x, y, symbols(view.theme.glyphs).point, style);
            }
        }
        ends.extend(end.map(|(x, place)| (at, x, place)));
    }
    labels(view, Rect { width: inner.width + names, ..inner }, compared, &ends);
    if relative {
        scale_below(view.buffer, inner, &Scale::between(0.0, 1.0), view.theme);
    } else {
        axis.draw(view.buffer, inner, view.theme);
    }
    view.hits.add_curve(inner, own, 1.0);
    view.read((inner, Division::Points(own), Division::Whole), |view, layer, _| {
        let known = compared.iter().zip(&lines).filter_map(|(session, line)| {
            let value = (*line.get(if relative { at_depth(layer, own, line.len()) } else { layer })?)?;
            Some(format!("{} {}", session_letter(session.place), words(view, quantity, value)))
        });
        let known: Vec<String> = known.collect();
        (!known.is_empty()).then(|| format!("layer {layer}: {}", known.join(", ")))
    });
}

/// Draws letters and names after the last points, given the height of each in 0..=1. Labels that would touch
/// are moved apart.
fn labels(view: &mut Canvas<'_>, area: Rect, compared: &[Compared], ends: &[(usize, u16, f64)]) {
    let furthest = ends.iter().map(|&(_, x, _)| x).max().unwrap_or(area.x) + 2;
    let mut ends = ends.to_vec();
    ends.sort_by(|a, b| b.2.total_cmp(&a.2).then(a.0.cmp(&b.0)));
    let wanted: Vec<u16> = ends.iter().map(|&(_, _, place)| row(area, place)).collect();
    for (&(at, ..), y) in ends.iter().zip(apart(&wanted, area.y..area.bottom())) {
        let session = &compared[at];
        let room = usize::from(area.right().saturating_sub(furthest));
        let name = text::fit_end(&session.name, room.saturating_sub(2).min(NAME));
        let letter = session_letter(session.place);
        let words = if room > 8 { format!("{letter} {name}") } else { letter.to_string() };
        let style = view.theme.style(role(session));
        let x = furthest.min(area.right().saturating_sub(width(&words)));
        write(view.buffer, area, x, y, &words, style);
    }
}

/// A distinct row for each wanted row, in the same order and as near to it as possible. Labels without room
/// get no row.
fn apart(wanted: &[u16], rows: std::ops::Range<u16>) -> Vec<u16> {
    let mut placed: Vec<u16> = Vec::new();
    for &row in wanted.iter().take(rows.len()) {
        let free = placed.last().map_or(rows.start, |row| row + 1);
        placed.push(row.max(free));
    }
    let mut end = rows.end;
    for row in placed.iter_mut().rev() {
        end = end.saturating_sub(1).min(*row);
        *row = end;
    }
    placed
}

#[cfg(test)]
mod tests {
    use super::{apart, at_depth};

    #[test]
    fn layers_of_models_of_different_depths_are_compared_at_the_same_relative_depth() {
        assert_eq!([0, 5, 11].map(|layer| at_depth(layer, 12, 24)), [1, 11, 23]);
        assert_eq!([0, 11, 23].map(|layer| at_depth(layer, 24, 12)), [0, 5, 11]);
        assert_eq!(at_depth(7, 12, 12), 7);
    }

    #[test]
    fn labels_keep_their_order_and_never_touch() {
        assert_eq!(apart(&[3, 3, 4, 9], 2..12), [3, 4, 5, 9]);
        assert_eq!(apart(&[10, 11, 11, 11], 2..12), [8, 9, 10, 11]);
        assert_eq!(apart(&[2, 2, 2], 2..4), [2, 3]);
        assert!(apart(&[], 2..2).is_empty());
    }
}
