//! The Layers screen: a table of all layers, the ratio curve and the progress of the run.

mod column;
mod filter;
mod view;

pub use column::Column;
use filter::Filter;

use super::{Copied, Explanation, Panel, Slice, errors, schedule};
use crate::explorer::{
    Action, Effect, Figure, Pointed, State, Zoom,
    movement::{Move, PAGE},
    view::{Canvas, Rect},
};

pub struct Layers;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ViewState {
    /// Lists only layers for which it holds; see [`Filter`].
    pub filter: String,
    pub order: Order,
    /// The columns that the user has chosen; None for the default ones.
    pub columns: Option<Vec<Column>>,
}

/// The order of the rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    pub by: Column,
    pub descending: bool,
}

impl Default for Order {
    fn default() -> Self {
        Self { by: Column::Number, descending: false }
    }
}

pub static TABLE: Panel = Panel {
    title: "Layers",
    explain: |_| Explanation {
        title: "Errors of a layer",
        formula: vec![
            "relative error = Σ step errors / E‖y‖²",
            "output error = E‖h − h_dense‖² / E‖h_dense‖²",
        ],
        text: vec![
            "Each row is a decoder block. Its ratio is the fraction of attention units and of FFN channels to remove; unit counts are rounded.",
            "The relative errors of attention and MLP are the increase in output error of the pruned weight alone, on the inputs it receives after all earlier layers were pruned. The output error compares the whole block with the dense model, so it includes the errors of earlier layers and grows with depth. Both are dimensionless.",
        ],
    },
    figure: |_| Ok(Figure::Ratios),
    draw: view::table,
};

impl Slice for Layers {
    fn title(&self) -> &'static str {
        "Layers"
    }

    fn help(&self) -> &'static str {
        "All layers"
    }

    fn panels(&self) -> &'static [&'static Panel] {
        const PANELS: &[&Panel] = &[&TABLE, &schedule::RATIO];
        PANELS
    }

    fn hints(&self, _state: &State) -> &'static [(Action, &'static str)] {
        &[
            (Action::Open, "layer"),
            (Action::Retry, "retry"),
            (Action::Shape, "shape"),
            (Action::Export, "export"),
            (Action::Filter, "filter"),
            (Action::SortNext, "sort"),
            (Action::Sessions, "sessions"),
        ]
    }

    fn go(&self, state: &mut State, movement: Move) -> Vec<Effect> {
        let by = match movement {
            Move::Layer(by) | Move::Aside(by) => by,
            Move::Line(_) | Move::Page(_) | Move::End(_) => movement.lines(PAGE),
        };
        let listed = state.listed_layers();
        state.step_among(&listed, by)
    }

    fn act(&self, state: &mut State, action: Action) -> Option<Vec<Effect>> {
        if action == Action::SortNext {
            let sortable: Vec<Column> =
                state.columns().into_iter().filter(|column| *column != Column::Bar).collect();
            let order = &mut state.screens.layers.order;
            let at = sortable.iter().position(|column| *column == order.by);
            order.by = sortable[at.map_or(0, |at| (at + 1) % sortable.len())];
            return Some(Vec::new());
        }
        if action == Action::ReverseOrder {
            let order = &mut state.screens.layers.order;
            order.descending = !order.descending;
            return Some(Vec::new());
        }
        // On the first screen, clearing the filter is the only step back.
        (action == Action::Back && state.zoom == Zoom::Screen).then(|| {
            state.screens.layers.filter.clear();
            Vec::new()
        })
    }

    /// A click on a heading sorts by its column; another one reverses the order.
    fn click(&self, state: &mut State, at: Pointed) -> Option<Vec<Effect>> {
        let Pointed::Head { panel, column } = at else { return None };
        let by = *Column::ALL.get(column).filter(|_| *panel == TABLE)?;
        let order = &mut state.screens.layers.order;
        *order = Order { by, descending: order.by == by && !order.descending };
        Some(Vec::new())
    }

    fn filter<'s>(&self, state: &'s State) -> Option<&'s str> {
        Some(&state.screens.layers.filter)
    }

    fn set_filter(&self, state: &mut State, text: String) {
        state.screens.layers.filter = text;
    }

    fn copy(&self, state: &State) -> Copied {
        errors::csv(state)
    }

    fn draw(&self, canvas: &mut Canvas<'_>, area: Rect) {
        view::draw(canvas, area);
    }
}

impl State {
    /// Layers listed in the table: those for which the filter holds, in the chosen order. Layers without a number in
    /// the column that sorts come last. A filter that cannot be read lists none.
    pub fn listed_layers(&self) -> Vec<usize> {
        self.filtered_layers().unwrap_or_default()
    }

    /// As [`State::listed_layers`].
    ///
    /// # Errors
    /// If the filter cannot be read.
    pub fn filtered_layers(&self) -> Result<Vec<usize>, String> {
        let filter = Filter::parse(&self.screens.layers.filter)?;
        let mut listed: Vec<usize> =
            (0..self.layers.len()).filter(|&index| filter.holds(self, index)).collect();
        let Order { by, descending } = self.screens.layers.order;
        let mut values: Vec<(usize, Option<f64>)> =
            listed.iter().map(|&index| (index, by.value(self, index))).collect();
        values.sort_by(|(_, a), (_, b)| match (a, b) {
            (Some(a), Some(b)) if descending => b.total_cmp(a),
            (Some(a), Some(b)) => a.total_cmp(b),
            (a, b) => b.is_some().cmp(&a.is_some()),
        });
        listed.clear();
        listed.extend(values.into_iter().map(|(index, _)| index));
        Ok(listed)
    }

    /// The columns of the table of layers, before those without room are dropped.
    pub fn columns(&self) -> Vec<Column> {
        let chosen = self.screens.layers.columns.as_ref();
        let shown = |column: &Column| chosen.map_or(column.is_default(), |chosen| chosen.contains(column));
        Column::ALL.into_iter().filter(shown).collect()
    }
}

#[cfg(test)]
mod tests;
