//! A model whose blocks are loaded one at a time: a checkpoint, or one with cuts applied.

use candle_core::{DType, Device};

use super::{Architecture, Block, Checkpoint, EmbeddingAndHead, Result, Rope};

/// A model for forward passes. Its blocks are loaded on demand.
pub trait BlockByBlock {
    /// The architecture, with the sizes of the blocks.
    fn architecture(&self) -> &Architecture;

    /// Loads one decoder block.
    ///
    /// # Errors
    /// As for [`Block::load`].
    fn block(&self, layer: usize, device: &Device, dtype: DType) -> Result<Block>;

    /// Loads the embedding, the final norm and the output head.
    ///
    /// # Errors
    /// As for [`EmbeddingAndHead::load`].
    fn embedding_and_head(&self, device: &Device, dtype: DType) -> Result<EmbeddingAndHead>;

    /// Rotary tables for this many positions.
    ///
    /// # Errors
    /// If the device fails.
    fn rope(&self, positions: usize, device: &Device, dtype: DType) -> Result<Rope> {
        Rope::of(self.architecture(), positions, device, dtype)
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
