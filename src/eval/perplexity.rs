//! Perplexity: exp of the mean negative log-likelihood over non-overlapping windows.

use std::ops::ControlFlow;

use candle_core::{DType, Device, Tensor};

use crate::model::{BlockByBlock, EmbeddingAndHead};

use super::Error;

/// Number of tokens in one forward pass. A longer window is computed alone.
const TOKENS_PER_BATCH: usize = 2048;

/// The inputs of a perplexity measurement.
pub struct Perplexity<'a> {
    /// The model.
    pub model: &'a dyn BlockByBlock,
    /// The whole text, encoded once without special tokens.
    pub tokens: &'a [u32],
    /// Name of the text, for errors.
    pub text: &'a str,
    /// L: number of tokens per window. An incomplete last window is dropped.
    pub seq_len: usize,
    /// A token to prepend to each window.
    pub bos: Option<u32>,
    /// The device of the forward pass.
    pub device: &'a Device,
    /// The number type of the forward pass.
    pub dtype: DType,
    /// Memory for hidden states and logits, in bytes. It limits the batches and changes no result.
    pub memory_budget: u64,
}

impl Perplexity<'_> {
    /// exp(mean NLL of tokens 2…L of each window), computed block by block with only one block's weights in
    /// memory. `progress` receives (done, total) after each batch of each block.
    ///
    /// # Errors
    /// If the text is shorter than one window, the perplexity is not finite, or the model cannot be computed;
    /// [`Error::Cancelled`] if `progress` breaks.
    pub fn measure(&self, progress: &mut dyn FnMut(u64, u64) -> ControlFlow<()>) -> Result<f64, Error> {
        let windows: Vec<&[u32]> = self.tokens.chunks_exact(self.seq_len).collect();
        if windows.is_empty() {
            return Err(Error::TextTooShort {
                text: self.text.into(),
                tokens: self.tokens.len(),
                needed: self.seq_len,
            });
        }
        let architecture = self.model.architecture();
        let length = self.seq_len + usize::from(self.bos.is_some());
        let per_window = (length * architecture.hidden * self.dtype.size_in_bytes()) as u64;
        let at_once = usize::try_from(self.memory_budget / 2 / per_window).unwrap_or(usize::MAX).max(1);
        let per_batch = (TOKENS_PER_BATCH / length).max(1);

        let ends = self.model.embedding_and_head(self.device, self.dtype)?;
        let rope = self.model.rope(length, self.device, self.dtype)?;
        let passes = architecture.layers.len() as u64 + 1;
        let batches_in = |windows: usize| windows.div_ceil(per_batch) as u64;
        let total: u64 = windows.chunks(at_once).map(|chunk| batches_in(chunk.len()) * passes).sum();
        let mut done = 0;
        let mut step = || {
            done += 1;
            match progress(done, total) {
                ControlFlow::Continue(()) => Ok(()),
                ControlFlow::Break(()) => Err(Error::Cancelled),
            }
        };

        let mut nll = 0.0;
        for chunk in windows.chunks(at_once) {
            let batches: Vec<&[&[u32]]> = chunk.chunks(per_batch).collect();
            let mut hidden =
                batches.iter().map(|batch| self.embed(&ends, batch)).collect::<Result<Vec<_>, _>>()?;
            for layer in 0..architecture.layers.len() {
                let block = self.model.block(layer, self.device, self.dtype)?;
                for h in &mut hidden {
                    *h = block.forward(h, &rope)?;
                    step()?;
                }
            }
            for (batch, h) in batches.iter().zip(&hidden) {
                // With a BOS, position 0 predicts token 1 of the window, which the definition excludes.
                let predicting = h.narrow(1, length - self.seq_len, self.seq_len - 1)?;
                let targets: Vec<u32> = batch.iter().flat_map(|window| &window[1..]).copied().collect();
                let targets = Tensor::from_vec(targets, (batch.len(), self.seq_len - 1), self.device)?;
                nll += ends.negative_log_likelihood(&predicting, &targets, self.memory_budget)?;
                step()?;
            }
        }
        let perplexity = (nll / (windows.len() * (self.seq_len - 1)) as f64).exp();
        if perplexity.is_finite() { Ok(perplexity) } else { Err(Error::NotFinite { text: self.text.into() }) }
    }

    /// The input of the first block [windows, length, hidden], with a BOS token before each window if requested.
    fn embed(&self, ends: &EmbeddingAndHead, windows: &[&[u32]]) -> Result<Tensor, Error> {
        let Some(bos) = self.bos else { return Ok(ends.embed(windows)?) };
        let longer: Vec<Vec<u32>> = windows.iter().map(|window| [&[bos], *window].concat()).collect();
        let longer: Vec<&[u32]> = longer.iter().map(Vec::as_slice).collect();
        Ok(ends.embed(&longer)?)
    }
}
