//! The whole model in memory: tokens in, logits out.

use candle_core::Tensor;

use super::{Block, EmbeddingAndHead, KvCache, Result, Rope};

/// The embedding, all blocks, the head and the rotary tables.
#[derive(Clone, Debug)]
pub struct Decoder {
    /// Embedding, final norm and output head.
    pub embedding_and_head: EmbeddingAndHead,
    /// All decoder blocks, in order.
    pub blocks: Vec<Block>,
    /// The rotary tables.
    pub rope: Rope,
}

impl Decoder {
    /// A decoder from its parts.
    pub fn new(embedding_and_head: EmbeddingAndHead, blocks: Vec<Block>, rope: Rope) -> Self {
        Self { embedding_and_head, blocks, rope }
    }

    /// Windows of equal length → the output of the last block: [windows, t, hidden].
    ///
    /// # Errors
    /// If a token is outside the vocabulary, or a window is longer than the rotary tables.
    pub fn hidden(&self, windows: &[&[u32]]) -> Result<Tensor> {
        let mut h = self.embedding_and_head.embed(windows)?;
        for block in &self.blocks {
            h = block.forward(&h, &self.rope)?;
        }
        Ok(h)
    }

    /// Windows of equal length → logits: [windows, t, vocab], f32.
    ///
    /// # Errors
    /// As for [`Decoder::hidden`].
    pub fn logits(&self, windows: &[&[u32]]) -> Result<Tensor> {
        self.embedding_and_head.logits(&self.hidden(windows)?)
    }

    /// Empty caches, one per block, for [`Decoder::next`].
    pub fn caches(&self, capacity: usize) -> Vec<KvCache> {
        self.blocks.iter().map(|_| KvCache::new(capacity)).collect()
    }

    /// The next tokens of one sequence → the logits after the last of them: `[vocab]`, f32.
    ///
    /// # Errors
    /// As for [`Decoder::hidden`].
    pub fn next(&self, tokens: &[u32], caches: &mut [KvCache]) -> Result<Tensor> {
        Ok(self.next_of(&[tokens], caches)?.flatten_all()?)
    }

    /// The next tokens of several sequences, of equal length before and after → the logits after the last of them:
    /// `[sequences, vocab]`, f32.
    ///
    /// # Errors
    /// As for [`Decoder::hidden`].
    pub fn next_of(&self, tokens: &[&[u32]], caches: &mut [KvCache]) -> Result<Tensor> {
        let mut h = self.embedding_and_head.embed(tokens)?;
        for (block, cache) in self.blocks.iter().zip(caches) {
            h = block.forward_cached(&h, &self.rope, cache)?;
        }
        let last = h.narrow(1, h.dims()[1] - 1, 1)?;
        Ok(self.embedding_and_head.logits(&last)?.squeeze(1)?)
    }
}
