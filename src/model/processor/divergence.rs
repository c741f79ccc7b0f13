//! KL divergence between the predictions of two models with one output head, in one pass over stretches of the vocabulary.

use rayon::prelude::*;

use super::{
    buffers::Buffer,
    elementwise::{exponentials_and_differences, log_sum_parts, rms_norm},
    loss::{AT_ONCE, Head, Seen, TOKENS, WORDS},
};

/// The prediction of one token, compared with that of another model.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Compared {
    /// KL(dense ‖ own) = Σ p_dense ln(p_dense / p_own), in nats.
    pub divergence: f64,
    /// −ln p of the target, in nats.
    pub loss: f64,
}

/// The logits of one token and a stretch of the vocabulary in both models.
#[derive(Clone, Copy)]
struct Pair {
    dense: Seen,
    own: Seen,
    /// Σ e^(z − m) (z − z_own), where z are the dense logits and m is their maximum.
    apart: f64,
}

impl Pair {
    const NOTHING: Self = Self { dense: Seen::NOTHING, own: Seen::NOTHING, apart: 0.0 };

    fn and(self, other: Self) -> Self {
        let dense = self.dense.and(other.dense);
        let scaled = |pair: Self| match pair.apart {
            0.0 => 0.0,
            apart => apart * f64::from(pair.dense.most - dense.most).exp(),
        };
        Self { dense, own: self.own.and(other.own), apart: scaled(self) + scaled(other) }
    }

    fn compared(self) -> Compared {
        let divergence = self.apart / self.dense.sum - self.dense.log_sum() + self.own.log_sum();
        // Sums of f32 numbers in f64 are exact, so batches do not change the bits. Rounding may leave a number
        // slightly below zero.
        let f32_of = |x: f64| f64::from(x as f32);
        Compared { divergence: f32_of(divergence).max(0.0), loss: f32_of(self.own.loss()) }
    }
}

impl Head<'_> {
    /// Compares the predictions from the hidden states `own` with those from `dense`, each [tokens, hidden], token by
    /// token.
    pub fn compare(&self, dense: &[f32], own: &[f32], targets: &[u32]) -> Vec<Compared> {
        let hidden = self.norm.len();
        let stretches = self.weight.len().div_ceil(WORDS * hidden);
        let of_tokens = |((dense, own), targets): ((&[f32], &[f32]), &[u32])| -> Vec<Compared> {
            let normed = |h: &[f32]| {
                let mut normed = Buffer::of(h.len());
                rms_norm(h, &self.norm, self.norm_eps, &mut normed);
                normed
            };
            let (dense, own) = (normed(dense), normed(own));
            let stretch = |stretch: usize| self.pairs((&dense, &own), targets, stretch * WORDS);
            let pairs: Vec<Vec<Pair>> = (0..stretches).into_par_iter().map(stretch).collect();
            let token = |token: usize| {
                pairs.iter().fold(Pair::NOTHING, |all, stretch| all.and(stretch[token])).compared()
            };
            (0..targets.len()).map(token).collect()
        };
        let tokens = dense.par_chunks(TOKENS * hidden).zip(own.par_chunks(TOKENS * hidden));
        let compared: Vec<Vec<Compared>> = tokens.zip(targets.par_chunks(TOKENS)).map(of_tokens).collect();
        compared.into_iter().flatten().collect()
    }

    /// `dense` and `own` are normed, [tokens, hidden]; the words from `first` to the end of the stretch.
    fn pairs(&self, (dense, own): (&[f32], &[f32]), targets: &[u32], first: usize) -> Vec<Pair> {
        let mut pairs = vec![Pair::NOTHING; targets.len()];
        let [mut of_dense, mut of_own] = [0; 2].map(|_| Buffer::of(targets.len() * AT_ONCE));
        for words in self.tiles(first) {
            let dense = self.logits(dense, &words, &mut of_dense).chunks_exact_mut(words.len());
            let own = self.logits(own, &words, &mut of_own).chunks_exact_mut(words.len());
            for (((dense, own), pair), target) in dense.zip(own).zip(&mut pairs).zip(targets) {
                let target = (*target as usize).checked_sub(words.start).and_then(|at| own.get(at)).copied();
                let (most, sum, apart) = exponentials_and_differences(dense, own);
                let dense = Seen { most, sum: f64::from(sum), target: None };
                let (most, sum) = log_sum_parts(own);
                let own = Seen { most, sum: f64::from(sum), target };
                *pair = pair.and(Pair { dense, own, apart: f64::from(apart) });
            }
        }
        pairs
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::super::Values;
    use super::*;

    #[test]
    fn the_divergence_is_that_of_all_logits_in_f64() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let (tokens, hidden, vocab) = (TOKENS + 30, 8, WORDS + AT_ONCE + 5);
        let mut random = |count: usize, scale: f32| {
            (0..count).map(|_| scale * rng.random_range(-1.0f32..1.0)).collect::<Vec<_>>()
        };
        let (dense, norm, weight) =
            (random(tokens * hidden, 1.0), random(hidden, 1.0), random(vocab * hidden, 3.0));
        let own: Vec<f32> = dense.iter().zip(random(tokens * hidden, 0.3)).map(|(a, b)| a + b).collect();
        let targets: Vec<u32> = (0..tokens).map(|token| (token * 7919 % vocab) as u32).collect();
        let tensor = |x: &[f32]| Tensor::new(x, &Device::Cpu).unwrap();
        let (norm, weight) = (tensor(&norm), tensor(&weight));
        for (factor, cap) in [(1.0, None), (0.5, Some(3.0))] {
            let values = |x| Values::of(x).unwrap();
            let head = Head { norm: values(&norm), norm_eps: 1e-5, weight: values(&weight), factor, cap };
            let log_probabilities = |h: &[f32]| -> Vec<f64> {
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
                let logits: Vec<f64> = (0..vocab).map(logit).collect();
                let normaliser = logits.iter().map(|z| z.exp()).sum::<f64>().ln();
                logits.into_iter().map(|z| z - normaliser).collect()
            };
            let found = head.compare(&dense, &own, &targets);
            let exact = head.negative_log_likelihoods(&own, &targets);
            for (token, found) in found.iter().enumerate() {
                let at = token * hidden..(token + 1) * hidden;
                let (p, q) = (log_probabilities(&dense[at.clone()]), log_probabilities(&own[at]));
                let expected: f64 = p.iter().zip(&q).map(|(p, q)| p.exp() * (p - q)).sum();
                assert!(
                    (found.divergence - expected).abs() < 1e-5 * (1.0 + expected),
                    "token {token}: {} is not {expected}",
                    found.divergence
                );
                assert_eq!(found.loss.to_bits(), exact[token].to_bits());
            }
            assert!(head.compare(&dense, &dense, &targets).iter().all(|same| same.divergence < 1e-6));
        }
    }
}
