//! An open checkpoint: its configuration and its checked headers. Its parts are loaded one by one.

use std::collections::BTreeSet;

use candle_core::{DType, Device, Tensor};
use serde_json::Value;
use tokenizers::Tokenizer;

use super::{
    Architecture, Block, Decoder, EmbeddingAndHead, Error, Result, Rope, Source, Weights,
    embedding_and_head::{EMBEDDING, window_length},
    layout,
};

/// A checkpoint whose headers agree with its `config.json`. Weights are read when a part is loaded.
#[derive(Debug)]
pub struct Checkpoint {
    source: Source,
    name: String,
    config: Value,
    architecture: Architecture,
    weights: Weights,
}

impl Checkpoint {
    /// Opens a checkpoint and checks that every tensor of its architecture has the right shape and type.
    /// Reads only headers.
    ///
    /// # Errors
    /// The first problem found, with file and tensor.
    pub fn open(source: Source) -> Result<Self> {
        let content = source.read("config.json", "give the directory of a Hugging Face checkpoint")?;
        let config: Value = serde_json::from_slice(&content)
            .map_err(|cause| Error::NotJson { file: source.locate("config.json"), cause })?;
        let architecture = Architecture::from_config(&config)?;
        let weights = Weights::open(&source)?;
        for slot in architecture.tensors() {
            weights.check(&slot.name, &slot.shape)?;
        }
        Ok(Self { name: source.name(), source, config, architecture, weights })
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

    /// `config.json`, unchanged.
    pub fn config(&self) -> &Value {
        &self.config
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

    /// Parses `tokenizer.json`.
    ///
    /// # Errors
    /// If `tokenizer.json` is missing or damaged.
    pub fn tokenizer(&self) -> Result<Tokenizer> {
        let file = "tokenizer.json";
        if !self.source.has(file) {
            return Err(Error::NoTokenizer { place: self.source.to_string() });
        }
        let content = self.source.read(file, "copy or download it")?;
        let damaged = |cause: String| Error::Tokenizer { file: self.source.locate(file), cause };
        let text = str::from_utf8(&content).map_err(|cause| damaged(cause.to_string()))?;
        // The tokenizers crate parses it with code that is already compiled there, which avoids another copy
        // in this crate.
        text.parse().map_err(|cause: tokenizers::Error| damaged(cause.to_string()))
    }

    /// Loads one decoder block.
    ///
    /// # Errors
    /// As for [`Block::load`].
    pub fn block(&self, layer: usize, device: &Device, dtype: DType) -> Result<Block> {
        Block::load(&self.weights, &self.architecture, layer, device, dtype)
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
        Ok(h.reshape((windows.len(), t, self.architecture.hidden))?)
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
        Rope::new(&self.architecture.rope, self.architecture.head_dim, positions, device, dtype)
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
