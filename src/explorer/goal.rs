//! The units that a ratio removes from a layer.

use crate::{
    protocol::{LayerShape, Ratio, channels_to_remove, units_to_remove},
    prune::{LayerRatio, Part},
};

use super::State;

/// Units to remove from a layer, and their parameters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Goal {
    pub attention: usize,
    pub mlp: usize,
    pub parameters: u64,
}

/// The units and parameters that `ratio` removes from a layer of this shape, for the parts, units and
/// multiples of the settings.
pub fn goal(shape: &LayerShape, ratio: LayerRatio, settings: &crate::config::Settings) -> Goal {
    let (Ok(heads), Ok(channels)) = (Ratio::new(ratio.attention), Ratio::new(ratio.mlp)) else {
        return Goal::default();
    };
    let attention = if settings.prunes(Part::Attention) { attention(shape, heads, settings) } else { 0 };
    let mlp = if settings.prunes(Part::Mlp) {
        channels_to_remove(shape.channels, channels, settings.ratios.channel_multiple)
    } else {
        0
    };
    let parameters = attention as u64 * shape.per_attention_unit(settings.objective.attention_unit)
        + mlp as u64 * shape.per_channel;
    Goal { attention, mlp, parameters }
}

fn attention(shape: &LayerShape, ratio: Ratio, settings: &crate::config::Settings) -> usize {
    use crate::prune::AttentionUnit::{KvGroup, QueryHead};
    match shape.unit(settings.objective.attention_unit) {
        KvGroup => units_to_remove(shape.kv_heads, ratio),
        QueryHead => units_to_remove(shape.heads / shape.kv_heads.max(1), ratio) * shape.kv_heads,
    }
}

impl State {
    /// The units and parameters that the schedule removes from a layer; none outside the range of layers to
    /// prune.
    pub fn goal(&self, index: usize) -> Goal {
        let Some(layer) = self.layers.get(index) else { return Goal::default() };
        let inside =
            self.settings.ratios.layers.resolve(self.layers.len()).is_ok_and(|range| range.contains(&index));
        let ratio = self.schedule.ratios.get(index).copied().unwrap_or_default();
        if inside { goal(&layer.shape, ratio, &self.settings) } else { Goal::default() }
    }
}
