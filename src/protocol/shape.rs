//! Sizes of a model. A frontend computes from them how many parameters a ratio removes.

use serde::{Deserialize, Serialize};

use crate::prune::{AttentionUnit, AttentionUnitChoice, LayerRatio};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelShape {
    pub hidden: usize,
    pub head_dim: usize,
    pub vocab: usize,
    pub max_positions: usize,
    pub parameters: u64,
    /// Size of the stored weights.
    pub bytes: u64,
    pub layers: Vec<LayerShape>,
}

/// One decoder block before pruning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerShape {
    pub heads: usize,
    pub kv_heads: usize,
    pub channels: usize,
    /// Parameters of one KV head with its query heads.
    pub per_kv_group: u64,
    /// Parameters of one query head.
    pub per_query_head: u64,
    /// Parameters of one channel.
    pub per_channel: u64,
}

impl LayerShape {
    /// Number of prunable attention units.
    pub fn attention_units(&self, unit: AttentionUnit) -> usize {
        match unit.in_groups_of(self.group()) {
            AttentionUnit::KvGroup => self.kv_heads,
            AttentionUnit::QueryHead => self.heads,
        }
    }

    /// Query heads per key-value head; 1 if the layer has no attention.
    pub fn group(&self) -> usize {
        self.heads.checked_div(self.kv_heads).unwrap_or(1)
    }

    /// The unit that a ratio counts in this layer, with this setting.
    pub fn unit(&self, setting: AttentionUnitChoice, ratio: LayerRatio) -> AttentionUnit {
        setting.resolve(ratio.unit, self.group())
    }

    /// Parameters of one attention unit.
    pub fn per_attention_unit(&self, unit: AttentionUnit) -> u64 {
        match unit.in_groups_of(self.group()) {
            AttentionUnit::KvGroup => self.per_kv_group,
            AttentionUnit::QueryHead => self.per_query_head,
        }
    }
}
