//! The parts outside the blocks: embedding, final norm, output head.

mod loss_gradient;

pub use loss_gradient::{LossGradients, TokenLabels};

use candle_core::{D, DType, Device, Module, Tensor};
use candle_nn::{Linear, ops::rms_norm};

use super::{
    Architecture, Error, Form, Multipliers, Result, Tensors,
    processor::{self, Compared, Values},
};

/// The name of the embedding's weight.
pub(super) const EMBEDDING: &str = "model.embed_tokens.weight";

/// The name of the output head's weight.
pub(super) const HEAD: &str = "lm_head.weight";

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
    multipliers: Multipliers,
    logits_cap: Option<f64>,
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
        let Form { multipliers, logits_cap, offset_norms, .. } = architecture.form;
        let norm = norm_weight(weights, "model.norm.weight", (hidden, offset_norms), device, dtype)?;
        let head =
            if tied { embedding.clone() } else { weights.tensor(HEAD, &[vocab, hidden], device, dtype)? };
        let (norm_eps, head) = (norm_eps as f32, Linear::new(head, None));
        Ok(Self { embedding, norm, norm_eps, head, multipliers, logits_cap })
    }

    /// Windows of equal length → h: [windows, t, hidden].
    ///
    /// # Errors
    /// If a token is outside the vocabulary, or windows are empty or have different lengths.
    pub fn embed(&self, windows: &[&[u32]]) -> Result<Tensor> {
        let t = window_length(windows, self.embedding.dims()[0])?;
        let tokens = Tensor::from_vec(windows.concat(), (windows.len(), t), self.embedding.device())?;
        let h = self.embedding.embedding(&tokens.flatten_all()?)?.reshape((windows.len(), t, ()))?;
        scaled(h, self.multipliers.embedding)
    }

    /// h: [batch, t, hidden] → logits: [batch, t, vocab], f32.
    ///
    /// # Errors
    /// If the device fails.
    pub fn logits(&self, h: &Tensor) -> Result<Tensor> {
        let normed = rms_norm(&h.contiguous()?, &self.norm, self.norm_eps)?;
        let logits =
            scaled(self.head.forward(&normed)?.to_dtype(DType::F32)?, 1.0 / self.multipliers.logits_divisor)?;
        Ok(match self.logits_cap {
            Some(cap) => ((logits / cap)?.tanh()? * cap)?,
            None => logits,
        })
    }

    /// Calls `each` with the logits of consecutive positions: h: [batch, t, hidden] → [positions, vocab], f32, row by row.
    /// The logits of [`positions_at_once`] positions are in memory together.
    ///
    /// # Errors
    /// If the device or `each` fails.
    pub fn logits_in_stretches<E: From<Error>>(
        &self,
        h: &Tensor,
        memory_budget: u64,
        mut each: impl FnMut(Tensor) -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        let rows = h.flatten_to(1).map_err(Error::from)?;
        let (positions, _) = rows.dims2().map_err(Error::from)?;
        let at_once = positions_at_once(self.head.weight().dims()[0], memory_budget);
        let mut start = 0;
        while start < positions {
            // Another routine multiplies a single row; its sums differ in the last bit.
            let length = match positions - start {
                left if left <= at_once + 1 => left,
                _ => at_once,
            };
            each(self.logits(&rows.narrow(0, start, length).map_err(Error::from)?)?)?;
            start += length;
        }
        Ok(())
    }

    /// Sum of −ln p of the targets. h: [windows, positions, hidden], targets: [windows, positions]. The logits are computed in
    /// chunks that fit the memory budget.
    ///
    /// # Errors
    /// If the device fails.
    pub fn negative_log_likelihood(&self, h: &Tensor, targets: &Tensor, memory_budget: u64) -> Result<f64> {
        Ok(self.negative_log_likelihoods(h, targets, memory_budget)?.iter().sum())
    }

    /// −ln p of each target, window by window. The arguments are those of [`Self::negative_log_likelihood`].
    ///
    /// # Errors
    /// If the device fails.
    pub fn negative_log_likelihoods(
        &self,
        h: &Tensor,
        targets: &Tensor,
        memory_budget: u64,
    ) -> Result<Vec<f64>> {
        let targets = targets.flatten_all()?;
        if processor::applies(h) {
            let h = h.contiguous()?;
            let targets = targets.to_vec1::<u32>()?;
            return Ok(self.on_processor()?.negative_log_likelihoods(&Values::of(&h)?, &targets));
        }
        let (mut at, mut losses) = (0, Vec::new());
        self.logits_in_stretches(h, memory_budget, |logits| {
            let length = logits.dims()[0];
            let log_normaliser = logits.log_sum_exp(D::Minus1)?;
            let targets = targets.narrow(0, at, length)?;
            let chosen = logits.gather(&targets.unsqueeze(D::Minus1)?, D::Minus1)?.squeeze(D::Minus1)?;
            let nll: Vec<f32> = (log_normaliser - chosen)?.to_vec1()?;
            losses.extend(nll.into_iter().map(f64::from));
            at += length;
            Ok::<(), Error>(())
        })?;
        Ok(losses)
    }

    /// Compares the predictions from the hidden states `own` with those from `dense`, position by position. Both are
    /// [windows, positions, hidden], targets: [windows, positions]. The logits are computed in chunks that fit the memory
    /// budget.
    ///
    /// # Errors
    /// If the device fails.
    pub fn compare(
        &self,
        dense: &Tensor,
        own: &Tensor,
        targets: &Tensor,
        memory_budget: u64,
    ) -> Result<Vec<Compared>> {
        let targets = targets.flatten_all()?;
        if processor::applies(own) {
            let (dense, own) = (dense.contiguous()?, own.contiguous()?);
            let targets = targets.to_vec1::<u32>()?;
            return Ok(self.on_processor()?.compare(&Values::of(&dense)?, &Values::of(&own)?, &targets));
        }
        let dense = dense.flatten_to(1)?;
        let (mut at, mut compared) = (0, Vec::new());
        // Two arrays of logits and their probabilities are in memory.
        self.logits_in_stretches(own, memory_budget / 2, |logits| {
            let length = logits.dims()[0];
            let log_probabilities =
                |logits: &Tensor| logits.broadcast_sub(&logits.log_sum_exp(D::Minus1)?.unsqueeze(D::Minus1)?);
            let own = log_probabilities(&logits)?;
            let dense = log_probabilities(&self.logits(&dense.narrow(0, at, length)?)?)?;
            let divergences = (dense.exp()? * (dense - &own)?)?.sum(D::Minus1)?;
            let chosen = targets.narrow(0, at, length)?.unsqueeze(D::Minus1)?;
            let losses: Vec<f32> = own.gather(&chosen, D::Minus1)?.squeeze(D::Minus1)?.neg()?.to_vec1()?;
            let of_position = |(divergence, loss): (f32, f32)| Compared {
                divergence: f64::from(divergence).max(0.0),
                loss: f64::from(loss),
            };
            compared.extend(divergences.to_vec1::<f32>()?.into_iter().zip(losses).map(of_position));
            at += length;
            Ok::<(), Error>(())
        })?;
        Ok(compared)
    }

    fn on_processor(&self) -> Result<processor::Head<'_>> {
        Ok(processor::Head {
            norm: Values::of(&self.norm)?,
            norm_eps: self.norm_eps,
            weight: Values::of(self.head.weight())?,
            factor: (1.0 / self.multipliers.logits_divisor) as f32,
            cap: self.logits_cap.map(|cap| cap as f32),
        })
    }
}

/// Number of arrays of logits in memory during a perplexity measurement: the logits, their differences from the maximum,\n/// and the exponentials.
pub const LOGIT_COPIES: u64 = 3;
/// The fraction 1/SHARE of the memory budget is for logits.
const SHARE: u64 = 8;
/// Maximum size of the logits in memory, in bytes. Larger products are not faster.
const LARGEST: u64 = 32 << 20;

/// Number of positions for which logits are computed together. They fit an eighth of the memory budget and 32 MiB, but
/// are at least two.
pub fn positions_at_once(vocab: usize, memory_budget: u64) -> usize {
    let bytes = (memory_budget / SHARE / LOGIT_COPIES).min(LARGEST);
    usize::try_from(bytes / (4 * vocab as u64).max(1)).unwrap_or(usize::MAX - 1).max(2)
}

/// x times a factor; usually the factor is 1.
pub(super) fn scaled(x: Tensor, factor: f64) -> Result<Tensor> {
    Ok(if factor == 1.0 { x } else { (x * factor)? })
}

/// The weight of a norm, [width]; `offset` if it is stored as the difference from one.
pub(super) fn norm_weight(
    weights: &dyn Tensors,
    name: &str,
    (width, offset): (usize, bool),
    device: &Device,
    dtype: DType,
) -> Result<Tensor> {
    if !offset {
        return weights.tensor(name, &[width], device, dtype);
    }
    Ok((weights.tensor(name, &[width], device, DType::F32)? + 1.0)?.to_dtype(dtype)?)
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

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    fn random(rng: &mut ChaCha8Rng, shape: &[usize]) -> Tensor {
        let numbers: Vec<f32> = (0..shape.iter().product()).map(|_| rng.random_range(-1.0f32..1.0)).collect();
        Tensor::from_vec(numbers, shape, &Device::Cpu).unwrap()
    }

    #[test]
    fn logits_in_stretches_have_the_bits_of_all_logits_together() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        for (vocab, hidden, windows, t) in [(5003, 64, 3, 15), (2000, 576, 2, 20), (513, 1100, 1, 41)] {
            let (embedding, norm) = (random(&mut rng, &[vocab, hidden]), random(&mut rng, &[hidden]));
            let head = Linear::new(embedding.clone(), None);
            let multipliers = Multipliers::default();
            let ends =
                EmbeddingAndHead { embedding, norm, norm_eps: 1e-5, head, multipliers, logits_cap: None };
            let h = random(&mut rng, &[windows, t, hidden]);
            let numbers = |logits: &Tensor| logits.flatten_all().unwrap().to_vec1::<f32>().unwrap();
            let whole = numbers(&ends.logits(&h).unwrap());
            let targets: Vec<u32> = (0..windows * t).map(|_| rng.random_range(0..vocab as u32)).collect();
            let targets = Tensor::from_vec(targets, (windows, t), &Device::Cpu).unwrap();
            let likelihood = |budget| ends.negative_log_likelihood(&h, &targets, budget).unwrap();
            for rows in [1, 2, 3, 4, 5, 8, 31, 40] {
                let budget = (rows * vocab * 4) as u64 * SHARE * LOGIT_COPIES;
                let (mut found, mut most) = (Vec::new(), 0);
                let each = |logits: Tensor| {
                    most = most.max(logits.dims()[0]);
                    found.extend(numbers(&logits));
                    Ok::<(), Error>(())
                };
                ends.logits_in_stretches(&h, budget, each).unwrap();
                assert!(found == whole, "{rows} rows of {vocab}");
                assert!(most <= rows.max(2) + 1, "{most} rows, where {rows} fit");
                assert_eq!(likelihood(budget).to_bits(), likelihood(u64::MAX).to_bits(), "{rows} of {vocab}");
            }
        }
    }

    #[test]
    fn logits_of_a_large_vocabulary_take_an_eighth_of_the_budget_and_at_most_32_mib() {
        assert_eq!(positions_at_once(151_936, 8 << 30), 55);
        assert_eq!(positions_at_once(151_936, 500 << 20), 35);
        assert_eq!(positions_at_once(151_936, 1), 2);
        assert_eq!(positions_at_once(512, 8 << 30), 16_384);
    }
}
