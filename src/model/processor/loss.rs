//! Output head and cross entropy in one pass over stretches of the vocabulary. The logits of a batch are never in memory
//! together.

mod gradient;

pub use gradient::Choice;

use std::ops::Range;

use faer::{Accum, MatMut, MatRef};
use rayon::prelude::*;

use crate::product::multiply_tile;

use super::{
    Values,
    buffers::Buffer,
    elementwise::{log_sum_parts, rms_norm},
};

/// Tokens per task.
pub const TOKENS: usize = 512;
/// Words per task.
pub(super) const WORDS: usize = 8192;
/// Words whose logits are in memory together.
pub const AT_ONCE: usize = 768;

/// The final norm and the output head.
pub struct Head<'w> {
    /// [hidden]
    pub norm: Values<'w>,
    pub norm_eps: f32,
    /// [vocab, hidden]
    pub weight: Values<'w>,
    /// The factor of the logits.
    pub factor: f32,
    /// Limits the logits to ±cap.
    pub cap: Option<f32>,
}

/// The logits of one token and a stretch of the vocabulary: their maximum m, Σ e^(logit − m), and the target's logit if the
/// stretch contains it.
#[derive(Clone, Copy)]
pub(super) struct Seen {
    pub most: f32,
    pub sum: f64,
    pub target: Option<f32>,
}

impl Seen {
    pub const NOTHING: Self = Self { most: f32::NEG_INFINITY, sum: 0.0, target: None };

    pub fn and(self, other: Self) -> Self {
        let most = if other.most > self.most { other.most } else { self.most };
        let scaled = |seen: Self| match seen.sum {
            0.0 => 0.0,
            sum => sum * f64::from(seen.most - most).exp(),
        };
        Self { most, sum: scaled(self) + scaled(other), target: self.target.or(other.target) }
    }

    /// ln Σ e^logit.
    pub fn log_sum(self) -> f64 {
        f64::from(self.most) + self.sum.ln()
    }

    /// −ln p of the target.
    pub fn loss(self) -> f64 {
        // A target outside the vocabulary has no probability; tokens are checked before the pass.
        self.log_sum() - f64::from(self.target.unwrap_or(f32::NEG_INFINITY))
    }
}

impl Head<'_> {
    /// −ln p of each target, for tokens h [tokens, hidden].
    pub fn negative_log_likelihoods(&self, h: &[f32], targets: &[u32]) -> Vec<f64> {
        let hidden = self.norm.len();
        let stretches = self.weight.len().div_ceil(WORDS * hidden);
        let of_tokens = |(h, targets): (&[f32], &[u32])| -> Vec<f64> {
            let mut normed = Buffer::of(h.len());
            rms_norm(h, &self.norm, self.norm_eps, &mut normed);
            let stretch = |stretch: usize| self.stretch(&normed, targets, stretch * WORDS);
            let seen: Vec<Vec<Seen>> = (0..stretches).into_par_iter().map(stretch).collect();
            let token = |token: usize| {
                let seen = seen.iter().fold(Seen::NOTHING, |all, stretch| all.and(stretch[token]));
                // Sums of f32 numbers in f64 are exact, so batches do not change the bits.
                f64::from(seen.loss() as f32)
            };
            (0..targets.len()).map(token).collect()
        };
        let losses: Vec<Vec<f64>> =
            h.par_chunks(TOKENS * hidden).zip(targets.par_chunks(TOKENS)).map(of_tokens).collect();
        losses.into_iter().flatten().collect()
    }

    /// normed: [tokens, hidden]; the words from `first` to the end of the stretch.
    fn stretch(&self, normed: &[f32], targets: &[u32], first: usize) -> Vec<Seen> {
        let mut seen = vec![Seen::NOTHING; targets.len()];
        let mut logits = Buffer::of(targets.len() * AT_ONCE);
        for words in self.tiles(first) {
            let logits = self.logits(normed, &words, &mut logits);
            for ((logits, seen), target) in logits.chunks_exact_mut(words.len()).zip(&mut seen).zip(targets) {
                let target =
                    (*target as usize).checked_sub(words.start).and_then(|at| logits.get(at)).copied();
                let (most, sum) = log_sum_parts(logits);
                *seen = seen.and(Seen { most, sum: f64::from(sum), target });
            }
        }
        seen
    }

    /// The words from `first` to the end of the stretch, [`AT_ONCE`] at a time.
    pub(super) fn tiles(&self, first: usize) -> impl Iterator<Item = Range<usize>> {
        let end = (self.weight.len() / self.norm.len()).min(first + WORDS);
        (first..end).step_by(AT_ONCE).map(move |start| start..end.min(start + AT_ONCE))
    }

    /// The logits [tokens, words] of `normed` [tokens, hidden], at the beginning of the buffer.
    pub(super) fn logits<'b>(
        &self,
        normed: &[f32],
        words: &Range<usize>,
        buffer: &'b mut [f32],
    ) -> &'b mut [f32] {
        let hidden = self.norm.len();
        let (tokens, count) = (normed.len() / hidden, words.len());
        let logits = &mut buffer[..tokens * count];
        let normed = MatRef::from_row_major_slice(normed, tokens, hidden);
        let weight = &self.weight[words.start * hidden..words.end * hidden];
        let weight = MatRef::from_row_major_slice(weight, count, hidden);
        let product = MatMut::from_row_major_slice_mut(logits, tokens, count);
        multiply_tile(product, Accum::Replace, normed, weight.transpose(), self.factor);
        self.limit(logits);
        logits
    }

    /// Limits the logits to ±cap, if there is one.
    pub(super) fn limit(&self, logits: &mut [f32]) {
        if let Some(cap) = self.cap {
            logits.iter_mut().for_each(|logit| *logit = cap * (*logit / cap).tanh());
        }
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn the_loss_is_that_of_all_logits_in_f64() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        // More than one task of tokens, and an incomplete stretch and tile of words.
        let (tokens, hidden, vocab) = (TOKENS + 30, 8, WORDS + AT_ONCE + 5);
        let mut random =
            |count: usize| (0..count).map(|_| rng.random_range(-1.0f32..1.0)).collect::<Vec<_>>();
        let (h, norm, weight) = (random(tokens * hidden), random(hidden), random(vocab * hidden));
        let targets: Vec<u32> = (0..tokens).map(|token| (token * 7919 % vocab) as u32).collect();
        let tensor = |x: &[f32]| Tensor::new(x, &Device::Cpu).unwrap();
        let (norm, weight) = (tensor(&norm), tensor(&weight));
        for (factor, cap) in [(1.0, None), (0.25, Some(3.0))] {
            let values = |x| Values::of(x).unwrap();
            let head = Head { norm: values(&norm), norm_eps: 1e-5, weight: values(&weight), factor, cap };
            let slow = |(h, target): (&[f32], &u32)| {
                let squares = h.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>() / hidden as f64;
                let logit = |word: usize| {
                    let product = |k: usize| {
                        f64::from(h[k]) / (squares + 1e-5).sqrt()
                            * f64::from(head.norm[k])
                            * f64::from(head.weight[word * hidden + k])
                    };
                    let logit = (0..hidden).map(product).sum::<f64>() * f64::from(factor);
                    cap.map_or(logit, |cap| f64::from(cap) * (logit / f64::from(cap)).tanh())
                };
                (0..vocab).map(|word| logit(word).exp()).sum::<f64>().ln() - logit(*target as usize)
            };
            let expected: f64 = h.chunks(hidden).zip(&targets).map(slow).sum();
            let found: f64 = head.negative_log_likelihoods(&h, &targets).iter().sum();
            assert!((found / expected - 1.0).abs() < 1e-6, "{found} is not {expected}");
        }
    }
}
