//! A checkpoint opened: configuration, headers checked, parts loaded one by one.

use candle_core::{DType, Device, Tensor};
use serde_json::Value;
use tokenizers::Tokenizer;

use super::{
    Architecture, Block, Decoder, EmbeddingAndHead, Error, Result, Rope, Source, Weights,
    embedding_and_head::{EMBEDDING, window_length},
    layout,
};

/// A checkpoint whose headers agree with its `config.json`; weights are read when a part is loaded.
#[derive(Debug)]
pub struct Checkpoint {
    source: Source,
    name: String,
    config: Value,
    architecture: Architecture,
    weights: Weights,
}

impl Checkpoint {
    /// Opens a checkpoint and checks that every tensor of its architecture is there with the right shape and type.
    /// Reads headers only.
    ///
    /// # Errors
    /// The first thing found wrong, with file and tensor.
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

    /// What to call the model: its hub id or its directory's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn source(&self) -> &Source {
        &self.source
    }

    pub fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    /// `config.json` as it is.
    pub fn config(&self) -> &Value {
        &self.config
    }

    pub fn weights(&self) -> &Weights {
        &self.weights
    }

    /// F32, F16 or BF16: how a tensor is stored.
    ///
    /// # Errors
    /// A missing tensor.
    pub fn storage_dtype(&self, tensor: &str) -> Result<DType> {
        self.weights.storage_dtype(tensor)
    }

    /// How a bias is stored, or would be if there were one: as the weight is that it belongs to.
    ///
    /// # Errors
    /// Neither a bias nor its weight.
    pub fn bias_dtype(&self, bias: &str) -> Result<DType> {
        let weight = bias.strip_suffix(".bias").map(|stem| format!("{stem}.weight"));
        let there = layout::has_bias(&self.architecture, bias);
        self.storage_dtype(weight.as_deref().filter(|_| !there).unwrap_or(bias))
    }

    /// # Errors
    /// No `tokenizer.json`, or one that is damaged.
    pub fn tokenizer(&self) -> Result<Tokenizer> {
        let file = "tokenizer.json";
        if !self.source.has(file) {
            return Err(Error::NoTokenizer { place: self.source.to_string() });
        }
        let content = self.source.read(file, "copy or download it")?;
        let damaged = |cause: String| Error::Tokenizer { file: self.source.locate(file), cause };
        let text = str::from_utf8(&content).map_err(|cause| damaged(cause.to_string()))?;
        // Parsed by what the tokenizers crate has compiled, not by another copy for this crate.
        text.parse().map_err(|cause: tokenizers::Error| damaged(cause.to_string()))
    }

    /// Loads one decoder block.
    ///
    /// # Errors
    /// As [`Block::load`].
    pub fn block(&self, layer: usize, device: &Device, dtype: DType) -> Result<Block> {
        Block::load(&self.weights, &self.architecture, layer, device, dtype)
    }

    /// Loads what stands before the first block and after the last.
    ///
    /// # Errors
    /// As [`EmbeddingAndHead::load`].
    pub fn embedding_and_head(&self, device: &Device, dtype: DType) -> Result<EmbeddingAndHead> {
        EmbeddingAndHead::load(&self.weights, &self.architecture, device, dtype)
    }

    /// Windows of equally many tokens → h: [windows, t, hidden], what enters the first block. Reads the rows of these tokens
    /// alone.
    ///
    /// # Errors
    /// As [`EmbeddingAndHead::embed`], and as [`Weights::rows`].
    pub fn embed(&self, windows: &[&[u32]], device: &Device, dtype: DType) -> Result<Tensor> {
        let t = window_length(windows, self.architecture.vocab)?;
        let h = self.weights.rows(EMBEDDING, &windows.concat(), device, dtype)?;
        Ok(h.reshape((windows.len(), t, self.architecture.hidden))?)
    }

    /// Memory that the stored bytes of a block took when they were read is free again.
    pub fn give_back(&self, layer: usize) {
        let slots = layout::block(&self.architecture, layer);
        self.weights.give_back(slots.iter().map(|slot| slot.name.as_str()));
    }

    /// Rotary tables for this many positions.
    ///
    /// # Errors
    /// What the device fails with.
    pub fn rope(&self, positions: usize, device: &Device, dtype: DType) -> Result<Rope> {
        Rope::new(&self.architecture.rope, self.architecture.head_dim, positions, device, dtype)
    }

    /// Loads the whole model, for sequences of up to `positions` tokens.
    ///
    /// # Errors
    /// As [`Block::load`] and [`EmbeddingAndHead::load`].
    pub fn decoder(&self, positions: usize, device: &Device, dtype: DType) -> Result<Decoder> {
        let blocks = (0..self.architecture.layers.len()).map(|layer| self.block(layer, device, dtype));
        Ok(Decoder::new(
            self.embedding_and_head(device, dtype)?,
            blocks.collect::<Result<_>>()?,
            self.rope(positions, device, dtype)?,
        ))
    }
}
