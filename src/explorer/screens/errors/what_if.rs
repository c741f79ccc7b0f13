//! A pass with one part dense, drawn over the errors of the active attempts.

use crate::{
    explorer::{Effect, State, perform::start_once_ready},
    protocol::{LayerPart, job},
    prune::StreamErrors,
};

use super::measure::Measure;

/// The result of a pass with one part dense.
#[derive(Clone, Debug, PartialEq)]
pub struct WhatIf {
    pub dense: LayerPart,
    /// Indexed by layer; known from the layer of the part on.
    pub errors: Vec<Option<StreamErrors>>,
    /// Numbers of the active attempts in this pass, indexed by layer.
    pub of: Vec<Option<usize>>,
}

impl WhatIf {
    fn new(dense: LayerPart, state: &State) -> Self {
        let of: Vec<Option<usize>> = state.layers.iter().map(|layer| layer.chosen).collect();
        Self { dense, errors: vec![None; of.len()], of }
    }

    /// True if it was measured with the attempts that are active now.
    pub fn is_current(&self, state: &State) -> bool {
        self.of.iter().copied().eq(state.layers.iter().map(|layer| layer.chosen))
    }

    pub fn values(&self, measure: Measure) -> Vec<Option<f64>> {
        self.errors.iter().map(|errors| errors.as_ref().map(|errors| measure.of(&errors.mlp))).collect()
    }
}

/// Measures the output errors of the active attempts, without solving again.
pub fn measure(state: &mut State) -> Vec<Effect> {
    if state.layers.iter().all(|layer| layer.active().is_none()) {
        return state.refuse("nothing is pruned yet; s starts a run");
    }
    start_once_ready(state, job::CompareStreams { dense_part: None })
}

/// Passes the streams with the selected part dense.
pub fn ask(state: &mut State) -> Vec<Effect> {
    let dense = LayerPart { layer: state.layer, part: state.screens.errors.part };
    let LayerPart { layer, part } = dense;
    let Some(active) = state.layers.get(layer).and_then(|layer| layer.active()) else {
        return state.refuse(format!("layer {layer} is not pruned, so both of its parts are dense"));
    };
    if active.record(part).removed.is_empty() {
        return state
            .refuse(format!("nothing was removed from {part} of layer {layer}: it is dense already"));
    }
    let effects = start_once_ready(state, job::CompareStreams { dense_part: Some(dense) });
    if !effects.is_empty() {
        state.what_if = Some(WhatIf::new(dense, state));
    }
    effects
}

/// Adds the measurement of one layer.
pub fn measured(state: &mut State, dense: LayerPart, layer: usize, errors: StreamErrors) {
    if state.what_if.as_ref().is_none_or(|known| known.dense != dense) {
        state.what_if = Some(WhatIf::new(dense, state));
    }
    if let Some(slot) = state.what_if.as_mut().and_then(|known| known.errors.get_mut(layer)) {
        *slot = Some(errors);
    }
}
