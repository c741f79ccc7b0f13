//! A model whose blocks come one at a time: a checkpoint as it is, or with cuts in it.

use candle_core::{DType, Device};

use super::{Architecture, Block, Checkpoint, EmbeddingAndHead, Result, Rope};

/// What a forward pass needs of a model; blocks are loaded when they are asked for.
pub trait BlockByBlock {
    /// With the sizes that the blocks have.
    fn architecture(&self) -> &Architecture;

    /// Loads one decoder block.
    ///
    /// # Errors
    /// As [`Block::load`].
    fn block(&self, layer: usize, device: &Device, dtype: DType) -> Result<Block>;

    /// Loads what stands before the first block and after the last.
    ///
    /// # Errors
    /// As [`EmbeddingAndHead::load`].
    fn embedding_and_head(&self, device: &Device, dtype: DType) -> Result<EmbeddingAndHead>;

    /// Rotary tables for this many positions.
    ///
    /// # Errors
    /// What the device fails with.
    fn rope(&self, positions: usize, device: &Device, dtype: DType) -> Result<Rope> {
        let architecture = self.architecture();
        Rope::new(&architecture.rope, architecture.head_dim, positions, device, dtype)
    }
}

impl BlockByBlock for Checkpoint {
    fn architecture(&self) -> &Architecture {
        self.architecture()
    }

    fn block(&self, layer: usize, device: &Device, dtype: DType) -> Result<Block> {
        self.block(layer, device, dtype)
    }

    fn embedding_and_head(&self, device: &Device, dtype: DType) -> Result<EmbeddingAndHead> {
        self.embedding_and_head(device, dtype)
    }
}
