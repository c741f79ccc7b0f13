//! Causal self-attention with grouped key-value heads, rotary positions and a sliding window.

use candle_core::{Module, Tensor};
use candle_nn::Linear;

use super::{Result, Rope, attend::attend, attention_mask::Scoring};

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
    /// Query and key norm: [head_dim], or the width of the projection.
    pub qk_norm: Option<(Tensor, Tensor)>,
    pub heads: usize,
    pub kv_heads: usize,
    pub head_dim: usize,
    pub rotated: bool,
    pub scoring: Scoring,
    pub norm_eps: f32,
}

/// The keys and values of the tokens that one block has processed. It is not `Clone`, because copies would
/// share the memory.
#[derive(Debug)]
pub struct KvCache(candle_nn::kv_cache::KvCache);

impl KvCache {
    /// An empty cache with room for `capacity` tokens. A full cache grows by the same amount.
    pub fn new(capacity: usize) -> Self {
        Self(candle_nn::kv_cache::KvCache::new(2, capacity.max(1)))
    }

    /// Number of tokens processed so far.
    pub fn len(&self) -> usize {
        self.0.current_seq_len()
    }

    /// Whether no token has been processed.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Attention {
    /// x: [batch, t, hidden] → [batch, t, heads·head_dim], the input of `o_proj`.
    pub fn context(&self, x: &Tensor, rope: &Rope, cache: Option<&mut KvCache>) -> Result<Tensor> {
        let offset = cache.as_ref().map_or(0, |cache| cache.len());
        let (q_norm, k_norm) = self.qk_norm.as_ref().map(|(q, k)| (q, k)).unzip();
        let windowed = self.scoring.mask.window.is_some();
        let turn = |x: Tensor| if self.rotated { rope.turn(&x, offset, windowed) } else { Ok(x) };
        let q = turn(self.split(&self.q_proj.forward(x)?, self.heads, q_norm)?)?;
        let k = turn(self.split(&self.k_proj.forward(x)?, self.kv_heads, k_norm)?)?;
        let v = self.split(&self.v_proj.forward(x)?, self.kv_heads, None)?;
        let (q, k, v) = (q.transpose(1, 2)?, k.transpose(1, 2)?, v.transpose(1, 2)?);
        let (k, v) = match cache {
            Some(cache) => cache.0.append(&k.contiguous()?, &v.contiguous()?)?,
            None => (k, v),
        };
        attend(&q, &k, &v, offset, self.scoring)
    }

    /// x: [batch, t, heads·head_dim] → [batch, t, heads, head_dim].
    pub fn split(&self, x: &Tensor, heads: usize, norm: Option<&Tensor>) -> Result<Tensor> {
        let (batch, t, _) = x.dims3()?;
        let split = (batch, t, heads, self.head_dim);
        Ok(match norm {
            Some(weight) if weight.elem_count() == self.head_dim => {
                candle_nn::ops::rms_norm(&x.reshape(split)?, weight, self.norm_eps)?
            }
            Some(weight) => candle_nn::ops::rms_norm(x, weight, self.norm_eps)?.reshape(split)?,
            None => x.reshape(split)?,
        })
    }
}
