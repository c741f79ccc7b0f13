//! What a pass has cut from one block, for the stream at once and for the files later.

use candle_core::Tensor;

use crate::{
    config::{AttentionUnit, Part},
    model::{Block, Checkpoint, KeptChannels, KeptHeads, LayerSize, StoredTensor, block_tensors, round_to},
    prune::Outcome,
};

use super::Error;

/// The cuts of one block; a part that is None stays as it is.
pub struct BlockCut {
    layer: usize,
    /// Before pruning.
    size: LayerSize,
    unit: AttentionUnit,
    heads: Option<HeadCut>,
    channels: Option<ChannelCut>,
}

struct HeadCut {
    query_heads: Vec<usize>,
    kv_heads: Vec<usize>,
    /// [hidden, query_heads·head_dim], as it is stored.
    o_proj: Vec<f32>,
}

struct ChannelCut {
    kept: Vec<usize>,
    /// [hidden, kept], as it is stored.
    down_proj: Vec<f32>,
}

impl BlockCut {
    pub fn new(layer: usize, size: LayerSize, unit: AttentionUnit) -> Self {
        Self { layer, size, unit, heads: None, channels: None }
    }

    /// Narrows the block to what an elimination kept. Its new weight is rounded to the checkpoint's own type first, so
    /// that the stream goes on with what a reader of the files will have.
    pub fn apply(
        &mut self,
        part: Part,
        outcome: &Outcome,
        block: &mut Block,
        checkpoint: &Checkpoint,
    ) -> Result<(), Error> {
        let (name, old) = match part {
            Part::Attention => ("self_attn.o_proj", block.o_proj()),
            Part::Mlp => ("mlp.down_proj", block.down_proj()),
        };
        let tensor = format!("model.layers.{}.{name}.weight", self.layer);
        let (rows, device, dtype) = (old.dim(0)?, old.device().clone(), old.dtype());
        let exact: Vec<f32> = outcome.weight.iter().map(|&w| w as f32).collect();
        let stored = checkpoint.storage_dtype(&tensor)?;
        let rounded = round_to(stored, &exact).map_err(|element| Error::Overflow {
            tensor,
            value: exact[element],
            dtype: stored.as_str().to_string(),
        })?;
        let shape = (rows, exact.len() / rows);
        let weight = Tensor::from_slice(&rounded.values, shape, &device)?.to_dtype(dtype)?;
        match part {
            Part::Attention => {
                let (query_heads, kv_heads) = self.kept_heads(&outcome.kept);
                block.keep_heads(&query_heads, &kv_heads, weight)?;
                self.heads = Some(HeadCut { query_heads, kv_heads, o_proj: rounded.values });
            }
            Part::Mlp => {
                block.keep_channels(&outcome.kept, weight)?;
                self.channels = Some(ChannelCut { kept: outcome.kept.clone(), down_proj: rounded.values });
            }
        }
        Ok(())
    }

    /// The block's tensors, ready to be written.
    pub fn tensors<'c>(&self, checkpoint: &'c Checkpoint) -> Result<Vec<StoredTensor<'c>>, Error> {
        let heads = self.heads.as_ref().map(|cut| KeptHeads {
            query_heads: &cut.query_heads,
            kv_heads: &cut.kv_heads,
            o_proj: &cut.o_proj,
        });
        let channels =
            self.channels.as_ref().map(|cut| KeptChannels { channels: &cut.kept, down_proj: &cut.down_proj });
        Ok(block_tensors(checkpoint, self.layer, heads, channels)?)
    }

    /// Query heads and KV heads that belong to the kept units.
    fn kept_heads(&self, kept: &[usize]) -> (Vec<usize>, Vec<usize>) {
        let group = self.size.group();
        match self.unit {
            AttentionUnit::KvGroup => {
                (kept.iter().flat_map(|unit| unit * group..(unit + 1) * group).collect(), kept.to_vec())
            }
            AttentionUnit::QueryHead => (kept.to_vec(), (0..self.size.kv_heads).collect()),
        }
    }
}
