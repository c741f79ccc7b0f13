//! The parts outside the blocks: embedding, final norm, output head.

use candle_core::{D, DType, Device, Module, Tensor};
use candle_nn::{Linear, ops::rms_norm};

use super::{Architecture, Error, Result, Tensors};

/// The name of the embedding's weight.
pub(super) const EMBEDDING: &str = "model.embed_tokens.weight";

/// Embedding, final norm and output head.
#[derive(Clone, Debug)]
pub struct EmbeddingAndHead {
    /// [vocab, hidden]
    embedding: Tensor,
    /// [hidden]
    norm: Tensor,
    norm_eps: f32,
    /// weight: [vocab, hidden]
    head: Linear,
}

impl EmbeddingAndHead {
    /// Loads the parts onto a device, in the number type of the computation. A tied head shares the
    /// embedding's memory.
    ///
    /// # Errors
    /// As for [`Tensors::tensor`].
    pub fn load(
        weights: &dyn Tensors,
        architecture: &Architecture,
        device: &Device,
        dtype: DType,
    ) -> Result<Self> {
        let Architecture { hidden, vocab, tied, norm_eps, .. } = *architecture;
        let embedding = weights.tensor(EMBEDDING, &[vocab, hidden], device, dtype)?;
        let norm = weights.tensor("model.norm.weight", &[hidden], device, dtype)?;
        let head = if tied {
            embedding.clone()
        } else {
            weights.tensor("lm_head.weight", &[vocab, hidden], device, dtype)?
        };
        Ok(Self { embedding, norm, norm_eps: norm_eps as f32, head: Linear::new(head, None) })
    }

    /// Windows of equal length → h: [windows, t, hidden].
    ///
    /// # Errors
    /// If a token is outside the vocabulary, or windows are empty or have different lengths.
    pub fn embed(&self, windows: &[&[u32]]) -> Result<Tensor> {
        let t = window_length(windows, self.embedding.dims()[0])?;
        let tokens = Tensor::from_vec(windows.concat(), (windows.len(), t), self.embedding.device())?;
        Ok(self.embedding.embedding(&tokens.flatten_all()?)?.reshape((windows.len(), t, ()))?)
    }

    /// h: [batch, t, hidden] → logits: [batch, t, vocab], f32.
    ///
    /// # Errors
    /// If the device fails.
    pub fn logits(&self, h: &Tensor) -> Result<Tensor> {
        let normed = rms_norm(&h.contiguous()?, &self.norm, self.norm_eps)?;
        Ok(self.head.forward(&normed)?.to_dtype(DType::F32)?)
    }

    /// Sum of −ln p of the targets. h: [windows, positions, hidden], targets: [windows, positions].
    ///
    /// # Errors
    /// If the device fails.
    pub fn negative_log_likelihood(&self, h: &Tensor, targets: &Tensor) -> Result<f64> {
        let logits = self.logits(h)?;
        let log_normaliser = logits.log_sum_exp(D::Minus1)?;
        let chosen = logits.gather(&targets.unsqueeze(D::Minus1)?, D::Minus1)?.squeeze(D::Minus1)?;
        let nll: Vec<f32> = (log_normaliser - chosen)?.flatten_all()?.to_vec1()?;
        Ok(nll.iter().map(|&x| f64::from(x)).sum())
    }
}

/// The number of tokens in each of these windows.
///
/// # Errors
/// If a token is outside the vocabulary, or windows are empty or have different lengths.
pub(super) fn window_length(windows: &[&[u32]], vocab: usize) -> Result<usize> {
    if let Some(&token) = windows.iter().copied().flatten().find(|token| **token as usize >= vocab) {
        return Err(Error::Token { token, vocab });
    }
    let t = windows.first().map_or(0, |window| window.len());
    if t == 0 || windows.iter().any(|window| window.len() != t) {
        return Err(Error::Windows { found: windows.iter().map(|window| window.len()).collect() });
    }
    Ok(t)
}
