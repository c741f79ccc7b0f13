//! A LLaMA checkpoint of any shape with random weights, written tensor by tensor.
//!
//! Numbers are uniform with variance 1/inputs (1 in the embedding; norms are 1), so activations have a similar size
//! in all layers. Each stretch of numbers has its own random stream, so equal shapes and seeds give equal bytes for
//! any number of threads.

use std::{borrow::Cow, collections::BTreeMap, error::Error, fs, iter, mem, path::Path};

use half::{bf16, f16};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use safetensors::{Dtype, View, serialize_to_file};
use serde_json::{Value, json};
use slimgpt::{
    config::ByteSize,
    model::{Architecture, Precision, Slot},
};
use tokenizers::pre_tokenizers::byte_level::ByteLevel;

/// Number of elements drawn from one stream.
const RUN: usize = 1 << 18;
/// The tokens are bytes.
const SMALLEST_VOCABULARY: usize = 256;

#[derive(Clone, Debug, clap::Args)]
pub struct Shape {
    /// Hidden size
    #[arg(long, default_value_t = 256)]
    pub hidden: usize,
    /// Query heads; a divisor of the hidden size
    #[arg(long, default_value_t = 4)]
    pub heads: usize,
    /// Key-value heads [default: as many as query heads]
    #[arg(long)]
    pub kv_heads: Option<usize>,
    /// FFN channels
    #[arg(long, default_value_t = 688)]
    pub ffn: usize,
    #[arg(long, default_value_t = 2)]
    pub layers: usize,
    /// Rows of embedding and head, at least 256; the tokenizer uses the first 256, one per byte
    #[arg(long, default_value_t = 1024)]
    pub vocab: usize,
    /// Context length in the configuration
    #[arg(long, default_value_t = 4096)]
    pub positions: usize,
    /// Number type of the weights
    #[arg(long, default_value_t = Precision::F32)]
    pub dtype: Precision,
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Maximum size of a weight file, unless a single tensor is larger
    #[arg(long, default_value = "2GiB")]
    pub shard: ByteSize,
}

impl Shape {
    /// The shape of LLaMA-7B blocks (hidden 4096, 32 heads, 11008 channels) in f32.
    pub fn of_7b(layers: usize) -> Self {
        Self { hidden: 4096, heads: 32, ffn: 11008, layers, vocab: 32_000, ..Self::small(layers) }
    }

    /// The same proportions with hidden size 256.
    pub fn small(layers: usize) -> Self {
        Self {
            hidden: 256,
            heads: 4,
            kv_heads: None,
            ffn: 688,
            layers,
            vocab: 1024,
            positions: 4096,
            dtype: Precision::F32,
            seed: 0,
            shard: ByteSize(2 << 30),
        }
    }
}

/// Writes `config.json`, weights and tokenizer to the new directory `out`.
///
/// # Errors
/// If the shape is invalid, the directory exists, or the disk is full.
pub fn write(shape: &Shape, out: &Path) -> Result<(), Box<dyn Error>> {
    if shape.vocab < SMALLEST_VOCABULARY {
        let found = shape.vocab;
        return Err(format!(
            "--vocab {found}: the tokenizer needs at least {SMALLEST_VOCABULARY}; use a larger number"
        )
        .into());
    }
    if shape.heads == 0 || !shape.hidden.is_multiple_of(shape.heads) {
        let Shape { hidden, heads, .. } = shape;
        return Err(format!(
            "--heads {heads}: expected a divisor of the hidden size {hidden}; use another number"
        )
        .into());
    }
    let config = config(shape);
    let architecture = Architecture::from_config(&config)?;
    fs::create_dir(out).map_err(|cause| {
        format!("{}: cannot be created ({cause}); choose a directory that does not exist", out.display())
    })?;
    fs::write(out.join("config.json"), format!("{config:#}\n"))?;
    fs::write(out.join("tokenizer.json"), format!("{:#}\n", tokenizer()))?;
    write_weights(shape, &architecture, out)
}

fn config(shape: &Shape) -> Value {
    json!({
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_act": "silu",
        "hidden_size": shape.hidden,
        "intermediate_size": shape.ffn,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "num_key_value_heads": shape.kv_heads.unwrap_or(shape.heads),
        "head_dim": shape.hidden / shape.heads,
        "max_position_embeddings": shape.positions,
        "rms_norm_eps": 1e-5,
        "rope_theta": 10000.0,
        "attention_bias": false,
        "mlp_bias": false,
        "tie_word_embeddings": false,
        "vocab_size": shape.vocab,
        "torch_dtype": match shape.dtype {
            Precision::F32 => "float32",
            Precision::F16 => "float16",
            Precision::BF16 => "bfloat16",
        },
    })
}

/// A tokenizer with one token per byte and no merges.
fn tokenizer() -> Value {
    let mut alphabet: Vec<char> = ByteLevel::alphabet().into_iter().collect();
    alphabet.sort_unstable();
    let vocabulary: BTreeMap<String, usize> = alphabet.iter().map(char::to_string).zip(0..).collect();
    let byte_level =
        json!({ "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true });
    json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": [],
        "normalizer": null,
        "pre_tokenizer": byte_level,
        "post_processor": byte_level,
        "decoder": byte_level,
        "model": {
            "type": "BPE",
            "dropout": null,
            "unk_token": null,
            "continuing_subword_prefix": null,
            "end_of_word_suffix": null,
            "fuse_unk": false,
            "byte_fallback": false,
            "vocab": vocabulary,
            "merges": [],
        },
    })
}

fn write_weights(shape: &Shape, architecture: &Architecture, out: &Path) -> Result<(), Box<dyn Error>> {
    let (mut shards, mut shard) = (Vec::new(), Vec::new());
    let (mut held, mut total) = (0, 0);
    for (slot, index) in architecture.tensors().into_iter().zip(0..) {
        let tensor = Random { slot, dtype: shape.dtype, seed: shape.seed, index };
        let bytes = (&tensor).data_len();
        if held > 0 && (held + bytes) as u64 > shape.shard.0 {
            shards.push(mem::take(&mut shard));
            held = 0;
        }
        held += bytes;
        total += bytes;
        shard.push(tensor);
    }
    shards.push(shard);
    let count = shards.len();
    let mut weight_map = BTreeMap::new();
    for (index, shard) in shards.iter().enumerate() {
        let name = match count {
            1 => "model.safetensors".to_string(),
            _ => format!("model-{:05}-of-{count:05}.safetensors", index + 1),
        };
        let metadata = [("format".to_string(), "pt".to_string())].into();
        let tensors = shard.iter().map(|tensor| (tensor.slot.name.as_str(), tensor));
        serialize_to_file(tensors, Some(metadata), &out.join(&name))?;
        weight_map.extend(shard.iter().map(|tensor| tensor.slot.name.clone()).zip(iter::repeat(name)));
    }
    if count > 1 {
        let index = json!({ "metadata": { "total_size": total }, "weight_map": weight_map });
        fs::write(out.join("model.safetensors.index.json"), format!("{index:#}\n"))?;
    }
    Ok(())
}

/// A tensor whose numbers are drawn during writing.
struct Random {
    slot: Slot,
    dtype: Precision,
    seed: u64,
    /// Index of the tensor in the model.
    index: u64,
}

impl Random {
    /// The bound of the uniform numbers; None if all are 1.
    fn bound(&self) -> Option<f32> {
        let inputs = match self.slot.shape[..] {
            [_, inputs] if self.slot.name != "model.embed_tokens.weight" => inputs as f32,
            [_, _] => 1.0,
            _ => return None,
        };
        Some((3.0 / inputs).sqrt())
    }

    fn number_bytes(&self) -> usize {
        match self.dtype {
            Precision::F32 => 4,
            Precision::F16 | Precision::BF16 => 2,
        }
    }
}

impl View for &Random {
    fn dtype(&self) -> Dtype {
        match self.dtype {
            Precision::F32 => Dtype::F32,
            Precision::F16 => Dtype::F16,
            Precision::BF16 => Dtype::BF16,
        }
    }

    fn shape(&self) -> &[usize] {
        &self.slot.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        let size = self.number_bytes();
        let mut bytes = vec![0; self.data_len()];
        bytes.par_chunks_mut(RUN * size).enumerate().for_each(|(at, run)| {
            let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
            rng.set_stream(self.index << 32 | at as u64);
            let scale = self.bound().map(|bound| bound / 2f32.powi(31));
            for out in run.chunks_exact_mut(size) {
                let value = scale.map_or(1.0, |scale| rng.next_u32().cast_signed() as f32 * scale);
                match self.dtype {
                    Precision::F32 => out.copy_from_slice(&value.to_le_bytes()),
                    Precision::F16 => out.copy_from_slice(&f16::from_f32(value).to_le_bytes()),
                    Precision::BF16 => out.copy_from_slice(&bf16::from_f32(value).to_le_bytes()),
                }
            }
        });
        bytes.into()
    }

    fn data_len(&self) -> usize {
        self.slot.shape.iter().product::<usize>() * self.number_bytes()
    }
}
