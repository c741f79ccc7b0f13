//! Sizes of a model. A frontend computes from them how many parameters a ratio removes.

use serde::{Deserialize, Serialize};

use crate::prune::AttentionUnit;

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
        match self.unit(unit) {
            AttentionUnit::KvGroup => self.kv_heads,
            AttentionUnit::QueryHead => self.heads,
        }
    }

    /// The unit in this layer for this choice.
    pub fn unit(&self, chosen: AttentionUnit) -> AttentionUnit {
        chosen.in_groups_of(self.heads / self.kv_heads.max(1))
    }

    /// Parameters of one attention unit.
    pub fn per_attention_unit(&self, unit: AttentionUnit) -> u64 {
        match self.unit(unit) {
            AttentionUnit::KvGroup => self.per_kv_group,
            AttentionUnit::QueryHead => self.per_query_head,
        }
    }
}
