//! The units that a ratio removes from a layer.

use crate::{
    protocol::{LayerShape, Ratio, channels_to_remove, units_to_remove},
    prune::{AttentionUnit, LayerRatio, Part},
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
    let unit = shape.unit(settings.objective.attention_unit, ratio);
    let attention = if settings.prunes(Part::Attention) { attention(shape, heads, unit) } else { 0 };
    let mlp = if settings.prunes(Part::Mlp) {
        channels_to_remove(shape.channels, channels, settings.ratios.channel_multiple)
    } else {
        0
    };
    let parameters = attention as u64 * shape.per_attention_unit(unit) + mlp as u64 * shape.per_channel;
    Goal { attention, mlp, parameters }
}

fn attention(shape: &LayerShape, ratio: Ratio, unit: AttentionUnit) -> usize {
    match unit {
        AttentionUnit::KvGroup => units_to_remove(shape.kv_heads, ratio),
        AttentionUnit::QueryHead => units_to_remove(shape.group(), ratio) * shape.kv_heads,
    }
}

impl State {
    /// The unit of a layer's attention that the schedule removes.
    pub fn planned_unit(&self, index: usize) -> AttentionUnit {
        let ratio = self.schedule.ratios.get(index).copied().unwrap_or_default();
        let layer = self.layers.get(index);
        layer.map_or(AttentionUnit::KvGroup, |layer| {
            layer.shape.unit(self.settings.objective.attention_unit, ratio)
        })
    }

    /// The unit of a layer's attention: that of the attempt being solved or of the active one, otherwise the planned
    /// one.
    pub fn attention_unit(&self, index: usize) -> AttentionUnit {
        let Some(layer) = self.layers.get(index) else { return AttentionUnit::KvGroup };
        match (&layer.work, layer.active()) {
            (Some(work), _) => layer.shape.unit(self.settings.objective.attention_unit, work.method.ratios()),
            (None, Some(result)) => layer.unit_of(&result.record.attention),
            (None, None) => self.planned_unit(index),
        }
    }

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
