//! What leaves one block: for the streams at once, for the files and the evaluation later.

use std::sync::Arc;

use candle_core::{DType, Device, Tensor};

use crate::{
    config::{AttentionUnit, Part},
    model::{
        self, Block, Checkpoint, KeptChannels, KeptHeads, LayerSize, Shapes, StoredTensor, block_tensors,
        round_to,
    },
    prune::Outcome,
};

use super::Error;

/// The cuts of one block; a part that is None stays as it is. Cheap to clone.
#[derive(Clone, Debug, PartialEq)]
pub struct BlockCut {
    layer: usize,
    heads: Option<Arc<HeadCut>>,
    channels: Option<Arc<ChannelCut>>,
}

/// What stays of an attention.
#[derive(Debug, PartialEq)]
pub struct HeadCut {
    pub query_heads: Vec<usize>,
    pub kv_heads: Vec<usize>,
    /// [hidden, query_heads·head_dim]
    pub o_proj: Packed,
}

/// What stays of a feed-forward part.
#[derive(Debug, PartialEq)]
pub struct ChannelCut {
    pub kept: Vec<usize>,
    /// [hidden, kept]
    pub down_proj: Packed,
}

/// A weight in the number type that the checkpoint stores it in.
#[derive(Debug, PartialEq)]
pub struct Packed {
    /// F32, F16 or BF16.
    pub dtype: DType,
    pub shape: [usize; 2],
    /// Little-endian numbers, row by row.
    pub bytes: Vec<u8>,
}

impl BlockCut {
    pub fn new(layer: usize) -> Self {
        Self { layer, heads: None, channels: None }
    }

    /// The same cut, with the attention cut as well.
    pub fn with_heads(self, heads: HeadCut) -> Self {
        Self { heads: Some(Arc::new(heads)), ..self }
    }

    /// The same cut, with the FFN cut as well.
    pub fn with_channels(self, channels: ChannelCut) -> Self {
        Self { channels: Some(Arc::new(channels)), ..self }
    }

    /// True where the part has been cut.
    pub fn touches(&self, part: Part) -> bool {
        match part {
            Part::Attention => self.heads.is_some(),
            Part::Mlp => self.channels.is_some(),
        }
    }

    pub fn heads(&self) -> Option<&Arc<HeadCut>> {
        self.heads.as_ref()
    }

    pub fn channels(&self) -> Option<&Arc<ChannelCut>> {
        self.channels.as_ref()
    }

    /// Takes what an elimination kept. Its new weight is rounded to the checkpoint's own type, so that the stream goes
    /// on with what a reader of the files will have. `size` is the block's before pruning.
    pub fn set(
        &mut self,
        part: Part,
        outcome: &Outcome,
        (size, unit): (LayerSize, AttentionUnit),
        checkpoint: &Checkpoint,
    ) -> Result<(), Error> {
        let name = match part {
            Part::Attention => "self_attn.o_proj",
            Part::Mlp => "mlp.down_proj",
        };
        let tensor = format!("model.layers.{}.{name}.weight", self.layer);
        let exact: Vec<f32> = outcome.weight.iter().map(|&w| w as f32).collect();
        let dtype = checkpoint.storage_dtype(&tensor)?;
        let rounded = round_to(dtype, &exact).map_err(|element| Error::Overflow {
            tensor,
            value: exact[element],
            dtype: dtype.as_str().to_string(),
        })?;
        let rows = checkpoint.architecture().hidden;
        let packed = Packed { dtype, shape: [rows, exact.len() / rows], bytes: rounded.bytes };
        match part {
            Part::Attention => {
                let (query_heads, kv_heads) = kept_heads(&outcome.kept, size, unit);
                self.heads = Some(Arc::new(HeadCut { query_heads, kv_heads, o_proj: packed }));
            }
            Part::Mlp => {
                let kept = outcome.kept.clone();
                self.channels = Some(Arc::new(ChannelCut { kept, down_proj: packed }));
            }
        }
        Ok(())
    }

    /// Takes the same cut as another one of the same layer.
    pub fn take_over(&mut self, part: Part, other: &Self) {
        match part {
            Part::Attention => self.heads.clone_from(&other.heads),
            Part::Mlp => self.channels.clone_from(&other.channels),
        }
    }

    /// Narrows one part of the block.
    pub fn narrow(&self, part: Part, block: &mut Block) -> model::Result<()> {
        match (part, &self.heads, &self.channels) {
            (Part::Attention, Some(cut), _) => {
                let old = block.o_proj();
                let o_proj = cut.o_proj.tensor(old.device(), old.dtype())?;
                block.keep_heads(&cut.query_heads, &cut.kv_heads, o_proj)
            }
            (Part::Mlp, _, Some(cut)) => {
                let old = block.down_proj();
                let down_proj = cut.down_proj.tensor(old.device(), old.dtype())?;
                block.keep_channels(&cut.kept, down_proj)
            }
            (Part::Attention, None, _) | (Part::Mlp, _, None) => Ok(()),
        }
    }

    /// Columns of the scored weight that stay; None where all do.
    pub fn columns(&self, part: Part, head_dim: usize, device: &Device) -> Result<Option<Tensor>, Error> {
        let (kept, width) = match (part, &self.heads, &self.channels) {
            (Part::Attention, Some(cut), _) => (&cut.query_heads, head_dim),
            (Part::Mlp, _, Some(cut)) => (&cut.kept, 1),
            (Part::Attention, None, _) | (Part::Mlp, _, None) => return Ok(None),
        };
        let columns = kept.iter().flat_map(|unit| unit * width..(unit + 1) * width);
        let columns: Vec<u32> = columns.map(|column| column as u32).collect();
        Ok(Some(Tensor::new(columns, device)?))
    }

    /// The sizes that are left of a block of this size.
    pub fn size(&self, before: LayerSize) -> LayerSize {
        let mut size = before;
        if let Some(cut) = &self.heads {
            (size.heads, size.kv_heads) = (cut.query_heads.len(), cut.kv_heads.len());
        }
        if let Some(cut) = &self.channels {
            size.channels = cut.kept.len();
        }
        size
    }

    /// The block's tensors, ready to be written.
    pub fn tensors<'c>(
        &self,
        checkpoint: &'c Checkpoint,
        shapes: Shapes,
    ) -> Result<Vec<StoredTensor<'c>>, Error> {
        let o_proj = self.heads.as_ref().map(|cut| cut.o_proj.values()).transpose()?;
        let down_proj = self.channels.as_ref().map(|cut| cut.down_proj.values()).transpose()?;
        let heads = self.heads.as_ref().zip(o_proj.as_ref()).map(|(cut, o_proj)| KeptHeads {
            query_heads: &cut.query_heads,
            kv_heads: &cut.kv_heads,
            o_proj,
        });
        let channels = self.channels.as_ref().zip(down_proj.as_ref());
        let channels = channels.map(|(cut, down_proj)| KeptChannels { channels: &cut.kept, down_proj });
        Ok(block_tensors(checkpoint, self.layer, heads, channels, shapes)?)
    }
}

impl Packed {
    fn tensor(&self, device: &Device, dtype: DType) -> model::Result<Tensor> {
        Ok(Tensor::from_raw_buffer(&self.bytes, self.dtype, &self.shape, device)?.to_dtype(dtype)?)
    }

    /// Row by row.
    fn values(&self) -> model::Result<Vec<f32>> {
        Ok(self.tensor(&Device::Cpu, DType::F32)?.flatten_all()?.to_vec1()?)
    }
}

/// Query heads and KV heads that belong to the kept units.
fn kept_heads(kept: &[usize], size: LayerSize, unit: AttentionUnit) -> (Vec<usize>, Vec<usize>) {
    let group = size.group();
    match unit {
        AttentionUnit::KvGroup => {
            (kept.iter().flat_map(|unit| unit * group..(unit + 1) * group).collect(), kept.to_vec())
        }
        AttentionUnit::QueryHead => (kept.to_vec(), (0..size.kv_heads).collect()),
    }
}
