//! Reads a written GGUF file back from its own header, with candle's reader.

use std::{
    collections::HashMap,
    fs::File,
    io::BufReader,
    path::{Path, PathBuf},
};

use candle_core::{
    DType, Device, Tensor,
    quantized::gguf_file::{Content, Value},
};

use crate::model::{
    self, Architecture, Block, BlockByBlock, EmbeddingAndHead, Family, LayerSize, Rope, RopeScaling,
    RopeSettings, Tensors, frequencies,
};

use super::{
    super::Error,
    architecture::{LlamaCppArchitecture, Rotation},
    names,
    rows::place_in_pairs,
};

/// A GGUF file with its own sizes and dequantised weights. Like llama.cpp, it is computed without a sliding
/// window.
pub struct GgufModel {
    path: PathBuf,
    content: Content,
    llama_cpp: LlamaCppArchitecture,
    architecture: Architecture,
    /// Divisors of the rotary frequencies.
    rope_factors: Option<Vec<f32>>,
}

impl GgufModel {
    /// Reads the header of a file written by slimgpt.
    ///
    /// # Errors
    /// If the file is missing or truncated, or lacks the keys of a supported architecture.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let content = File::open(path).map_err(candle_core::Error::from);
        let content = content.and_then(|file| Content::read(&mut BufReader::new(file)));
        let content = content.map_err(|cause| damaged(path, cause))?;
        let keys = Keys { path, metadata: &content.metadata };
        let llama_cpp = LlamaCppArchitecture::from_name(keys.text("general.architecture")?);
        let llama_cpp = llama_cpp
            .ok_or_else(|| damaged(path, "its general.architecture is not one that slimgpt writes"))?;
        let architecture = architecture(&keys, &content, llama_cpp)?;
        let mut model = Self { path: path.to_owned(), content, llama_cpp, architecture, rope_factors: None };
        if model.holds(names::ROPE_FACTORS) {
            let pairs = model.architecture.head_dim / 2;
            let factors = model.stored(names::ROPE_FACTORS, &[pairs])?.to_vec1();
            model.rope_factors = Some(factors.map_err(model::Error::from)?);
        }
        Ok(model)
    }

    fn holds(&self, name: &str) -> bool {
        self.content.tensor_infos.contains_key(name)
    }

    /// A tensor in the file's row order, as f32.
    fn stored(&self, name: &str, shape: &[usize]) -> model::Result<Tensor> {
        let place = self.path.display().to_string();
        let Some(info) = self.content.tensor_infos.get(name) else {
            return Err(model::Error::MissingTensor { place, tensor: name.to_owned() });
        };
        if info.shape.dims() != shape {
            let (tensor, found) = (name.to_owned(), info.shape.dims().to_vec());
            return Err(model::Error::Shape { tensor, file: place, expected: shape.to_vec(), found });
        }
        let read = || {
            let mut file = File::open(&self.path)?;
            self.content.tensor(&mut file, name, &Device::Cpu)?.dequantize(&Device::Cpu)
        };
        read().map_err(|cause: candle_core::Error| model::Error::Damaged {
            file: place,
            cause: cause.to_string(),
        })
    }
}

impl Tensors for GgufModel {
    fn tensor(&self, name: &str, shape: &[usize], device: &Device, dtype: DType) -> model::Result<Tensor> {
        let missing = || model::Error::MissingTensor {
            place: self.path.display().to_string(),
            tensor: name.to_owned(),
        };
        let mut tensor = self.stored(&names::in_file(name).ok_or_else(missing)?, shape)?;
        match self.llama_cpp.rotation() {
            Rotation::Pairs if names::is_rotated(name) => {
                let head_dim = self.architecture.head_dim;
                let places: Vec<u32> =
                    (0..shape[0]).map(|row| place_in_pairs(row, head_dim) as u32).collect();
                tensor = tensor.index_select(&Tensor::new(places, &Device::Cpu)?, 0)?;
            }
            Rotation::Pairs | Rotation::Halves => {}
        }
        Ok(tensor.to_device(device)?.to_dtype(dtype)?)
    }
}

impl BlockByBlock for GgufModel {
    fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    fn block(&self, layer: usize, device: &Device, dtype: DType) -> model::Result<Block> {
        Block::load(self, &self.architecture, layer, device, dtype)
    }

    fn embedding_and_head(&self, device: &Device, dtype: DType) -> model::Result<EmbeddingAndHead> {
        EmbeddingAndHead::load(self, &self.architecture, device, dtype)
    }

    fn rope(&self, positions: usize, device: &Device, dtype: DType) -> model::Result<Rope> {
        let Architecture { rope, head_dim, .. } = &self.architecture;
        let mut turns = frequencies(rope, *head_dim);
        for (turn, factor) in turns.iter_mut().zip(self.rope_factors.iter().flatten()) {
            *turn /= factor;
        }
        Rope::turning(&turns, positions, device, dtype)
    }
}

fn damaged(path: &Path, cause: impl ToString) -> Error {
    model::Error::Damaged { file: path.display().to_string(), cause: cause.to_string() }.into()
}

/// The architecture given by the metadata. Biases and a tied head are inferred from the tensors in the file.
fn architecture(
    keys: &Keys,
    content: &Content,
    llama_cpp: LlamaCppArchitecture,
) -> Result<Architecture, Error> {
    let key = |name: &str| format!("{}.{name}", llama_cpp.name());
    let count = |name: &str| keys.count(&key(name));
    let layers = count("block_count")?;
    let per_layer = |name: &str| keys.counts(&key(name), layers);
    let (heads, kv_heads, channels) = (
        per_layer("attention.head_count")?,
        per_layer("attention.head_count_kv")?,
        per_layer("feed_forward_length")?,
    );
    let sizes = heads.into_iter().zip(kv_heads).zip(channels);
    let holds = |name: &str| content.tensor_infos.contains_key(name);
    let scaling = match keys.metadata.get(&key("rope.scaling.factor")) {
        Some(_) => RopeScaling::Linear { factor: keys.number(&key("rope.scaling.factor"))? },
        None => RopeScaling::None,
    };
    Ok(Architecture {
        family: match llama_cpp {
            LlamaCppArchitecture::Llama | LlamaCppArchitecture::Deci => Family::Llama,
            LlamaCppArchitecture::Qwen2 => Family::Qwen2,
            LlamaCppArchitecture::Qwen3 => Family::Qwen3,
        },
        hidden: count("embedding_length")?,
        head_dim: count("attention.key_length")?,
        vocab: count("vocab_size")?,
        layers: sizes.map(|((heads, kv_heads), channels)| LayerSize { heads, kv_heads, channels }).collect(),
        norm_eps: keys.number(&key("attention.layer_norm_rms_epsilon"))?,
        rope: RopeSettings { theta: keys.number(&key("rope.freq_base"))?, scaling },
        sliding_window: None,
        windowed_from: 0,
        qkv_bias: holds("blk.0.attn_q.bias"),
        o_bias: holds("blk.0.attn_output.bias"),
        mlp_bias: holds("blk.0.ffn_up.bias"),
        qk_norm: holds("blk.0.attn_q_norm.weight"),
        tied: !holds("output.weight"),
        max_positions: count("context_length")?,
        bos: keys.count("tokenizer.ggml.bos_token_id").ok().map(|id| id as u32),
        eos: keys.count("tokenizer.ggml.eos_token_id").ok().map(|id| id as u32).into_iter().collect(),
    })
}

/// Typed access to the metadata.
struct Keys<'a> {
    path: &'a Path,
    metadata: &'a HashMap<String, Value>,
}

impl<'a> Keys<'a> {
    fn value(&self, key: &str) -> Result<&'a Value, Error> {
        self.metadata.get(key).ok_or_else(|| damaged(self.path, format!("it has no {key}")))
    }

    fn text(&self, key: &str) -> Result<&'a str, Error> {
        let text = self.value(key)?.to_string();
        text.map(String::as_str).map_err(|cause| damaged(self.path, format!("{key}: {cause}")))
    }

    fn count(&self, key: &str) -> Result<usize, Error> {
        let count = self.value(key)?.to_u32();
        count.map(|count| count as usize).map_err(|cause| damaged(self.path, format!("{key}: {cause}")))
    }

    fn number(&self, key: &str) -> Result<f64, Error> {
        let number = self.value(key)?.to_f32();
        number.map(f64::from).map_err(|cause| damaged(self.path, format!("{key}: {cause}")))
    }

    /// One count per layer, from a list or from a single number for all layers.
    fn counts(&self, key: &str, layers: usize) -> Result<Vec<usize>, Error> {
        let Ok(list) = self.value(key)?.to_vec() else { return Ok(vec![self.count(key)?; layers]) };
        let counts: candle_core::Result<Vec<usize>> =
            list.iter().map(|value| value.to_u32().map(|count| count as usize)).collect();
        let counts = counts.map_err(|cause| damaged(self.path, format!("{key}: {cause}")))?;
        if counts.len() == layers {
            Ok(counts)
        } else {
            Err(damaged(self.path, format!("{key} has {} entries for {layers} layers", counts.len())))
        }
    }
}
