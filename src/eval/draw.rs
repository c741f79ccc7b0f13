//! How the next token is drawn from the logits.

use candle_core::{D, DType, Error as TensorError, Tensor};
use rand::{
    SeedableRng,
    distr::{Distribution, weighted::WeightedIndex},
};
use rand_chacha::ChaCha12Rng;

use super::Error;

/// How the next token is drawn.
#[derive(Clone, Debug)]
pub struct Draw {
    /// 0 always takes the likeliest token.
    pub temperature: f64,
    pub top_k: Option<usize>,
    pub top_p: Option<f64>,
    /// Divides the logits of the last `repeat_last` tokens; 1 leaves them.
    pub repeat_penalty: f32,
    pub repeat_last: usize,
    pub seed: u64,
}

/// Draws a text's tokens one after the other.
pub(super) struct Sampler {
    draw: Draw,
    rng: ChaCha12Rng,
}

impl Draw {
    /// Refuses what no token can be drawn with.
    pub fn check(&self) -> Result<(), Error> {
        let positive = |x: f32| x > 0.0 && x.is_finite();
        let wrong = |key, expected, found: String| Err(Error::Draw { key, expected, found });
        if !(self.temperature == 0.0 || (1e-3..=1e3).contains(&self.temperature)) {
            return wrong("temperature", "0 or a number from 0.001 to 1000", self.temperature.to_string());
        }
        if self.top_k == Some(0) {
            return wrong("top-k", "a number above 0", "0".into());
        }
        match self.top_p {
            Some(p) if !(p > 0.0 && p <= 1.0) => {
                return wrong("top-p", "a number above 0, at most 1", p.to_string());
            }
            _ => {}
        }
        if !positive(self.repeat_penalty) {
            return wrong("repeat-penalty", "a number above 0", self.repeat_penalty.to_string());
        }
        Ok(())
    }
}

impl Sampler {
    pub fn new(draw: &Draw) -> Self {
        Self { draw: draw.clone(), rng: ChaCha12Rng::seed_from_u64(draw.seed) }
    }

    /// The token after `ids`, from its logits [vocab].
    ///
    /// # Errors
    /// Logits that no token can be drawn from, as NaN.
    pub fn next(&mut self, logits: &Tensor, ids: &[u32]) -> Result<u32, Error> {
        let logits = logits.to_dtype(DType::F32)?;
        let logits = match self.draw.repeat_penalty {
            1.0 => logits,
            penalty => {
                let recent = &ids[ids.len().saturating_sub(self.draw.repeat_last)..];
                let penalised = penalised(logits.to_vec1()?, penalty, recent);
                Tensor::new(penalised, logits.device())?
            }
        };
        if self.draw.temperature == 0.0 {
            return Ok(logits.argmax(D::Minus1)?.to_scalar()?);
        }
        let probabilities = softmax((logits / self.draw.temperature)?.to_vec1()?);
        let (tokens, weights) = self.candidates(&probabilities);
        let drawn = WeightedIndex::new(weights).map_err(TensorError::wrap)?.sample(&mut self.rng);
        Ok(tokens[drawn] as u32)
    }

    /// The tokens that may come, and their weights: the `top_k` likeliest, and of these the likeliest that make up `top_p`.
    fn candidates(&self, probabilities: &[f32]) -> (Vec<usize>, Vec<f32>) {
        let mut tokens: Vec<usize> = (0..probabilities.len()).collect();
        if let Some(k) = self.draw.top_k.filter(|&k| k < tokens.len()) {
            tokens.select_nth_unstable_by(k, |&a, &b| probabilities[b].total_cmp(&probabilities[a]));
            tokens.truncate(k);
        }
        let mut weights: Vec<f32> = tokens.iter().map(|&token| probabilities[token]).collect();
        if let Some(p) = self.draw.top_p.filter(|&p| p < 1.0) {
            let mut falling: Vec<usize> = (0..weights.len()).collect();
            falling.sort_by(|&a, &b| weights[b].total_cmp(&weights[a]));
            let mut sum = 0.0;
            for place in falling {
                if sum >= p as f32 {
                    weights[place] = 0.0;
                } else {
                    sum += weights[place];
                }
            }
        }
        (tokens, weights)
    }
}

/// Divides positive logits of recent tokens by `penalty` and multiplies negative ones, each once.
fn penalised(mut logits: Vec<f32>, penalty: f32, recent: &[u32]) -> Vec<f32> {
    let recent: std::collections::BTreeSet<u32> = recent.iter().copied().collect();
    for token in recent {
        if let Some(logit) = logits.get_mut(token as usize) {
            *logit = if *logit >= 0.0 { *logit / penalty } else { *logit * penalty };
        }
    }
    logits
}

fn softmax(mut logits: Vec<f32>) -> Vec<f32> {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    logits.iter_mut().for_each(|logit| *logit = (*logit - largest).exp());
    let sum: f32 = logits.iter().sum();
    logits.iter_mut().for_each(|share| *share /= sum);
    logits
}

#[cfg(test)]
mod tests {
    use candle_core::Device;
    use candle_transformers::{
        generation::{LogitsProcessor, Sampling},
        utils::apply_repeat_penalty,
    };
    use rand::RngExt;

    use super::*;

    fn logits(rng: &mut ChaCha12Rng) -> Tensor {
        let logits: Vec<f32> = (0..300).map(|_| rng.random_range(-4.0..4.0)).collect();
        Tensor::new(logits, &Device::Cpu).unwrap()
    }

    #[test]
    fn tokens_are_those_that_candle_transformers_draws() {
        let temperature = 0.8;
        let cases = [
            (0.0, None, None, Sampling::ArgMax),
            (temperature, None, None, Sampling::All { temperature }),
            (temperature, Some(7), None, Sampling::TopK { k: 7, temperature }),
            (temperature, Some(1000), None, Sampling::TopK { k: 1000, temperature }),
            (temperature, None, Some(0.7), Sampling::TopP { p: 0.7, temperature }),
            (temperature, None, Some(1.0), Sampling::TopP { p: 1.0, temperature }),
            (temperature, Some(40), Some(0.3), Sampling::TopKThenTopP { k: 40, p: 0.3, temperature }),
        ];
        for (seed, (temperature, top_k, top_p, sampling)) in (5..).zip(cases) {
            for repeat_penalty in [1.0, 1.3] {
                let draw = Draw { temperature, top_k, top_p, repeat_penalty, repeat_last: 8, seed };
                let (mut ours, mut ids) = (Sampler::new(&draw), vec![3, 3, 299]);
                let mut theirs = LogitsProcessor::from_sampling(seed, sampling.clone());
                let mut rng = ChaCha12Rng::seed_from_u64(seed);
                for step in 0..200 {
                    let logits = logits(&mut rng);
                    let recent = &ids[ids.len().saturating_sub(8)..];
                    let penalised = apply_repeat_penalty(&logits, repeat_penalty, recent).unwrap();
                    let expected = theirs.sample(&penalised).unwrap();
                    let found = ours.next(&logits, &ids).unwrap();
                    assert_eq!(found, expected, "{sampling:?}, penalty {repeat_penalty}, step {step}");
                    ids.push(found);
                }
            }
        }
    }

    #[test]
    fn no_token_is_drawn_from_what_is_no_number() {
        let draw =
            Draw { temperature: 1.0, top_k: None, top_p: None, repeat_penalty: 1.0, repeat_last: 0, seed: 0 };
        let logits = Tensor::new(&[0.0, f32::NAN], &Device::Cpu).unwrap();
        assert!(matches!(Sampler::new(&draw).next(&logits, &[]), Err(Error::Tensor(_))));
    }
}
