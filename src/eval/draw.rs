//! Sampling the next token from the logits.

use candle_transformers::generation::{LogitsProcessor, Sampling};

use super::Error;

/// Sampling parameters.
#[derive(Clone, Debug)]
pub struct Draw {
    /// 0 always selects the most likely token.
    pub temperature: f64,
    /// Sample only from this number of the most likely tokens.
    pub top_k: Option<usize>,
    /// Sample only from the most likely tokens that together have this probability.
    pub top_p: Option<f64>,
    /// Divides the logits of the last `repeat_last` tokens; 1 has no effect.
    pub repeat_penalty: f32,
    /// Number of recent tokens to which the penalty applies.
    pub repeat_last: usize,
    /// Seed of the sampler.
    pub seed: u64,
}

impl Draw {
    /// Checks the ranges of all parameters.
    ///
    /// # Errors
    /// [`Error::Draw`] with the parameter that is out of range.
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

    pub(super) fn sampler(&self) -> LogitsProcessor {
        let temperature = self.temperature;
        let sampling = match (self.top_k, self.top_p) {
            _ if temperature <= 0.0 => Sampling::ArgMax,
            (None, None) => Sampling::All { temperature },
            (Some(k), None) => Sampling::TopK { k, temperature },
            (None, Some(p)) => Sampling::TopP { p, temperature },
            (Some(k), Some(p)) => Sampling::TopKThenTopP { k, p, temperature },
        };
        LogitsProcessor::from_sampling(self.seed, sampling)
    }
}
