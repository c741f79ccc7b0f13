//! The gradient of the cross entropy at the last hidden states, through the output head and the final norm.
//!
//! With p = softmax(logits) the gradient at the logits is p − onehot(label). Its product with the head's weight W is
//! pᵀW − W\[label\], so the large product is shared by all draws of labels.

use candle_core::{D, DType, Tensor};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{
    super::{
        processor::{self, Choice, Shape, Values},
        vector_jacobian::{norm, wide},
    },
    EmbeddingAndHead, Error, Result, scaled,
};

/// Words whose probabilities are added together before a label is searched among them.
const WORDS: usize = 256;
/// Words of the head's weight that are in memory in f32 together.
const WEIGHT_ROWS: usize = 8192;

/// The labels of the tokens of a batch.
#[derive(Clone, Copy, Debug)]
pub enum TokenLabels<'l> {
    /// Labels by draw, each [windows·t]. A token without a label has no loss.
    Given(&'l [Vec<Option<u32>>]),
    /// Labels drawn from the model's own distribution. A label depends on the seed, the draw, and the token's number, which
    /// is `first` for the first token of the batch.
    Drawn {
        /// Number of labels of each token.
        draws: usize,
        /// Seed of the draws.
        seed: u64,
        /// The number of the first token.
        first: u64,
    },
}

/// The cross entropy of a batch and its gradients, by draw.
#[derive(Clone, Debug)]
pub struct LossGradients {
    /// ∂(Σ −ln p(label))/∂h: [windows, t, hidden], f32.
    pub gradients: Vec<Tensor>,
    /// −ln p(label) of each token, 0 without a label: [windows·t].
    pub losses: Vec<Vec<f64>>,
    /// The labels: [windows·t].
    pub labels: Vec<Vec<Option<u32>>>,
}

impl TokenLabels<'_> {
    fn draws(&self) -> usize {
        match self {
            Self::Given(labels) => labels.len(),
            Self::Drawn { draws, .. } => *draws,
        }
    }
}

/// A number in [0, 1), from the seed, the draw and the token's number alone.
fn uniform(seed: u64, draw: usize, token: u64) -> f64 {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(draw as u64);
    // Each token has two of the generator's 32-bit words.
    rng.set_word_pos(u128::from(token) * 2);
    rng.random()
}

/// The first index at which the running sum of `weights` exceeds `target`; the last one with a weight, if rounding leaves
/// none. Also returns what is left of the target there.
fn find(weights: &[f32], target: f64) -> (usize, f64) {
    let (mut sum, mut last) = (0.0, (0, 0.0));
    for (index, weight) in weights.iter().map(|&weight| f64::from(weight)).enumerate() {
        if weight > 0.0 {
            last = (index, target - sum);
            if sum + weight > target {
                return last;
            }
        }
        sum += weight;
    }
    last
}

impl EmbeddingAndHead {
    /// Σ −ln p(label) over all tokens and its gradient at h: [windows, t, hidden]. The logits are computed in stretches that
    /// fit the memory budget.
    ///
    /// # Errors
    /// If a label is outside the vocabulary, the number of labels differs from that of the tokens, or the device fails.
    pub fn loss_gradients(
        &self,
        h: &Tensor,
        labels: TokenLabels<'_>,
        memory_budget: u64,
    ) -> Result<LossGradients> {
        let tokens = h.dim(0)? * h.dim(1)?;
        let vocab = self.head.weight().dim(0)?;
        if let TokenLabels::Given(given) = labels {
            for labels in given {
                if labels.len() != tokens {
                    return Err(Error::Windows { found: vec![labels.len(), tokens] });
                }
                if let Some(&token) = labels.iter().flatten().find(|label| **label as usize >= vocab) {
                    return Err(Error::Token { token, vocab });
                }
            }
        }
        if processor::applies(h) {
            return self.loss_gradients_in_tasks(h, labels);
        }
        self.loss_gradients_on_device(h, labels, memory_budget)
    }

    fn loss_gradients_in_tasks(&self, h: &Tensor, labels: TokenLabels<'_>) -> Result<LossGradients> {
        let (contiguous, shape) = (h.contiguous()?, Shape::of(h)?);
        let drawn;
        let choice = match labels {
            TokenLabels::Given(labels) => Choice::Given(labels),
            TokenLabels::Drawn { draws, seed, first } => {
                drawn = move |draw, token| uniform(seed, draw, first + token as u64);
                Choice::Drawn { draws, uniform: &drawn }
            }
        };
        let found = self.on_processor()?.loss_gradients(&Values::of(&contiguous)?, shape, &choice);
        let tensor = |x: Vec<f32>| Tensor::from_vec(x, h.shape(), h.device());
        let gradients = found.gradients.into_iter().map(tensor).collect::<candle_core::Result<_>>()?;
        Ok(LossGradients { gradients, losses: found.losses, labels: found.labels })
    }

    fn loss_gradients_on_device(
        &self,
        h: &Tensor,
        labels: TokenLabels<'_>,
        memory_budget: u64,
    ) -> Result<LossGradients> {
        let tokens = h.dim(0)? * h.dim(1)?;
        let rows = h.flatten_to(1)?;
        let draws = labels.draws();
        let mut found = vec![Vec::new(); draws];
        let mut losses = vec![Vec::with_capacity(tokens); draws];
        let mut all_labels = vec![Vec::with_capacity(tokens); draws];
        let mut at = 0;
        self.logits_in_stretches(h, memory_budget, |logits| {
            let length = logits.dim(0)?;
            let stretch = Stretch::of(self, &rows.narrow(0, at, length)?, &logits)?;
            for draw in 0..draws {
                let labels = match labels {
                    TokenLabels::Given(given) => given[draw][at..at + length].to_vec(),
                    TokenLabels::Drawn { seed, first, .. } => {
                        stretch.drawn(|token| uniform(seed, draw, first + (at + token) as u64))?
                    }
                };
                let (gradient, of_tokens) = stretch.gradient(self, &labels)?;
                found[draw].push(gradient);
                losses[draw].extend(of_tokens);
                all_labels[draw].extend(labels);
            }
            at += length;
            Ok::<(), Error>(())
        })?;
        let whole = |stretches: Vec<Tensor>| Ok(Tensor::cat(&stretches, 0)?.reshape(h.shape())?);
        let gradients = found.into_iter().map(whole).collect::<Result<_>>()?;
        Ok(LossGradients { gradients, losses, labels: all_labels })
    }

    /// weights: [n, vocab] → weights · W: [n, hidden], f32.
    fn rows_of_head(&self, weights: &Tensor) -> Result<Tensor> {
        let (vocab, _) = self.head.weight().dims2()?;
        let mut sum: Option<Tensor> = None;
        for first in (0..vocab).step_by(WEIGHT_ROWS) {
            let words = WEIGHT_ROWS.min(vocab - first);
            let part = weights.narrow(1, first, words)?.contiguous()?;
            let part = part.matmul(&wide(&self.head.weight().narrow(0, first, words)?)?)?;
            sum = Some(match sum {
                Some(sum) => (sum + part)?,
                None => part,
            });
        }
        sum.map_or_else(|| Ok(Tensor::zeros((0, 0), DType::F32, weights.device())?), Ok)
    }
}

/// Consecutive tokens whose logits are in memory together.
struct Stretch<'s> {
    /// [n, hidden], before the final norm.
    h: Tensor,
    /// [n, vocab]
    logits: &'s Tensor,
    /// ln Σ exp(logits): [n, 1]
    log_normaliser: Tensor,
    /// softmax(logits): [n, vocab]
    probabilities: Tensor,
    /// Σ p · slope · W: [n, hidden], where slope is the derivative of the cap.
    expected: Tensor,
}

impl<'s> Stretch<'s> {
    fn of(head: &EmbeddingAndHead, h: &Tensor, logits: &'s Tensor) -> Result<Self> {
        let log_normaliser = logits.log_sum_exp(D::Minus1)?.unsqueeze(1)?;
        let probabilities = logits.broadcast_sub(&log_normaliser)?.exp()?;
        let expected = match head.logits_cap {
            Some(_) => head.rows_of_head(&(&probabilities * head.slope(logits)?)?)?,
            None => head.rows_of_head(&probabilities)?,
        };
        Ok(Self { h: h.clone(), logits, log_normaliser, probabilities, expected })
    }

    /// A label for each token, where the cumulative probability exceeds the number of the token.
    fn drawn(&self, uniform: impl Fn(usize) -> f64) -> Result<Vec<Option<u32>>> {
        let (n, vocab) = self.probabilities.dims2()?;
        let tiles = vocab.div_ceil(WORDS);
        let padded =
            self.probabilities.pad_with_zeros(1, 0, tiles * WORDS - vocab)?.reshape((n, tiles, WORDS))?;
        let sums: Vec<Vec<f32>> = padded.sum(D::Minus1)?.to_vec2()?;
        let places: Vec<(usize, f64)> = sums
            .iter()
            .enumerate()
            .map(|(token, sums)| {
                let total: f64 = sums.iter().map(|&sum| f64::from(sum)).sum();
                find(sums, uniform(token) * total)
            })
            .collect();
        let rows: Vec<u32> =
            places.iter().enumerate().map(|(token, (tile, _))| (token * tiles + tile) as u32).collect();
        let rows = Tensor::from_vec(rows, n, padded.device())?;
        let words: Vec<Vec<f32>> = padded.reshape((n * tiles, WORDS))?.index_select(&rows, 0)?.to_vec2()?;
        let label = |((tile, target), words): (&(usize, f64), &Vec<f32>)| {
            Some((tile * WORDS + find(words, *target).0) as u32)
        };
        Ok(places.iter().zip(&words).map(label).collect())
    }

    /// The gradient at h, [n, hidden], and the loss of each token.
    fn gradient(&self, head: &EmbeddingAndHead, labels: &[Option<u32>]) -> Result<(Tensor, Vec<f64>)> {
        let device = self.h.device();
        let column = |numbers| Ok::<_, Error>(Tensor::from_vec(numbers, (labels.len(), 1), device)?);
        let index = labels.iter().map(|label| label.unwrap_or(0)).collect::<Vec<u32>>();
        let index = Tensor::from_vec(index, (labels.len(), 1), device)?;
        let has_label = column(labels.iter().map(|label| f32::from(u8::from(label.is_some()))).collect())?;

        let logit = self.logits.gather(&index, 1)?;
        let losses = ((&self.log_normaliser - &logit)? * &has_label)?.flatten_all()?.to_vec1::<f32>()?;
        let row = wide(&head.head.weight().index_select(&index.flatten_all()?, 0)?)?;
        let row = match head.logits_cap {
            Some(_) => row.broadcast_mul(&head.slope(&logit)?)?,
            None => row,
        };
        let at_normed = (&self.expected - row)?.broadcast_mul(&has_label)?;
        let at_normed = scaled(at_normed, 1.0 / head.multipliers.logits_divisor)?;
        let gradient = norm(&self.h, &head.norm, head.norm_eps, &at_normed)?;
        Ok((gradient, losses.into_iter().map(f64::from).collect()))
    }
}

impl EmbeddingAndHead {
    /// The derivative of the cap, 1 − (logit/cap)².
    fn slope(&self, logits: &Tensor) -> Result<Tensor> {
        Ok(match self.logits_cap {
            Some(cap) => (1.0 - (logits / cap)?.sqr()?)?,
            None => logits.ones_like()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;
    use candle_nn::Linear;

    use super::{super::Multipliers, *};

    fn random(rng: &mut ChaCha8Rng, shape: &[usize]) -> Tensor {
        let numbers: Vec<f32> = (0..shape.iter().product()).map(|_| rng.random_range(-1.0f32..1.0)).collect();
        Tensor::from_vec(numbers, shape, &Device::Cpu).unwrap()
    }

    #[test]
    fn tasks_compute_the_same_loss_gradients_as_operations_on_whole_tensors() {
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        for (vocab, windows, t, cap) in [(1700, 2, 30, None), (769, 1, 600, Some(3.0)), (50, 3, 7, None)] {
            let hidden = 40;
            let (embedding, norm) = (random(&mut rng, &[vocab, hidden]), random(&mut rng, &[hidden]));
            let head = Linear::new(embedding.clone(), None);
            let multipliers = Multipliers { logits_divisor: 2.0, ..Multipliers::default() };
            let ends =
                EmbeddingAndHead { embedding, norm, norm_eps: 1e-5, head, multipliers, logits_cap: cap };
            let h = (random(&mut rng, &[windows, t, hidden]) * 3.0).unwrap();
            let drawn = TokenLabels::Drawn { draws: 3, seed: 7, first: 40 };
            let tasks = ends.loss_gradients_in_tasks(&h, drawn).unwrap();
            let whole = ends.loss_gradients_on_device(&h, drawn, 1 << 30).unwrap();
            assert_eq!(tasks.labels, whole.labels, "{vocab}");
            let mut labels = tasks.labels.clone();
            labels[1][3] = None;
            let given = TokenLabels::Given(&labels);
            let tasks = ends.loss_gradients_in_tasks(&h, given).unwrap();
            let whole = ends.loss_gradients_on_device(&h, given, 1 << 30).unwrap();
            assert_eq!((tasks.losses[1][3], whole.losses[1][3]), (0.0, 0.0));
            for draw in 0..3 {
                let numbers = |x: &Tensor| x.flatten_all().unwrap().to_vec1::<f32>().unwrap();
                let (found, expected) = (numbers(&tasks.gradients[draw]), numbers(&whole.gradients[draw]));
                let far = found.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                let size = expected.iter().map(|x| x.abs()).fold(0.0, f32::max);
                assert!(far < 1e-5 * size, "{vocab}: {far} of {size}");
                for (found, expected) in tasks.losses[draw].iter().zip(&whole.losses[draw]) {
                    assert!((found - expected).abs() < 1e-5 * expected.abs().max(1.0));
                }
            }
        }
    }
}
