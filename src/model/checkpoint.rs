//! An open checkpoint: its configuration and its checked headers. Its parts are loaded one by one.

use std::collections::{BTreeSet, HashSet};

use candle_core::{DType, Device, Tensor};
use serde_json::Value;
use tokenizers::Tokenizer;

use super::{
    Architecture, Block, ChatTemplate, Decoder, EmbeddingAndHead, Error, Result, Rope, Slot, Source, Today,
    Warning, Weights,
    embedding_and_head::{EMBEDDING, HEAD, scaled, window_length},
    from_config, fused, internlm2, layout, tokenizer,
};

/// A checkpoint whose headers agree with its `config.json`. Weights are read when a part is loaded.
#[derive(Debug)]
pub struct Checkpoint {
    source: Source,
    name: String,
    config: Value,
    architecture: Architecture,
    weights: Weights,
    warnings: Vec<Warning>,
}

impl Checkpoint {
    /// Opens a checkpoint and checks that every tensor of its architecture has the right shape and type.
    /// Reads only headers.
    ///
    /// # Errors
    /// The first problem found, with file and tensor.
    pub fn open(source: Source) -> Result<Self> {
        let holds_gguf = source.files().is_ok_and(|files| files.iter().any(|name| name.ends_with(".gguf")));
        let advice = if holds_gguf {
            "give the path of the GGUF file in it, or of a Hugging Face checkpoint"
        } else {
            "give the directory of a Hugging Face checkpoint"
        };
        let content = source.read("config.json", advice)?;
        let config: Value = serde_json::from_slice(&content)
            .map_err(|cause| Error::NotJson { file: source.locate("config.json"), cause })?;
        let is_internlm2 = internlm2::is(&config);
        let config = if is_internlm2 { internlm2::as_llama(&config) } else { config };
        let (mut architecture, mut warnings) = from_config::read(&config)?;
        let mut weights = Weights::open(&source)?;
        if is_internlm2 {
            internlm2::rename(&mut weights, &architecture)?;
        }
        fused::split(&mut weights, &architecture)?;
        let stored = |name: &str| weights.names().any(|stored| stored == name);
        if architecture.tied && stored(HEAD) && !stored(EMBEDDING) {
            // As in transformers, either of the tied tensors may be stored.
            weights.rename(HEAD, EMBEDDING.to_owned());
        }
        if architecture.tied && head_differs(&weights)? {
            architecture.tied = false;
            warnings.push(Warning::UntiedHead);
        }
        let slots = architecture.tensors();
        for slot in &slots {
            weights.check(&slot.name, &slot.shape)?;
        }
        warnings.extend(unused(&weights, &architecture, &slots));
        Ok(Self { name: source.name(), source, config, architecture, weights, warnings })
    }

    /// The name of the model: its hub id, or the name of its directory.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The files.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// The architecture from `config.json`.
    pub fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    /// `config.json`, unchanged except for InternLM2, whose keys are translated to those of LLaMA.
    pub fn config(&self) -> &Value {
        &self.config
    }

    /// Warnings about keys and tensors without effect, and contradictions.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// The tensors.
    pub fn weights(&self) -> &Weights {
        &self.weights
    }

    /// The number type of a tensor: F32, F16 or BF16. Quantised tensors are F32 after reading.
    ///
    /// # Errors
    /// If the tensor is missing.
    pub fn storage_dtype(&self, tensor: &str) -> Result<DType> {
        self.weights.storage_dtype(tensor)
    }

    /// The distinct types of the stored weights, sorted by name, such as f16 and q4_k.
    ///
    /// # Errors
    /// If a tensor cannot be read; [`Checkpoint::open`] has already checked them.
    pub fn stored_types(&self) -> Result<Vec<&'static str>> {
        let slots = self.architecture.tensors();
        let types = slots.iter().map(|slot| self.weights.stored_type(&slot.name));
        Ok(types.collect::<Result<BTreeSet<_>>>()?.into_iter().collect())
    }

    /// The quantised types of the stored weights, sorted by name; empty for an unquantised model.
    ///
    /// # Errors
    /// As [`Checkpoint::stored_types`].
    pub fn quantised_types(&self) -> Result<Vec<&'static str>> {
        let mut types = BTreeSet::new();
        for slot in self.architecture.tensors() {
            if self.weights.is_quantised(&slot.name)? {
                types.insert(self.weights.stored_type(&slot.name)?);
            }
        }
        Ok(types.into_iter().collect())
    }

    /// The stored type of a bias, or of its weight if there is no bias.
    ///
    /// # Errors
    /// If neither the bias nor its weight exists.
    pub fn bias_dtype(&self, bias: &str) -> Result<DType> {
        let weight = bias.strip_suffix(".bias").map(|stem| format!("{stem}.weight"));
        let there = layout::has_bias(&self.architecture, bias);
        self.storage_dtype(weight.as_deref().filter(|_| !there).unwrap_or(bias))
    }

    /// Parses `tokenizer.json`, without the truncation and padding set in it.
    ///
    /// # Errors
    /// If `tokenizer.json` is missing, damaged, or does not fit the embedding.
    pub fn tokenizer(&self) -> Result<Tokenizer> {
        tokenizer::read(&self.source, self.architecture.vocab)
    }

    /// The token at the start of a text: the one added by the post-processor of the tokenizer, otherwise the one named by
    /// `tokenizer_config.json` or `config.json`.
    ///
    /// # Errors
    /// If `tokenizer_config.json` is damaged.
    pub fn bos(&self, tokenizer: &Tokenizer) -> Result<Option<u32>> {
        tokenizer::bos(&self.source, tokenizer, self.architecture.bos)
    }

    /// The tokens that end a generated text, from `generation_config.json`, otherwise from `config.json`.
    ///
    /// # Errors
    /// If `generation_config.json` is damaged.
    pub fn stops(&self) -> Result<Vec<u32>> {
        tokenizer::stops(&self.source, &self.architecture.eos)
    }

    /// The chat template; None if the model has none.
    ///
    /// # Errors
    /// If `tokenizer_config.json` or `special_tokens_map.json` is damaged.
    pub fn chat_template(&self, today: Today) -> Result<Option<ChatTemplate>> {
        ChatTemplate::of(&self.source, today)
    }

    /// Loads one decoder block, and starts to read the next one from the disk.
    ///
    /// # Errors
    /// As for [`Block::load`].
    pub fn block(&self, layer: usize, device: &Device, dtype: DType) -> Result<Block> {
        let block = Block::load(&self.weights, &self.architecture, layer, device, dtype)?;
        if layer + 1 < self.architecture.layers.len() {
            let next = self.architecture.layer_tensors(layer + 1);
            self.weights.read_ahead(next.iter().map(|slot| slot.name.as_str()));
        }
        Ok(block)
    }

    /// Loads the embedding, the final norm and the output head.
    ///
    /// # Errors
    /// As for [`EmbeddingAndHead::load`].
    pub fn embedding_and_head(&self, device: &Device, dtype: DType) -> Result<EmbeddingAndHead> {
        EmbeddingAndHead::load(&self.weights, &self.architecture, device, dtype)
    }

    /// Windows of equal length → h: [windows, t, hidden], the input of the first block. Reads only the
    /// embedding rows of these tokens.
    ///
    /// # Errors
    /// As for [`EmbeddingAndHead::embed`] and [`Weights::rows`].
    pub fn embed(&self, windows: &[&[u32]], device: &Device, dtype: DType) -> Result<Tensor> {
        let t = window_length(windows, self.architecture.vocab)?;
        let h = self.weights.rows(EMBEDDING, &windows.concat(), device, dtype)?;
        scaled(
            h.reshape((windows.len(), t, self.architecture.hidden))?,
            self.architecture.form.multipliers.embedding,
        )
    }

    /// Releases the memory of a block's stored bytes that were read.
    pub fn release(&self, layer: usize) {
        let slots = layout::block(&self.architecture, layer);
        self.weights.release(slots.iter().map(|slot| slot.name.as_str()));
    }

    /// Rotary tables for this many positions.
    ///
    /// # Errors
    /// If the device fails.
    pub fn rope(&self, positions: usize, device: &Device, dtype: DType) -> Result<Rope> {
        Rope::of(&self.architecture, positions, device, dtype)
    }

    /// Loads the whole model, for sequences of up to `positions` tokens.
    ///
    /// # Errors
    /// As for [`Block::load`] and [`EmbeddingAndHead::load`].
    pub fn decoder(&self, positions: usize, device: &Device, dtype: DType) -> Result<Decoder> {
        let blocks = (0..self.architecture.layers.len()).map(|layer| self.block(layer, device, dtype));
        Ok(Decoder::new(
            self.embedding_and_head(device, dtype)?,
            blocks.collect::<Result<_>>()?,
            self.rope(positions, device, dtype)?,
        ))
    }
}

/// Whether a stored output head differs from the embedding. Compares the bytes if both have the same shape and type.
fn head_differs(weights: &Weights) -> Result<bool> {
    if !weights.names().any(|name| name == HEAD) {
        return Ok(false);
    }
    let (head, embedding) = (weights.raw(HEAD)?, weights.raw(EMBEDDING)?);
    let differs =
        head.dtype != embedding.dtype || head.shape != embedding.shape || head.data != embedding.data;
    weights.release([HEAD, EMBEDDING]);
    Ok(differs)
}

/// The stored tensors that the architecture does not use, except a copy of the embedding, and the rotary frequencies of
/// old checkpoints.
fn unused(weights: &Weights, architecture: &Architecture, slots: &[Slot]) -> Option<Warning> {
    let known: HashSet<&str> = slots.iter().map(|slot| slot.name.as_str()).collect();
    let expected = |name: &str| {
        known.contains(name) || name.ends_with("rotary_emb.inv_freq") || architecture.tied && name == HEAD
    };
    let names: Vec<String> = weights.names().filter(|name| !expected(name)).map(str::to_owned).collect();
    (!names.is_empty()).then_some(Warning::UnusedTensors { names })
}
