//! The cross entropy and its gradient at the last hidden states, in one pass over stretches of the vocabulary.
//!
//! Σ e^(logit − m) W is added up with m the largest logit so far; a larger one scales the sum down. So the logits are needed
//! once, and a stretch of them is in memory.

use faer::{Accum, MatMut, MatRef};
use rayon::prelude::*;

use super::{
    super::{
        block::Shape,
        buffers::Buffer,
        elementwise::{rms_norm, slopes},
    },
    AT_ONCE, Head,
};
use crate::product::multiply;

/// Words whose probabilities are added together before a label is searched among them.
const WORDS: usize = 64;

/// The labels of one token, or numbers in [0, 1) that select them.
pub enum Choice<'c> {
    /// Labels by draw; a token without a label has no loss.
    Given(&'c [Vec<Option<u32>>]),
    /// Labels at the place of this number in the cumulative distribution, for (draw, token).
    Drawn { draws: usize, uniform: &'c (dyn Fn(usize, usize) -> f64 + Sync) },
}

/// The loss of a batch, by draw.
pub struct Found {
    /// [tokens, hidden]
    pub gradients: Vec<Vec<f32>>,
    /// [tokens]
    pub losses: Vec<Vec<f64>>,
    /// [tokens]
    pub labels: Vec<Vec<Option<u32>>>,
}

/// One task's results of one draw.
struct OfDraw<'d> {
    gradient: &'d mut [f32],
    losses: &'d mut [f64],
    labels: &'d mut [Option<u32>],
}

/// The distributions of the tokens of a task.
struct Distributions {
    /// The largest logit of each token.
    most: Vec<f32>,
    /// Σ e^(logit − most) of each token.
    sum: Vec<f64>,
    /// Σ e^(logit − most) · slope · W: [tokens, hidden].
    weighted: Buffer,
    /// By tile and token, the largest logit up to the tile.
    most_by_tile: Vec<f32>,
    /// By tile, token and stretch of [`WORDS`] words, Σ e^(logit − most_by_tile).
    sums: Vec<f32>,
}

impl Choice<'_> {
    fn draws(&self) -> usize {
        match self {
            Self::Given(labels) => labels.len(),
            Self::Drawn { draws, .. } => *draws,
        }
    }
}

/// Stretches of words in a tile.
const STRETCHES: usize = AT_ONCE / WORDS;

impl Head<'_> {
    /// Losses of the tokens h: [windows, t, hidden], and their gradients at h.
    pub fn loss_gradients(&self, h: &[f32], shape: Shape, choice: &Choice<'_>) -> Found {
        let (tokens, hidden, draws) = (h.len() / shape.hidden, shape.hidden, choice.draws());
        let mut found = Found {
            gradients: vec![vec![0.0; h.len()]; draws],
            losses: vec![vec![0.0; tokens]; draws],
            labels: vec![vec![None; tokens]; draws],
        };
        let stretches = shape.stretches();
        let mut tasks: Vec<Vec<OfDraw<'_>>> = stretches.iter().map(|_| Vec::with_capacity(draws)).collect();
        let all = found.gradients.iter_mut().zip(&mut found.losses).zip(&mut found.labels);
        for ((gradient, losses), labels) in all {
            let gradients = shape.split(gradient, hidden).into_iter();
            let of_tasks = gradients.zip(shape.split(losses, 1)).zip(shape.split(labels, 1));
            tasks.iter_mut().zip(of_tasks).for_each(|(task, ((gradient, losses), labels))| {
                task.push(OfDraw { gradient, losses, labels });
            });
        }
        stretches.into_par_iter().zip(tasks).for_each(|(tokens, draws)| {
            let h = &h[tokens.start * hidden..tokens.end * hidden];
            let mut normed = Buffer::of(h.len());
            rms_norm(h, &self.norm, self.norm_eps, &mut normed);
            let distributions = self.distributions(&normed, tokens.len());
            for (draw, out) in draws.into_iter().enumerate() {
                self.of_draw(
                    h,
                    &normed,
                    &distributions,
                    |token| match choice {
                        Choice::Given(labels) => labels[draw][tokens.start + token],
                        Choice::Drawn { uniform, .. } => {
                            let uniform = uniform(draw, tokens.start + token);
                            let row = &normed[token * hidden..][..hidden];
                            Some(self.drawn(row, &distributions, token, uniform))
                        }
                    },
                    out,
                );
            }
        });
        found
    }

    fn words(&self) -> usize {
        self.weight.len() / self.norm.len()
    }

    /// normed: [tokens, hidden]
    fn distributions(&self, normed: &[f32], tokens: usize) -> Distributions {
        let (hidden, vocab) = (self.norm.len(), self.words());
        let tiles = vocab.div_ceil(AT_ONCE);
        let mut found = Distributions {
            most: vec![f32::NEG_INFINITY; tokens],
            sum: vec![0.0; tokens],
            weighted: Buffer::of(tokens * hidden),
            most_by_tile: vec![0.0; tiles * tokens],
            sums: vec![0.0; tiles * tokens * STRETCHES],
        };
        found.weighted.fill(0.0);
        let normed = MatRef::from_row_major_slice(normed, tokens, hidden);
        let mut logits = Buffer::of(tokens * AT_ONCE.min(vocab));
        let mut slope = self.cap.map(|_| Buffer::of(logits.len()));
        for tile in 0..tiles {
            let first = tile * AT_ONCE;
            let words = AT_ONCE.min(vocab - first);
            let logits = &mut logits[..tokens * words];
            let weight =
                MatRef::from_row_major_slice(&self.weight[first * hidden..][..words * hidden], words, hidden);
            let product = MatMut::from_row_major_slice_mut(logits, tokens, words);
            multiply(product.transpose_mut(), Accum::Replace, weight, normed.transpose(), self.factor);
            let slope = slope.as_mut().map(|slope| &mut slope[..tokens * words]);
            self.exponentials(logits, slope, (tile, words), &mut found);
            let logits = MatRef::from_row_major_slice(logits, tokens, words);
            let sum = MatMut::from_row_major_slice_mut(&mut found.weighted, tokens, hidden);
            multiply(sum.transpose_mut(), Accum::Add, weight.transpose(), logits.transpose(), 1.0);
        }
        found
    }

    /// The logits of a tile become e^(logit − most) · slope.
    fn exponentials(
        &self,
        logits: &mut [f32],
        mut slope: Option<&mut [f32]>,
        (tile, words): (usize, usize),
        found: &mut Distributions,
    ) {
        let (tokens, hidden) = (found.most.len(), self.norm.len());
        for (token, logits) in logits.chunks_exact_mut(words).enumerate() {
            let slope = slope.as_mut().map(|slope| &mut slope[token * words..][..words]);
            if let (Some(cap), Some(slope)) = (self.cap, slope) {
                for (logit, slope) in logits.iter_mut().zip(slope) {
                    let tanh = (*logit / cap).tanh();
                    (*logit, *slope) = (cap * tanh, 1.0 - tanh * tanh);
                }
            }
            let most = slopes::largest(logits);
            let before = found.most[token];
            if most > before {
                let factor = (before - most).exp();
                found.most[token] = most;
                found.sum[token] *= f64::from(factor);
                found.weighted[token * hidden..][..hidden].iter_mut().for_each(|x| *x *= factor);
            }
            let most = found.most[token];
            let place = tile * tokens + token;
            found.most_by_tile[place] = most;
            let sums = &mut found.sums[place * STRETCHES..][..words.div_ceil(WORDS)];
            slopes::exponentials(logits, most, WORDS, sums);
            found.sum[token] += sums.iter().map(|&sum| f64::from(sum)).sum::<f64>();
        }
        if let Some(slope) = slope {
            logits.iter_mut().zip(slope).for_each(|(x, slope)| *x *= *slope);
        }
    }

    /// The logit of a word, and the derivative of its cap. normed: [hidden]
    fn logit(&self, normed: &[f32], word: usize) -> (f32, f32) {
        let row = &self.weight[word * normed.len()..][..normed.len()];
        let logit = self.factor * slopes::dot(normed, row);
        match self.cap {
            Some(cap) => {
                let tanh = (logit / cap).tanh();
                (cap * tanh, 1.0 - tanh * tanh)
            }
            None => (logit, 1.0),
        }
    }

    /// The word at this place of the cumulative distribution of a token.
    fn drawn(&self, normed: &[f32], of: &Distributions, token: usize, uniform: f64) -> u32 {
        let (tokens, vocab) = (of.most.len(), self.words());
        let mut left = uniform * of.sum[token];
        let mut last = 0;
        let stretches = (0..vocab.div_ceil(WORDS)).map(|stretch| {
            let place = stretch / STRETCHES * tokens + token;
            let scale = f64::from(of.most_by_tile[place] - of.most[token]).exp();
            (stretch, scale * f64::from(of.sums[place * STRETCHES + stretch % STRETCHES]))
        });
        for (stretch, sum) in stretches.filter(|(_, sum)| *sum > 0.0) {
            last = stretch;
            if sum > left {
                break;
            }
            left -= sum;
        }
        let words = last * WORDS..vocab.min((last + 1) * WORDS);
        let mut drawn = words.start;
        for word in words {
            let weight = f64::from(self.logit(normed, word).0 - of.most[token]).exp();
            if weight > 0.0 {
                drawn = word;
            }
            if weight > left {
                break;
            }
            left -= weight;
        }
        drawn as u32
    }

    /// The gradient of one draw: that at the normalised hidden states is factor · (E\[W\] − slope · W\[label\]).
    fn of_draw(
        &self,
        h: &[f32],
        normed: &[f32],
        of: &Distributions,
        label: impl Fn(usize) -> Option<u32>,
        out: OfDraw<'_>,
    ) {
        let hidden = self.norm.len();
        let mut at_normed = vec![0.0; hidden];
        for token in 0..of.most.len() {
            let row = token * hidden..(token + 1) * hidden;
            let Some(label) = label(token) else { continue };
            let (logit, slope) = self.logit(&normed[row.clone()], label as usize);
            out.labels[token] = Some(label);
            out.losses[token] = f64::from(of.most[token]) + of.sum[token].ln() - f64::from(logit);
            let inverse = (1.0 / of.sum[token]) as f32;
            let of_label = &self.weight[label as usize * hidden..][..hidden];
            for ((at, weighted), of_label) in
                at_normed.iter_mut().zip(&of.weighted[row.clone()]).zip(of_label)
            {
                *at = self.factor * (weighted * inverse - slope * of_label);
            }
            let gradient = &mut out.gradient[row.clone()];
            slopes::add_rms_norm(&h[row], &self.norm, self.norm_eps, &at_normed, gradient);
        }
    }
}
