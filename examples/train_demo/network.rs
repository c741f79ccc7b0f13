//! A Llama for training, with q, k, v as one matrix and gate, up as one. They are split under their public names
//! when saved.

use std::{collections::HashMap, path::Path};

use candle_core::{DType, Device, Result, Tensor, Var};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::attention::{Attention, HEAD_DIM};
use crate::fused::{CrossEntropy, RmsNorm, SwiGlu};

pub const LAYERS: usize = 12;
pub const HEADS: usize = 8;
pub const HIDDEN: usize = HEADS * HEAD_DIM;
pub const FFN: usize = 320;
pub const ROPE_THETA: f64 = 10_000.0;
pub const EPS: f64 = 1e-5;

struct Block {
    /// [hidden]
    input_norm: Var,
    /// [3·hidden, hidden]
    qkv: Var,
    /// [hidden, hidden]
    out: Var,
    /// [hidden]
    ffn_norm: Var,
    /// [2·ffn, hidden]
    gate_up: Var,
    /// [hidden, ffn]
    down: Var,
}

pub struct Network {
    /// [vocabulary, hidden], also the output matrix.
    embedding: Var,
    blocks: Vec<Block>,
    /// [hidden]
    norm: Var,
}

/// Normally distributed values with standard deviation `std`, by the Box–Muller transform.
fn normal(rng: &mut ChaCha8Rng, rows: usize, columns: usize, std: f32) -> Result<Var> {
    let values: Vec<f32> = (0..rows * columns)
        .map(|_| {
            let (u, v): (f32, f32) = (rng.random(), rng.random());
            std * (-2.0 * (1.0 - u).ln()).sqrt() * (std::f32::consts::TAU * v).cos()
        })
        .collect();
    Var::from_vec(values, (rows, columns), &Device::Cpu)
}

impl Network {
    /// Initial weights. Matrices that write to the residual stream are smaller by √(2·layers).
    pub fn new(rng: &mut ChaCha8Rng, vocabulary: usize) -> Result<Self> {
        let (inner, residual) = (0.06, 0.06 / (2.0 * LAYERS as f32).sqrt());
        let ones = || Var::ones(HIDDEN, DType::F32, &Device::Cpu);
        let mut block = || {
            Ok(Block {
                input_norm: ones()?,
                qkv: normal(rng, 3 * HIDDEN, HIDDEN, inner)?,
                out: normal(rng, HIDDEN, HIDDEN, residual)?,
                ffn_norm: ones()?,
                gate_up: normal(rng, 2 * FFN, HIDDEN, inner)?,
                down: normal(rng, HIDDEN, FFN, residual)?,
            })
        };
        let blocks = (0..LAYERS).map(|_| block()).collect::<Result<Vec<_>>>()?;
        Ok(Self { embedding: normal(rng, vocabulary, HIDDEN, 0.04)?, blocks, norm: ones()? })
    }

    pub fn matrices(&self) -> Vec<Var> {
        let inner = self.blocks.iter().flat_map(|b| [&b.qkv, &b.out, &b.gate_up, &b.down]);
        std::iter::once(&self.embedding).chain(inner).cloned().collect()
    }

    pub fn norms(&self) -> Vec<Var> {
        let inner = self.blocks.iter().flat_map(|b| [&b.input_norm, &b.ffn_norm]);
        std::iter::once(&self.norm).chain(inner).cloned().collect()
    }

    /// tokens: n ids, a whole number of sequences of `seq_len` → logits [n, vocabulary].
    pub fn logits(&self, tokens: &[u32], seq_len: usize) -> Result<Tensor> {
        let norm = |x: &Tensor, w: &Var| x.apply_op2(w.as_tensor(), RmsNorm { eps: EPS as f32 });
        let ids = Tensor::from_slice(tokens, tokens.len(), &Device::Cpu)?;
        let mut x = self.embedding.index_select(&ids, 0)?;
        for b in &self.blocks {
            let qkv = norm(&x, &b.input_norm)?.matmul(&b.qkv.t()?)?;
            let heads = qkv.apply_op1(Attention { heads: HEADS, seq_len, rope_theta: ROPE_THETA as f32 })?;
            x = (x + heads.matmul(&b.out.t()?)?)?;
            let gate_up = norm(&x, &b.ffn_norm)?.matmul(&b.gate_up.t()?)?;
            x = (x + gate_up.apply_op1(SwiGlu)?.matmul(&b.down.t()?)?)?;
        }
        norm(&x, &self.norm)?.matmul(&self.embedding.t()?)
    }

    /// Mean negative log-likelihood in nats per token, as a scalar tensor.
    pub fn loss(&self, tokens: &[u32], targets: Vec<u32>, seq_len: usize) -> Result<Tensor> {
        self.logits(tokens, seq_len)?.apply_op1(CrossEntropy { targets })
    }

    /// Writes F16 tensors under the names used by a Hugging Face Llama with tied embeddings.
    pub fn save(&self, path: &Path) -> Result<()> {
        let mut tensors: HashMap<String, Tensor> = HashMap::new();
        let mut put = |name: String, tensor: &Tensor| {
            tensors.insert(name, tensor.to_dtype(DType::F16)?.contiguous()?);
            Result::Ok(())
        };
        put("model.embed_tokens.weight".into(), &self.embedding)?;
        put("model.norm.weight".into(), &self.norm)?;
        for (i, b) in self.blocks.iter().enumerate() {
            let at = format!("model.layers.{i}");
            put(format!("{at}.input_layernorm.weight"), &b.input_norm)?;
            for (k, name) in ["q_proj", "k_proj", "v_proj"].into_iter().enumerate() {
                put(format!("{at}.self_attn.{name}.weight"), &b.qkv.narrow(0, k * HIDDEN, HIDDEN)?)?;
            }
            put(format!("{at}.self_attn.o_proj.weight"), &b.out)?;
            put(format!("{at}.post_attention_layernorm.weight"), &b.ffn_norm)?;
            for (k, name) in ["gate_proj", "up_proj"].into_iter().enumerate() {
                put(format!("{at}.mlp.{name}.weight"), &b.gate_up.narrow(0, k * FFN, FFN)?)?;
            }
            put(format!("{at}.mlp.down_proj.weight"), &b.down)?;
        }
        candle_core::safetensors::save(&tensors, path)
    }

    /// Reads a network written by [`Network::save`].
    pub fn load(path: &Path) -> Result<Self> {
        let tensors = candle_core::safetensors::load(path, &Device::Cpu)?;
        let get = |names: &[String]| {
            let parts: Vec<_> = names.iter().filter_map(|name| tensors.get(name)).collect();
            Var::from_tensor(&Tensor::cat(&parts, 0)?.to_dtype(DType::F32)?)
        };
        let block = |i: usize| {
            let names = |names: &[&str]| -> Vec<_> {
                names.iter().map(|name| format!("model.layers.{i}.{name}.weight")).collect()
            };
            Ok(Block {
                input_norm: get(&names(&["input_layernorm"]))?,
                qkv: get(&names(&["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"]))?,
                out: get(&names(&["self_attn.o_proj"]))?,
                ffn_norm: get(&names(&["post_attention_layernorm"]))?,
                gate_up: get(&names(&["mlp.gate_proj", "mlp.up_proj"]))?,
                down: get(&names(&["mlp.down_proj"]))?,
            })
        };
        let blocks = (0..LAYERS).map(block).collect::<Result<Vec<_>>>()?;
        Ok(Self {
            embedding: get(&["model.embed_tokens.weight".into()])?,
            blocks,
            norm: get(&["model.norm.weight".into()])?,
        })
    }
}
