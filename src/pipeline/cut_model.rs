//! A checkpoint with the cuts of its blocks applied, without writing it to disk.

use candle_core::{DType, Device};

use crate::{
    model::{Architecture, Block, BlockByBlock, Checkpoint, EmbeddingAndHead, Error, LayerSize, Result},
    prune::Part,
};

use super::BlockCut;

/// The cuts of a model's blocks, read on demand.
pub trait Cuts {
    /// The cut of a layer; None if the layer is unchanged.
    ///
    /// # Errors
    /// If the storage of the cuts fails.
    fn cut(
        &self,
        layer: usize,
    ) -> std::result::Result<Option<BlockCut>, Box<dyn std::error::Error + Send + Sync>>;
}

/// The cuts of the first layers, in memory.
impl Cuts for Vec<BlockCut> {
    fn cut(
        &self,
        layer: usize,
    ) -> std::result::Result<Option<BlockCut>, Box<dyn std::error::Error + Send + Sync>> {
        Ok(self.get(layer).cloned())
    }
}

/// A model with cuts. It computes the same values as a reader of the written model, because cut weights hold
/// the stored numbers.
pub struct CutModel<'a> {
    checkpoint: &'a Checkpoint,
    cuts: &'a dyn Cuts,
    architecture: Architecture,
}

impl<'a> CutModel<'a> {
    /// `sizes` are the sizes after the cuts, indexed by layer.
    pub fn new(checkpoint: &'a Checkpoint, cuts: &'a dyn Cuts, sizes: Vec<LayerSize>) -> Self {
        Self { checkpoint, cuts, architecture: checkpoint.architecture().with_layers(sizes) }
    }
}

impl BlockByBlock for CutModel<'_> {
    fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    fn block(&self, layer: usize, device: &Device, dtype: DType) -> Result<Block> {
        let mut block = self.checkpoint.block(layer, device, dtype)?;
        if let Some(cut) = self.cuts.cut(layer).map_err(Error::Cut)? {
            cut.narrow(Part::Attention, &mut block)?;
            cut.narrow(Part::Mlp, &mut block)?;
        }
        Ok(block)
    }

    fn embedding_and_head(&self, device: &Device, dtype: DType) -> Result<EmbeddingAndHead> {
        self.checkpoint.embedding_and_head(device, dtype)
    }
}
