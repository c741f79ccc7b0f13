//! A panel of the Layer screen: its name, explanation and chart, its drawing functions, and its place in the grids.

use ratatui::{layout::Rect, text::Span};

use super::Shown;
use crate::{
    explorer::{Figure, Panel, State, view::Canvas},
    prune::Part,
};

pub struct LayerPanel {
    pub panel: Panel,
    pub draw: fn(&mut Canvas<'_>, Rect, &Shown<'_>),
    /// Two lines for the small panel; scores add bars below them.
    pub brief: fn(&mut Canvas<'_>, Rect, &Shown<'_>) -> Vec<Vec<Span<'static>>>,
    pub small: Option<DrawSmall>,
    /// Whether the small panel can use spare rows.
    pub grows: bool,
    pub width: Width,
}

impl PartialEq for LayerPanel {
    fn eq(&self, other: &Self) -> bool {
        self.panel == other.panel
    }
}

/// Draws a picture in a small panel. Returns the area left for its lines.
pub type DrawSmall = fn(&mut Canvas<'_>, Rect, &Shown<'_>) -> Option<Rect>;

/// Width of a panel in a grid.
#[derive(Clone, Copy)]
pub enum Width {
    /// Share of the free columns of its row, if the grid has three columns; with two columns, shares are equal.
    Share(u16),
    /// The width at which a square map fills the height of the row.
    Map,
    /// A separate row below the other panels, with this height in rows.
    Row { rows: fn(&Shown<'_>) -> u16 },
}

/// The figure of the shown part, if the layer has an active attempt.
pub fn of_layer(state: &State, figure: fn(usize, Part) -> Figure) -> Result<Figure, String> {
    let layer = state.layer;
    match state.layers.get(layer).and_then(|layer| layer.active()) {
        Some(_) => Ok(figure(layer, state.screens.layer.part)),
        None => {
            Err(format!("Layer {layer} has no finished attempt yet; prune it first, then save its chart"))
        }
    }
}
