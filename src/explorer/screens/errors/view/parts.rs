//! The relative error of each part on its own inputs, over the layers.

use ratatui::layout::Rect;

use super::chart::{Chart, Margins, Series};
use crate::{
    explorer::view::{Canvas, Role, status},
    prune::Part,
};

pub fn series_of(view: &Canvas<'_>, part: Part) -> Series {
    let values =
        view.state.layers.iter().map(|layer| Some(layer.active()?.record(part).relative_error)).collect();
    let ascii = match part {
        Part::Attention => 'a',
        Part::Mlp => 'm',
    };
    Series { name: part.to_string(), values, role: status::part_role(part), ascii }
}

fn both(view: &Canvas<'_>) -> [Series; 2] {
    [Part::Attention, Part::Mlp].map(|part| series_of(view, part))
}

fn chart<'s>(view: &Canvas<'_>, series: &'s [Series]) -> Chart<'s> {
    let (notation, spacing) = (view.state.interface.notation, view.state.interface.errors);
    Chart { series, background: None, notation, spacing }
}

/// Margins of the chart in a frame of this area.
pub fn margins(view: &Canvas<'_>, area: Rect) -> Margins {
    let inner = Rect { width: area.width.saturating_sub(2), height: area.height.saturating_sub(3), ..area };
    chart(view, &both(view)).margins(inner)
}

pub fn draw(view: &mut Canvas<'_>, area: Rect, margins: Option<Margins>) {
    let inner = view.plain_frame(area, "Relative error of the parts", "over E‖y‖²");
    with_reading(view, inner, &both(view), margins);
}

/// Values at the selected layer, and the chart below them.
pub fn with_reading(view: &mut Canvas<'_>, area: Rect, series: &[Series], margins: Option<Margins>) {
    let mut line = vec![view.span(format!("layer {}", view.state.layer), Role::Active)];
    for series in series {
        let value = series.values.get(view.state.layer).copied().flatten();
        let value = value.map_or("–".into(), |value| view.state.interface.notation.relative(value));
        line.push(view.span(format!("   {} ", series.name), series.role));
        line.push(view.span(value, Role::Text));
    }
    view.line(area, 0, line);
    let below = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    chart(view, series).draw(view, below, margins);
}

/// All errors in one chart, for screens with another main content.
pub fn overview(view: &mut Canvas<'_>, area: Rect) {
    let inner = view.plain_frame(area, "Errors", "output over E‖h_dense‖², parts over E‖y‖²");
    let output = view.state.output_errors();
    let mut series = both(view).to_vec();
    if output.iter().any(Option::is_some) {
        series.push(Series { name: "output".into(), values: output, role: Role::Pruned, ascii: '*' });
    }
    chart(view, &series).draw(view, inner, None);
}
