//! The sizes of a model, as far as a frontend needs them to tell what pruning leaves.

use serde::{Deserialize, Serialize};

use crate::prune::AttentionUnit;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelShape {
    pub hidden: usize,
    pub head_dim: usize,
    pub vocab: usize,
    pub max_positions: usize,
    pub parameters: u64,
    /// The weights as they are stored.
    pub bytes: u64,
    pub layers: Vec<LayerShape>,
}

/// One decoder block before pruning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerShape {
    pub heads: usize,
    pub kv_heads: usize,
    pub channels: usize,
    /// Parameters that leave with one KV head and its query heads.
    pub per_kv_group: u64,
    /// Parameters that leave with one query head alone.
    pub per_query_head: u64,
    /// Parameters that leave with one channel.
    pub per_channel: u64,
}

impl LayerShape {
    /// Units of the attention that can leave.
    pub fn attention_units(&self, unit: AttentionUnit) -> usize {
        match unit {
            AttentionUnit::KvGroup => self.kv_heads,
            AttentionUnit::QueryHead => self.heads,
        }
    }

    /// Parameters that leave with one unit of the attention.
    pub fn per_attention_unit(&self, unit: AttentionUnit) -> u64 {
        match unit {
            AttentionUnit::KvGroup => self.per_kv_group,
            AttentionUnit::QueryHead => self.per_query_head,
        }
    }
}
