//! Text from a prompt, a token at a time.

use std::ops::ControlFlow;

use candle_core::{DType, Device};
use candle_transformers::{generation::LogitsProcessor, utils::apply_repeat_penalty};
use tokenizers::Tokenizer;

use crate::model::{BlockByBlock, Decoder, KvCache};

use super::{Draw, Error};

/// A whole model in memory, able to write.
pub struct Generation {
    decoder: Decoder,
    tokenizer: Tokenizer,
    bos: Option<u32>,
    stops: Vec<u32>,
    limit: usize,
    bytes: u64,
}

/// A text on its way.
pub struct Writing<'g> {
    generation: &'g Generation,
    draw: Draw,
    sampler: LogitsProcessor,
    caches: Vec<KvCache>,
    /// The prompt and what was made of it.
    ids: Vec<u32>,
    /// Of these, the ones that the model has not seen yet.
    unseen: usize,
    /// Tokens of the prompt.
    begin: usize,
    /// Tokens at the end, at most.
    end: usize,
    /// Bytes of the text that have been told.
    emitted: usize,
}

/// What one step has made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Written {
    /// A token. Its text is empty while a character is spread over several of them.
    Piece(String),
    /// An end token was drawn, or there is no more room; nothing follows.
    End,
}

impl Generation {
    /// Loads every block. Positions end at the length that the model was made for. `progress` hears (blocks done, in
    /// all); Break ends with [`Error::Cancelled`].
    pub fn load(
        model: &dyn BlockByBlock,
        tokenizer: Tokenizer,
        (device, dtype): (&Device, DType),
        progress: &mut dyn FnMut(u64, u64) -> ControlFlow<()>,
    ) -> Result<Self, Error> {
        let architecture = model.architecture();
        let (limit, layers) = (architecture.max_positions, architecture.layers.len());
        let mut blocks = Vec::with_capacity(layers);
        for layer in 0..layers {
            blocks.push(model.block(layer, device, dtype)?);
            if progress(layer as u64 + 1, layers as u64).is_break() {
                return Err(Error::Cancelled);
            }
        }
        let decoder =
            Decoder::new(model.embedding_and_head(device, dtype)?, blocks, model.rope(limit, device, dtype)?);
        let (bos, stops) = (architecture.bos, architecture.eos.clone());
        let bytes = architecture.parameters() * dtype.size_in_bytes() as u64;
        Ok(Self { decoder, tokenizer, bos, stops, limit, bytes })
    }

    /// Goes on from `prompt`, with a BOS before it if `bos` says so and the model names one, until an end token,
    /// `max_tokens`, or the model's length.
    pub fn begin(
        &self,
        prompt: &str,
        bos: bool,
        max_tokens: usize,
        draw: &Draw,
    ) -> Result<Writing<'_>, Error> {
        draw.check()?;
        let mut ids: Vec<u32> = if bos { self.bos.into_iter().collect() } else { Vec::new() };
        let encoded =
            self.tokenizer.encode_fast(prompt, false).map_err(|e| Error::Tokenizer(e.to_string()))?;
        ids.extend(encoded.get_ids());
        if ids.is_empty() {
            return Err(Error::EmptyPrompt);
        }
        if ids.len() >= self.limit {
            return Err(Error::PromptTooLong { tokens: ids.len(), limit: self.limit });
        }
        let end = ids.len().saturating_add(max_tokens).min(self.limit);
        Ok(Writing {
            generation: self,
            sampler: draw.sampler(),
            draw: draw.clone(),
            caches: self.decoder.caches(end),
            unseen: ids.len(),
            begin: ids.len(),
            end,
            emitted: self.decode(&ids)?.len(),
            ids,
        })
    }

    /// Bytes of the weights.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    fn decode(&self, ids: &[u32]) -> Result<String, Error> {
        self.tokenizer.decode(ids, true).map_err(|e| Error::Tokenizer(e.to_string()))
    }
}

impl Writing<'_> {
    /// Makes the next token.
    pub fn step(&mut self) -> Result<Written, Error> {
        if self.ids.len() >= self.end {
            return Ok(Written::End);
        }
        let seen = self.ids.len() - self.unseen;
        let logits = self.generation.decoder.next(&self.ids[seen..], &mut self.caches)?;
        let recent = &self.ids[self.ids.len().saturating_sub(self.draw.repeat_last)..];
        let logits = match self.draw.repeat_penalty {
            1.0 => logits,
            penalty => apply_repeat_penalty(&logits, penalty, recent)?,
        };
        let next = self.sampler.sample(&logits)?;
        if self.generation.stops.contains(&next) {
            self.end = self.ids.len();
            return Ok(Written::End);
        }
        self.ids.push(next);
        self.unseen = 1;
        let text = self.generation.decode(&self.ids)?;
        // A character may be spread over several tokens: told once it is whole.
        let new = text.get(self.emitted..).filter(|_| !text.ends_with('\u{FFFD}'));
        let piece = new.unwrap_or_default().to_string();
        self.emitted += piece.len();
        Ok(Written::Piece(piece))
    }

    /// Tokens made so far.
    pub fn tokens(&self) -> usize {
        self.made().len()
    }

    /// The prompt's ids, with the BOS where there is one.
    pub fn prompt(&self) -> &[u32] {
        &self.ids[..self.begin]
    }

    /// The ids of the tokens made so far.
    pub fn made(&self) -> &[u32] {
        &self.ids[self.begin..]
    }
}
