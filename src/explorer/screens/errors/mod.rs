//! The Errors screen: the growth of the output error over the layers, with earlier runs behind the current one.

pub mod view;

use super::{Copied, Explanation, Panel, Slice};
use crate::{
    explorer::{
        Action, Effect, Figure, State,
        movement::{Move, PAGE},
        picture,
        view::{Canvas, Rect},
    },
    prune::Target,
};

pub struct Errors;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ViewState;

pub static OUTPUT: Panel = Panel {
    title: "Output error",
    explain,
    figure: |state| picture::of_pruned(state, Figure::Errors),
    draw: view::output,
};

fn explain(state: &State) -> Explanation {
    let accumulates = match state.settings.objective.target {
        Target::Layer => {
            "h is the residual stream of the pruned model and h_dense that of the dense model, over the same calibration tokens. Each layer minimises the error of its own output for the inputs it receives, so errors of earlier layers are not corrected and accumulate. Faint lines are earlier runs. The error is dimensionless."
        }
        Target::DenseStream => {
            "h is the residual stream of the pruned model and h_dense that of the dense model, over the same calibration tokens. With the dense stream as the target, the kept columns of each layer also correct errors of earlier layers. Faint lines are earlier runs. The error is dimensionless."
        }
    };
    Explanation {
        title: "Error accumulation",
        formula: vec!["E‖h − h_dense‖² / E‖h_dense‖²  after each block"],
        text: vec![accumulates],
    }
}

impl Slice for Errors {
    fn title(&self) -> &'static str {
        "Errors"
    }

    fn help(&self) -> &'static str {
        "How errors accumulate over the layers"
    }

    fn panels(&self) -> &'static [&'static Panel] {
        const PANELS: &[&Panel] = &[&OUTPUT];
        PANELS
    }

    fn hints(&self, _state: &State) -> &'static [(Action, &'static str)] {
        &[(Action::Open, "layer"), (Action::Retry, "retry"), (Action::Measure, "perplexity")]
    }

    fn go(&self, state: &mut State, movement: Move) -> Vec<Effect> {
        let by = match movement {
            Move::Layer(by) | Move::Aside(by) => by,
            Move::Line(_) | Move::Page(_) | Move::End(_) => movement.lines(PAGE),
        };
        state.step_layer(by)
    }

    fn copy(&self, state: &State) -> Copied {
        csv(state)
    }

    fn draw(&self, canvas: &mut Canvas<'_>, area: Rect) {
        view::draw(canvas, area);
    }
}

/// One row per layer: planned ratios, kept units, and errors of the active attempt. Empty if no model is
/// open.
pub fn csv(state: &State) -> Copied {
    let mut text = String::from(
        "layer,attention_ratio,mlp_ratio,attention_kept,attention_units,mlp_kept,mlp_units,attention_error,mlp_error,output_error,state\n",
    );
    for (index, layer) in state.layers.iter().enumerate() {
        let ratio = state.schedule.ratios.get(index).copied().unwrap_or_default();
        let record = layer.active().map(|result| &result.record);
        let counts = record.map_or(",,,,,".to_string(), |record| {
            format!(
                "{},{},{},{},{},{}",
                record.attention.kept.len(),
                record.attention.units,
                record.mlp.kept.len(),
                record.mlp.units,
                record.attention.relative_error,
                record.mlp.relative_error
            )
        });
        let output =
            record.and_then(|record| record.output_error).map_or(String::new(), |error| error.to_string());
        let (attention, mlp, status) = (ratio.attention, ratio.mlp, state.status(index).name());
        text += &format!("{index},{attention},{mlp},{counts},{output},{status}\n");
    }
    let text = if state.layers.is_empty() { String::new() } else { text };
    Copied { what: "the layers as CSV", text }
}
