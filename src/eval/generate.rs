//! Generates text from a prompt, one token at a time.

use std::ops::ControlFlow;

use candle_core::{DType, Device};
use candle_transformers::{generation::LogitsProcessor, utils::apply_repeat_penalty};
use tokenizers::Tokenizer;

use crate::model::{BlockByBlock, Decoder, KvCache, tokenizer::encode_prompt};

use super::{Draw, Error};

/// A whole model in memory that generates text.
pub struct Generation {
    decoder: Decoder,
    tokenizer: Tokenizer,
    stops: Vec<u32>,
    limit: usize,
    bytes: u64,
    vocab: u32,
    /// Bytes of the keys and values of one token in all blocks.
    cache_bytes: usize,
}

/// A text that is being generated.
pub struct Writing<'g> {
    generation: &'g Generation,
    draw: Draw,
    sampler: LogitsProcessor,
    caches: Vec<KvCache>,
    /// The tokens of the prompt, followed by the generated ones.
    ids: Vec<u32>,
    /// Number of tokens at the end that the model has not processed yet.
    unseen: usize,
    /// Number of tokens in the prompt.
    begin: usize,
    /// Maximum number of tokens.
    end: usize,
    /// Number of bytes of the text already returned.
    emitted: usize,
    /// The text of every generated token.
    pieces: Vec<String>,
}

/// The result of one step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Written {
    /// A token. Its text is empty while a character is split across several tokens.
    Token(String),
    /// An end token was sampled, or the limit was reached. No token follows.
    End,
}

impl Generation {
    /// Loads every block. A text ends at a token of `stops`. Positions are limited to the context length of the model. `progress`
    /// receives (blocks done, total blocks).
    ///
    /// # Errors
    /// If the model cannot be loaded; [`Error::Cancelled`] if `progress` breaks.
    pub fn load(
        model: &dyn BlockByBlock,
        tokenizer: Tokenizer,
        stops: Vec<u32>,
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
        let bytes = architecture.parameters() * dtype.size_in_bytes() as u64;
        let kept = architecture.layers.iter().map(|layer| 2 * layer.kv_heads * architecture.head_dim);
        let cache_bytes = kept.sum::<usize>() * dtype.size_in_bytes();
        let vocab = u32::try_from(architecture.vocab).unwrap_or(u32::MAX);
        Ok(Self { decoder, tokenizer, stops, limit, bytes, vocab, cache_bytes })
    }

    /// Starts from `prompt`; if `special`, with the special tokens that the tokenizer adds to a text, such as a BOS.
    /// Generation ends at an end token, after `max_tokens`, or at the context length of the model.
    ///
    /// # Errors
    /// [`Error::EmptyPrompt`], [`Error::PromptTooLong`], or an error for invalid sampling parameters or a
    /// tokenizer failure.
    pub fn begin(
        &self,
        prompt: &str,
        special: bool,
        max_tokens: usize,
        draw: &Draw,
    ) -> Result<Writing<'_>, Error> {
        draw.check()?;
        let ids =
            encode_prompt(&self.tokenizer, prompt, special).map_err(|e| Error::Tokenizer(e.to_string()))?;
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
            pieces: Vec::new(),
            ids,
        })
    }

    /// The text of a token that follows another one.
    ///
    /// # Errors
    /// If the tokenizer fails.
    pub fn text_after(&self, before: u32, id: u32) -> Result<String, Error> {
        let (alone, both) = (self.decode(&[before])?, self.decode(&[before, id])?);
        Ok(both.strip_prefix(&alone).map_or_else(|| both.clone(), String::from))
    }

    pub(super) fn decoder(&self) -> &Decoder {
        &self.decoder
    }

    /// Number of tokens that the embedding has.
    pub(super) fn vocab(&self) -> u32 {
        self.vocab
    }

    /// Bytes of the keys and values of a sequence of this length.
    pub(super) fn cache_bytes(&self, length: usize) -> usize {
        self.cache_bytes * length
    }

    /// Number of bytes of the weights.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    fn decode(&self, ids: &[u32]) -> Result<String, Error> {
        self.tokenizer.decode(ids, true).map_err(|e| Error::Tokenizer(e.to_string()))
    }
}

impl Writing<'_> {
    /// Generates the next token.
    ///
    /// # Errors
    /// If the model or the tokenizer fails.
    pub fn step(&mut self) -> Result<Written, Error> {
        if self.ids.len() >= self.end {
            return Ok(Written::End);
        }
        // Beyond this length all positions rotate differently, so the cache is computed again.
        let decoder = &self.generation.decoder;
        let seen = self.ids.len() - self.unseen;
        if decoder
            .rope
            .changes_above()
            .is_some_and(|length| (1..=length).contains(&seen) && self.ids.len() > length)
        {
            self.caches = decoder.caches(self.end);
            self.unseen = self.ids.len();
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
        // A character may be split across several tokens; it is returned once complete.
        let new = text.get(self.emitted..).filter(|_| !text.ends_with('\u{FFFD}'));
        let piece = new.unwrap_or_default().to_string();
        self.emitted += piece.len();
        self.pieces.push(piece.clone());
        Ok(Written::Token(piece))
    }

    /// Number of tokens generated so far.
    pub fn tokens(&self) -> usize {
        self.generated().len()
    }

    /// The ids of the prompt, including a BOS token.
    pub fn prompt(&self) -> &[u32] {
        &self.ids[..self.begin]
    }

    /// The texts of the tokens generated so far, as returned by [`Writing::step`].
    pub fn pieces(&self) -> &[String] {
        &self.pieces
    }

    /// The ids of the prompt, followed by the generated ones.
    pub fn ids(&self) -> &[u32] {
        &self.ids
    }

    /// The ids of the tokens generated so far.
    pub fn generated(&self) -> &[u32] {
        &self.ids[self.begin..]
    }
}
