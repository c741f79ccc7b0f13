//! The panels of the Layer screen: their explanations, and their charts for saving.

use super::explain;
use crate::explorer::{Figure, State, screens::Panel};

pub static SCORES: Panel = Panel {
    title: "Scores",
    explain: |state| explain::scores(&state.method(state.layer)),
    figure: |state| {
        let (layer, part) = shown(state);
        of_layer(state, Figure::Scores { layer, part })
    },
};

pub static HESSIAN: Panel = Panel {
    title: "Hessian",
    explain: |_| explain::hessian(),
    figure: |state| {
        let (layer, part) = shown(state);
        of_layer(state, Figure::Hessian { layer, part })
    },
};

pub static CORRELATION: Panel = Panel {
    title: "Correlation",
    explain: |_| explain::correlation(),
    figure: |_| Err("The correlation map cannot be saved; focus another panel (f)".into()),
};

pub static BATCHES: Panel = Panel {
    title: "Batches",
    explain: |state| explain::batches(&state.method(state.layer)),
    figure: error_curve,
};

pub static ERROR_CURVE: Panel =
    Panel { title: "Error versus ratio", explain: |_| explain::error_curve(), figure: error_curve };

pub static ATTEMPTS: Panel = Panel {
    title: "Attempts",
    explain: |_| explain::attempts(),
    figure: |state| of_layer(state, Figure::Attempts { layer: state.layer }),
};

fn error_curve(state: &State) -> Result<Figure, String> {
    let (layer, part) = shown(state);
    of_layer(state, Figure::ErrorCurve { layer, part })
}

fn shown(state: &State) -> (usize, crate::prune::Part) {
    (state.layer, state.screens.layer.part)
}

/// The figure, if the layer has an active attempt.
fn of_layer(state: &State, figure: Figure) -> Result<Figure, String> {
    let layer = state.layer;
    match state.layers.get(layer).and_then(|layer| layer.active()) {
        Some(_) => Ok(figure),
        None => {
            Err(format!("Layer {layer} has no finished attempt yet; prune it first, then save its chart"))
        }
    }
}
