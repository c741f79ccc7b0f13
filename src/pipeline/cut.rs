//! The cut of one block: applied to the streams during the pass, and later to files and evaluation.

use std::sync::Arc;

use candle_core::{DType, Device, Tensor};

use crate::{
    model::{
        self, Architecture, Block, Checkpoint, KeptChannels, KeptHeads, LayerSize, OutputBiases, Shapes,
        StoredTensor, block_tensors_as, round_to,
    },
    prune::{AttentionUnit, Outcome, Part},
};

use super::Error;

/// The cuts of one block. A part that is None is unchanged. Cheap to clone.
#[derive(Clone, Debug, PartialEq)]
pub struct BlockCut {
    layer: usize,
    heads: Option<Arc<HeadCut>>,
    channels: Option<Arc<ChannelCut>>,
}

/// The kept heads of an attention and their new weight.
#[derive(Debug, PartialEq)]
pub struct HeadCut {
    pub query_heads: Vec<usize>,
    pub kv_heads: Vec<usize>,
    /// [hidden, query_heads·head_dim]
    pub o_proj: Packed,
    /// [1, hidden]; None if unchanged.
    pub bias: Option<Packed>,
}

/// The kept channels of an FFN and their new weight.
#[derive(Debug, PartialEq)]
pub struct ChannelCut {
    pub kept: Vec<usize>,
    /// [hidden, kept]
    pub down_proj: Packed,
    /// [1, hidden]; None if unchanged.
    pub bias: Option<Packed>,
}

/// The means that determine a bias: with it, the output keeps its mean.
pub struct Means {
    /// E[y] of the original weight, its bias included, [hidden].
    pub output: Vec<f64>,
    /// E[x] of the kept columns.
    pub inputs: Vec<f64>,
}

/// A weight in the number type of the checkpoint.
#[derive(Debug, PartialEq)]
pub struct Packed {
    /// F32, F16 or BF16.
    pub dtype: DType,
    pub shape: [usize; 2],
    /// Little-endian numbers, row-major.
    pub bytes: Vec<u8>,
}

impl BlockCut {
    /// No cut.
    pub fn new(layer: usize) -> Self {
        Self { layer, heads: None, channels: None }
    }

    /// Index of the layer.
    pub fn layer(&self) -> usize {
        self.layer
    }

    /// This cut combined with a cut of the attention.
    pub fn with_heads(self, heads: HeadCut) -> Self {
        Self { heads: Some(Arc::new(heads)), ..self }
    }

    /// This cut combined with a cut of the FFN.
    pub fn with_channels(self, channels: ChannelCut) -> Self {
        Self { channels: Some(Arc::new(channels)), ..self }
    }

    /// Whether the part is cut.
    pub fn touches(&self, part: Part) -> bool {
        match part {
            Part::Attention => self.heads.is_some(),
            Part::Mlp => self.channels.is_some(),
        }
    }

    /// The cut of the attention.
    pub fn heads(&self) -> Option<&Arc<HeadCut>> {
        self.heads.as_ref()
    }

    /// The cut of the FFN.
    pub fn channels(&self) -> Option<&Arc<ChannelCut>> {
        self.channels.as_ref()
    }

    /// Sets the cut of a part from the result of an elimination. The new weight is rounded to the
    /// checkpoint's number type, so the streams continue with the numbers in the exported files. The bias is
    /// rounded as well, if there are `means` to preserve. `size` is the block's size before pruning.
    ///
    /// # Errors
    /// [`Error::Overflow`] for a weight that exceeds the range of the type; an error for a missing tensor.
    pub fn set(
        &mut self,
        part: Part,
        outcome: &Outcome,
        means: Option<&Means>,
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
        let rounded = |tensor: String, dtype: DType, exact: &[f32]| {
            round_to(dtype, exact).map_err(|element| Error::Overflow {
                tensor,
                value: exact[element],
                dtype: dtype.as_str().to_string(),
            })
        };
        let weight = rounded(tensor, dtype, &exact)?;
        let rows = checkpoint.architecture().hidden;
        let columns = exact.len() / rows;
        let bias = match means {
            None => None,
            Some(means) => {
                let tensor = format!("model.layers.{}.{name}.bias", self.layer);
                let dtype = checkpoint.bias_dtype(&tensor)?;
                let exact = means.kept_by(&weight.values);
                let bytes = rounded(tensor, dtype, &exact)?.bytes;
                Some(Packed { dtype, shape: [1, rows], bytes })
            }
        };
        let packed = Packed { dtype, shape: [rows, columns], bytes: weight.bytes };
        match part {
            Part::Attention => {
                let (query_heads, kv_heads) = kept_heads(&outcome.kept, size, unit);
                self.heads = Some(Arc::new(HeadCut { query_heads, kv_heads, o_proj: packed, bias }));
            }
            Part::Mlp => {
                let kept = outcome.kept.clone();
                self.channels = Some(Arc::new(ChannelCut { kept, down_proj: packed, bias }));
            }
        }
        Ok(())
    }

    /// Copies the cut of one part from another cut of the same layer.
    pub fn copy_part(&mut self, part: Part, other: &Self) {
        match part {
            Part::Attention => self.heads.clone_from(&other.heads),
            Part::Mlp => self.channels.clone_from(&other.channels),
        }
    }

    /// Applies the cut to one part of the block.
    ///
    /// # Errors
    /// As for [`Block::keep_heads`] and [`Block::keep_channels`].
    pub fn narrow(&self, part: Part, block: &mut Block) -> model::Result<()> {
        match (part, &self.heads, &self.channels) {
            (Part::Attention, Some(cut), _) => {
                let old = block.o_proj();
                let o_proj = cut.o_proj.tensor(old.device(), old.dtype())?;
                let bias =
                    cut.bias.as_ref().map(|bias| bias.tensor(o_proj.device(), o_proj.dtype())).transpose()?;
                block.keep_heads(&cut.query_heads, &cut.kv_heads, o_proj)?;
                bias.map_or(Ok(()), |bias| block.set_o_bias(bias))
            }
            (Part::Mlp, _, Some(cut)) => {
                let old = block.down_proj();
                let down_proj = cut.down_proj.tensor(old.device(), old.dtype())?;
                let bias = cut
                    .bias
                    .as_ref()
                    .map(|bias| bias.tensor(down_proj.device(), down_proj.dtype()))
                    .transpose()?;
                block.keep_channels(&cut.kept, down_proj)?;
                bias.map_or(Ok(()), |bias| block.set_down_bias(bias))
            }
            (Part::Attention, None, _) | (Part::Mlp, _, None) => Ok(()),
        }
    }

    /// The kept columns of the scored weight; None if the part is not cut.
    ///
    /// # Errors
    /// If the device fails.
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

    /// The sizes of the cut block; `before` gives the sizes before pruning.
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

    /// The tensors of the cut block in the layout of the architecture `pruned`.
    ///
    /// # Errors
    /// As for [`block_tensors_as`].
    pub fn tensors<'c>(
        &self,
        checkpoint: &'c Checkpoint,
        pruned: &Architecture,
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
        let bias = |bias: Option<&Packed>| bias.map(Packed::values).transpose();
        let biases = OutputBiases {
            o_proj: bias(self.heads.as_ref().and_then(|cut| cut.bias.as_ref()))?,
            down_proj: bias(self.channels.as_ref().and_then(|cut| cut.bias.as_ref()))?,
        };
        Ok(block_tensors_as(checkpoint, pruned, self.layer, (heads, channels, &biases), shapes)?)
    }
}

impl Means {
    /// The bias that preserves the mean of the output of these weights [hidden, kept]: E[y] − Ŵ E[x].
    fn kept_by(&self, weight: &[f32]) -> Vec<f32> {
        let rows = weight.chunks_exact(self.inputs.len()).zip(&self.output);
        let left = |(row, mean): (&[f32], &f64)| {
            mean - row.iter().zip(&self.inputs).map(|(&w, x)| f64::from(w) * x).sum::<f64>()
        };
        rows.map(|row| left(row) as f32).collect()
    }
}

impl Packed {
    fn tensor(&self, device: &Device, dtype: DType) -> model::Result<Tensor> {
        Ok(Tensor::from_raw_buffer(&self.bytes, self.dtype, &self.shape, device)?.to_dtype(dtype)?)
    }

    /// The values in row-major order.
    fn values(&self) -> model::Result<Vec<f32>> {
        Ok(self.tensor(&Device::Cpu, DType::F32)?.flatten_all()?.to_vec1()?)
    }
}

/// Query heads and KV heads of the kept units.
fn kept_heads(kept: &[usize], size: LayerSize, unit: AttentionUnit) -> (Vec<usize>, Vec<usize>) {
    let group = size.group();
    match unit.in_groups_of(group) {
        AttentionUnit::KvGroup => {
            (kept.iter().flat_map(|unit| unit * group..(unit + 1) * group).collect(), kept.to_vec())
        }
        AttentionUnit::QueryHead => (kept.to_vec(), (0..size.kv_heads).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bias_preserves_the_mean_of_the_output() {
        let number = |i: usize| ((i * 37 + 11) % 23) as f64 / 23.0 - 0.4;
        let (tokens, hidden, n, kept) = (50, 4, 6, [1, 3, 4]);
        let x: Vec<f64> = (0..tokens * n).map(|i| number(i) + (i % n) as f64).collect();
        let w: Vec<f64> = (0..hidden * n).map(|i| number(3 * i + 1)).collect();
        let own: Vec<f64> = (0..hidden).map(number).collect();
        // Arbitrary refitted weights.
        let cut: Vec<f32> = (0..hidden * kept.len()).map(|i| number(5 * i) as f32).collect();
        let mean = |of: &dyn Fn(usize) -> f64| (0..tokens).map(of).sum::<f64>() / tokens as f64;
        let before =
            |row: usize| mean(&|t| (0..n).map(|j| w[row * n + j] * x[t * n + j]).sum::<f64>()) + own[row];
        let means = Means {
            output: (0..hidden).map(before).collect(),
            inputs: kept.iter().map(|j| mean(&|t| x[t * n + j])).collect(),
        };
        let bias = means.kept_by(&cut);
        for row in 0..hidden {
            let of = |t: usize| {
                let columns = kept.iter().enumerate();
                columns.map(|(at, j)| f64::from(cut[row * kept.len() + at]) * x[t * n + j]).sum::<f64>()
            };
            let left = mean(&of) + f64::from(bias[row]) - before(row);
            assert!(left.abs() < 1e-6, "{left}");
        }
    }
}
