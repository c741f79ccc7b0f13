//! The Layers screen: a table of all layers, the ratio curve and the progress of the run.

mod view;

use super::{Copied, Explanation, Panel, Slice, errors, schedule};
use crate::explorer::{
    Action, Effect, Figure, State,
    movement::{Move, PAGE},
    view::{Canvas, Rect},
};

pub struct Layers;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ViewState {
    /// Lists only layers whose number equals this or whose state contains it.
    pub filter: String,
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
        // On the first screen, clearing the filter is the only step back.
        (action == Action::Back).then(|| {
            state.screens.layers.filter.clear();
            Vec::new()
        })
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
    /// Layers listed in the table: all, or those whose number equals the filter or whose state contains it.
    pub fn listed_layers(&self) -> Vec<usize> {
        let filter = self.screens.layers.filter.trim().to_lowercase();
        let holds = |&index: &usize| {
            filter.is_empty() || index.to_string() == filter || self.status(index).name().contains(&filter)
        };
        (0..self.layers.len()).filter(holds).collect()
    }
}
