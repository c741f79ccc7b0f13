//! A checkpoint seen through the cuts of its blocks, without being written first.

use candle_core::{DType, Device};

use crate::{
    config::Part,
    model::{Architecture, Block, BlockByBlock, Checkpoint, Ends, Result},
};

use super::BlockCut;

/// Computes what a reader of the written model would: cut weights hold the numbers that are stored.
pub struct CutModel<'a> {
    checkpoint: &'a Checkpoint,
    /// One a layer; None where the layer stays as it is.
    cuts: Vec<Option<&'a BlockCut>>,
    architecture: Architecture,
}

impl<'a> CutModel<'a> {
    pub fn new(checkpoint: &'a Checkpoint, cuts: Vec<Option<&'a BlockCut>>) -> Self {
        let before = checkpoint.architecture();
        let sizes = before.layers.iter().zip(&cuts);
        let sizes = sizes.map(|(&size, cut)| cut.map_or(size, |cut| cut.size(size))).collect();
        Self { checkpoint, cuts, architecture: before.with_layers(sizes) }
    }
}

impl BlockByBlock for CutModel<'_> {
    fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    fn block(&self, layer: usize, device: &Device, dtype: DType) -> Result<Block> {
        let mut block = self.checkpoint.block(layer, device, dtype)?;
        if let Some(cut) = self.cuts.get(layer).copied().flatten() {
            cut.narrow(Part::Attention, &mut block)?;
            cut.narrow(Part::Mlp, &mut block)?;
        }
        Ok(block)
    }

    fn ends(&self, device: &Device, dtype: DType) -> Result<Ends> {
        self.checkpoint.ends(device, dtype)
    }
}
