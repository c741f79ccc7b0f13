//! Causal self-attention with grouped key-value heads, rotary positions and a sliding window.

use candle_core::{DType, Device, Module, Tensor};
use candle_nn::Linear;

use super::{Result, Rope};

/// Attention scores held at once; bounds the memory of long sequences.
const SCORES_AT_ONCE: usize = 1 << 24;
/// Query rows worked on together: enough for a good product, few enough to skip most of the masked half.
const MOST_QUERY_ROWS: usize = 256;

#[derive(Clone, Debug)]
pub(super) struct Attention {
    /// weight: [heads·head_dim, hidden]
    pub q_proj: Linear,
    /// weight: [kv_heads·head_dim, hidden]
    pub k_proj: Linear,
    /// weight: [kv_heads·head_dim, hidden]
    pub v_proj: Linear,
    /// weight: [hidden, heads·head_dim]
    pub o_proj: Linear,
    /// Query and key norm, each [head_dim].
    pub qk_norm: Option<(Tensor, Tensor)>,
    pub heads: usize,
    pub kv_heads: usize,
    pub head_dim: usize,
    pub window: Option<usize>,
    pub norm_eps: f32,
}

/// The keys and values of the tokens that one block has seen. No `Clone`: copies would write to the same memory.
#[derive(Debug)]
pub struct KvCache(candle_nn::kv_cache::KvCache);

impl KvCache {
    /// Room for `capacity` tokens at first; it grows by as much when full.
    pub fn new(capacity: usize) -> Self {
        Self(candle_nn::kv_cache::KvCache::new(2, capacity.max(1)))
    }

    /// Tokens seen so far.
    pub fn len(&self) -> usize {
        self.0.current_seq_len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Attention {
    /// x: [batch, t, hidden] → [batch, t, heads·head_dim], the input of `o_proj`.
    pub fn context(&self, x: &Tensor, rope: &Rope, cache: Option<&mut KvCache>) -> Result<Tensor> {
        let offset = cache.as_ref().map_or(0, |cache| cache.len());
        let (q_norm, k_norm) = self.qk_norm.as_ref().map(|(q, k)| (q, k)).unzip();
        let q = rope.turn(&self.split(&self.q_proj.forward(x)?, self.heads, q_norm)?, offset)?;
        let k = rope.turn(&self.split(&self.k_proj.forward(x)?, self.kv_heads, k_norm)?, offset)?;
        let v = self.split(&self.v_proj.forward(x)?, self.kv_heads, None)?;
        let (k, v) = match cache {
            Some(cache) => cache.0.append(&k, &v)?,
            None => (k, v),
        };
        self.attend(&q, &k, &v, offset)
    }

    /// x: [batch, t, heads·head_dim] → [batch, heads, t, head_dim], contiguous.
    fn split(&self, x: &Tensor, heads: usize, norm: Option<&Tensor>) -> Result<Tensor> {
        let (batch, t, _) = x.dims3()?;
        let x = x.reshape((batch, t, heads, self.head_dim))?;
        let x = match norm {
            Some(weight) => candle_nn::ops::rms_norm(&x, weight, self.norm_eps)?,
            None => x,
        };
        Ok(x.transpose(1, 2)?.contiguous()?)
    }

    /// q: [batch, heads, t, head_dim]; k, v: [batch, kv_heads, offset + t, head_dim]
    /// → softmax(q kᵀ / √head_dim) v: [batch, t, heads·head_dim]
    ///
    /// The query heads of a group are stacked as rows over their key-value head, so that keys are never repeated.
    fn attend(&self, q: &Tensor, k: &Tensor, v: &Tensor, offset: usize) -> Result<Tensor> {
        let (batch, heads, t, head_dim) = q.dims4()?;
        let dtype = q.dtype();
        let q = (q.to_dtype(DType::F32)? * (head_dim as f64).powf(-0.5))?;
        let (k, v) = (k.to_dtype(DType::F32)?, v.to_dtype(DType::F32)?);

        let rows = (SCORES_AT_ONCE / (batch * heads * (offset + t)).max(1)).clamp(16, MOST_QUERY_ROWS);
        let mut contexts = Vec::with_capacity(t.div_ceil(rows));
        for start in (0..t).step_by(rows) {
            let rows = rows.min(t - start);
            let (first_seen, end) = (self.first_seen(offset + start), offset + start + rows);
            let seen = end - first_seen;
            let q = q.narrow(2, start, rows)?.reshape((batch, self.kv_heads, (), head_dim))?;
            let k = k.narrow(2, first_seen, seen)?.contiguous()?;
            let v = v.narrow(2, first_seen, seen)?.contiguous()?;

            let scores = q.matmul(&k.t()?)?.reshape((batch, heads, rows, seen))?;
            let scores = if rows == 1 {
                scores
            } else {
                scores.broadcast_add(&self.mask(offset + start, rows, first_seen, scores.device())?)?
            };
            let weights = candle_nn::ops::softmax_last_dim(&scores)?;
            let context = weights.reshape((batch, self.kv_heads, (), seen))?.matmul(&v)?;
            contexts.push(context.reshape((batch, heads, rows, head_dim))?.transpose(1, 2)?);
        }
        let context = Tensor::cat(&contexts, 1)?.reshape((batch, t, heads * head_dim))?;
        Ok(context.to_dtype(dtype)?)
    }

    /// The first key that the query at `position` sees.
    fn first_seen(&self, position: usize) -> usize {
        self.window.map_or(0, |window| (position + 1).saturating_sub(window))
    }

    /// [rows, keys]: 0 where the query sees the key, −∞ where it does not; keys from `first_key` to the last query's.
    fn mask(&self, first_query: usize, rows: usize, first_key: usize, device: &Device) -> Result<Tensor> {
        let end = first_query + rows;
        let mask: Vec<f32> = (first_query..end)
            .flat_map(|query| {
                let seen = self.first_seen(query)..=query;
                (first_key..end).map(move |key| if seen.contains(&key) { 0.0 } else { f32::NEG_INFINITY })
            })
            .collect();
        Ok(Tensor::from_vec(mask, (rows, end - first_key), device)?)
    }
}
