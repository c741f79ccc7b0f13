//! Text from a prompt, a token at a time.

use std::ops::ControlFlow;

use candle_core::{DType, Device};
use candle_transformers::{
    generation::{LogitsProcessor, Sampling},
    utils::apply_repeat_penalty,
};
use tokenizers::Tokenizer;

use crate::model::{Checkpoint, Decoder};

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

/// A whole model in memory, writing.
pub struct Generation {
    decoder: Decoder,
    tokenizer: Tokenizer,
    bos: Option<u32>,
    stops: Vec<u32>,
    limit: usize,
}

impl Generation {
    /// Loads every block. Positions end at the length that the model was made for.
    pub fn new(checkpoint: &Checkpoint, device: &Device, dtype: DType) -> Result<Self, Error> {
        let architecture = checkpoint.architecture();
        let limit = architecture.max_positions;
        Ok(Self {
            decoder: checkpoint.decoder(limit, device, dtype)?,
            tokenizer: checkpoint.tokenizer()?,
            bos: architecture.bos,
            stops: architecture.eos.clone(),
            limit,
        })
    }

    /// Goes on from `prompt` until an end token, `max_tokens`, or the model's length. `piece` hears the text as it is
    /// made; Break ends it. Returns the number of tokens made.
    pub fn write(
        &self,
        prompt: &str,
        bos: bool,
        max_tokens: usize,
        draw: &Draw,
        piece: &mut dyn FnMut(&str) -> ControlFlow<()>,
    ) -> Result<usize, Error> {
        draw.check()?;
        let mut ids: Vec<u32> = if bos { self.bos.into_iter().collect() } else { Vec::new() };
        let encoded = self.tokenizer.encode(prompt, false).map_err(|e| Error::Tokenizer(e.to_string()))?;
        ids.extend(encoded.get_ids());
        if ids.is_empty() {
            return Err(Error::EmptyPrompt);
        }
        if ids.len() >= self.limit {
            return Err(Error::PromptTooLong { tokens: ids.len(), limit: self.limit });
        }
        let mut caches = self.decoder.caches(ids.len().saturating_add(max_tokens).min(self.limit));
        let mut sampler = draw.sampler();
        let begin = ids.len();
        let mut told = self.decode(&ids)?.len();
        let mut fresh = ids.clone();
        while ids.len() - begin < max_tokens && ids.len() < self.limit {
            let logits = self.decoder.next(&fresh, &mut caches)?;
            let recent = &ids[ids.len().saturating_sub(draw.repeat_last)..];
            let logits = match draw.repeat_penalty {
                1.0 => logits,
                penalty => apply_repeat_penalty(&logits, penalty, recent)?,
            };
            let next = sampler.sample(&logits)?;
            if self.stops.contains(&next) {
                break;
            }
            ids.push(next);
            fresh = vec![next];
            let text = self.decode(&ids)?;
            // A character may be spread over several tokens: told once it is whole.
            if !text.ends_with('\u{FFFD}') && text.len() > told {
                let Some(new) = text.get(told..) else { continue };
                told = text.len();
                if piece(new).is_break() {
                    break;
                }
            }
        }
        Ok(ids.len() - begin)
    }

    fn decode(&self, ids: &[u32]) -> Result<String, Error> {
        self.tokenizer.decode(ids, true).map_err(|e| Error::Tokenizer(e.to_string()))
    }
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

    fn sampler(&self) -> LogitsProcessor {
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
