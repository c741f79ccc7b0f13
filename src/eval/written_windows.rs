//! Windows of tokens that a model writes itself, many at once.

use std::ops::ControlFlow;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::{Error, Generation};
use crate::model::KvCache;

/// Keys and values of windows that are written at once, in bytes. The limit is fixed, because products of other numbers of
/// rows have other last bits.
const CACHE_BYTES: usize = 1 << 30;
/// Windows that are written at once at most.
const AT_ONCE: usize = 64;

/// Windows to write.
#[derive(Clone, Copy, Debug)]
pub struct WrittenWindows {
    /// Number of windows.
    pub windows: usize,
    /// Tokens per window.
    pub seq_len: usize,
    /// The token before every window, which is not part of it. Without one, each window starts with a random token.
    pub bos: Option<u32>,
    /// The seed of every random number.
    pub seed: u64,
}

impl WrittenWindows {
    /// Number of windows that are written at once. `of_window`: bytes of the keys and values of a window.
    pub fn at_once(of_window: usize) -> usize {
        (CACHE_BYTES / of_window.max(1)).clamp(1, AT_ONCE)
    }

    /// Tokens of all windows, [windows, seq_len], row-major. Each token is drawn from the model's distribution
    /// (temperature 1, no other limits). A window goes on after an end token. Window i has stream i of the generator, so it
    /// is independent of the number of threads. `progress` receives (tokens done, total).
    ///
    /// # Errors
    ///
    /// If the model fails or its logits are not finite; [`Error::Cancelled`] if `progress` breaks.
    pub fn write(
        &self,
        generation: &Generation,
        progress: &mut dyn FnMut(u64, u64) -> ControlFlow<()>,
    ) -> Result<Vec<u32>, Error> {
        let total = (self.windows * self.seq_len) as u64;
        let at_once = Self::at_once(generation.cache_bytes(self.seq_len));
        let mut tokens = Vec::with_capacity(self.windows * self.seq_len);
        for start in (0..self.windows).step_by(at_once) {
            let windows = start..self.windows.min(start + at_once);
            let mut rngs: Vec<ChaCha8Rng> = windows.map(|window| self.rng(window as u64)).collect();
            let mut written: Vec<Vec<u32>> = rngs.iter_mut().map(|rng| self.first(rng, generation)).collect();
            let end = self.seq_len + usize::from(self.bos.is_some());
            let mut caches = generation.decoder().caches(end);
            for length in 1..end {
                let logits = self.logits(&written, &mut caches, generation)?;
                let drawn = logits.par_iter().zip(&mut rngs).map(|(logits, rng)| sample(logits, rng));
                let drawn: Vec<Option<u32>> = drawn.collect();
                for (window, token) in written.iter_mut().zip(drawn) {
                    window.push(token.ok_or(Error::NoDistribution)?);
                }
                let done = tokens.len() + rngs.len() * (length + self.seq_len - (end - 1));
                if progress(done as u64, total).is_break() {
                    return Err(Error::Cancelled);
                }
            }
            tokens.extend(written.iter().flat_map(|window| &window[end - self.seq_len..]));
        }
        Ok(tokens)
    }

    fn rng(&self, window: u64) -> ChaCha8Rng {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(window);
        rng
    }

    /// The token that a window is written from.
    fn first(&self, rng: &mut ChaCha8Rng, generation: &Generation) -> Vec<u32> {
        vec![self.bos.unwrap_or_else(|| rng.random_range(0..generation.vocab()))]
    }

    /// Logits after each window, for each window.
    fn logits(
        &self,
        written: &[Vec<u32>],
        caches: &mut Vec<KvCache>,
        generation: &Generation,
    ) -> Result<Vec<Vec<f32>>, Error> {
        let decoder = generation.decoder();
        let (length, seen) = (written[0].len(), caches.first().map_or(0, KvCache::len));
        // Beyond this length all positions rotate differently, so the cache is computed again.
        let turned =
            decoder.rope.changes_above().is_some_and(|above| (1..=above).contains(&seen) && length > above);
        if turned {
            *caches = decoder.caches(self.seq_len + 1);
        }
        let seen = if turned { 0 } else { seen };
        let new: Vec<&[u32]> = written.iter().map(|window| &window[seen..]).collect();
        Ok(decoder.next_of(&new, caches)?.to_vec2()?)
    }
}

/// A token drawn from softmax(logits); None if the logits are not finite.
fn sample(logits: &[f32], rng: &mut ChaCha8Rng) -> Option<u32> {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let weight = |logit: f32| f64::from(logit - largest).exp();
    let total: f64 = logits.iter().map(|&logit| weight(logit)).sum();
    if !total.is_finite() || total <= 0.0 {
        return None;
    }
    let mut left = rng.random::<f64>() * total;
    let drawn = logits.iter().position(|&logit| {
        left -= weight(logit);
        left < 0.0
    });
    // Rounding may leave a rest at the end.
    let likeliest = || logits.iter().position(|&logit| logit == largest);
    u32::try_from(drawn.or_else(likeliest)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_drawn_as_often_as_the_model_predicts_them() {
        let shares = [0.5f32, 0.3, 0.15, 0.05, 0.0];
        let logits: Vec<f32> = shares.iter().map(|share| share.ln() + 7.0).collect();
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        let mut counts = [0.0f32; 5];
        for _ in 0..20_000 {
            counts[sample(&logits, &mut rng).unwrap() as usize] += 1.0 / 20_000.0;
        }
        assert!(shares.iter().zip(counts).all(|(share, count)| (share - count).abs() < 0.012), "{counts:?}");
        assert_eq!(sample(&[f32::NAN; 3], &mut rng), None);
    }
}
