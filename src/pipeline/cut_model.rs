//! A checkpoint seen through the cuts of its blocks, without being written first.

use candle_core::{DType, Device};

use crate::{
    model::{Architecture, Block, BlockByBlock, Checkpoint, EmbeddingAndHead, Error, LayerSize, Result},
    prune::Part,
};

use super::BlockCut;

/// The cuts of a model's blocks, read when they are asked for.
pub trait Cuts {
    /// None where the layer stays as it is.
    ///
    /// # Errors
    /// What the place fails with where the cuts lie.
    fn cut(
        &self,
        layer: usize,
    ) -> std::result::Result<Option<BlockCut>, Box<dyn std::error::Error + Send + Sync>>;
}

/// Computes what a reader of the written model would: cut weights hold the numbers that are stored.
pub struct CutModel<'a> {
    checkpoint: &'a Checkpoint,
    cuts: &'a dyn Cuts,
    architecture: Architecture,
}

impl<'a> CutModel<'a> {
    /// `sizes` are what the cuts leave, one a layer.
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
