//! The backward pass of softmax(scale · q kᵀ) v under the causal mask. Weights are computed again, a few query rows at a
//! time.

use candle_core::{D, Tensor};

use super::{
    super::super::{Result, attention_mask::Scoring, vector_jacobian::wide},
    trace::AttentionTrace,
};

/// Number of query rows that are processed together.
const QUERY_ROWS: usize = 256;

/// The gradients at queries, keys and values, [batch, t, heads, head_dim] each, from that at the contexts: `at` [batch, t,
/// heads·head_dim]. With P the weights and S the scores before the mask: dV = Pᵀ dO, dP = dO Vᵀ, dS = P ∘ (dP − rowsum(dP ∘
/// P)), and a cap multiplies dS by 1 − (S/cap)².
pub fn gradients(scoring: Scoring, trace: &AttentionTrace, at: &Tensor) -> Result<[Tensor; 3]> {
    let Scoring { scale, cap, mask } = scoring;
    let (batch, t, heads, head_dim) = trace.q.dims4()?;
    let kv_heads = trace.k.dim(2)?;
    let group = heads / kv_heads;
    let by_head = |x: &Tensor, heads| -> Result<Tensor> {
        Ok(wide(x)?.reshape((batch, t, heads, head_dim))?.transpose(1, 2)?.contiguous()?)
    };
    let (q, k, v) = (by_head(&trace.q, heads)?, by_head(&trace.k, kv_heads)?, by_head(&trace.v, kv_heads)?);
    let at = by_head(at, heads)?;
    let mut at_q = Vec::new();
    let mut at_k = k.zeros_like()?;
    let mut at_v = v.zeros_like()?;
    for start in (0..t).step_by(QUERY_ROWS) {
        let rows = QUERY_ROWS.min(t - start);
        let first_key = mask.first_visible(start);
        let visible = start + rows - first_key;
        // The query heads of a group lie one below the other.
        let grouped = |x: &Tensor| -> Result<Tensor> {
            Ok(x.narrow(2, start, rows)?.contiguous()?.reshape((batch, kv_heads, group * rows, head_dim))?)
        };
        let keys = |x: &Tensor| -> Result<Tensor> { Ok(x.narrow(2, first_key, visible)?.contiguous()?) };
        let (q, at, k, v) = (grouped(&q)?, grouped(&at)?, keys(&k)?, keys(&v)?);
        let scores = (q.matmul(&k.t()?)? * f64::from(scale))?;
        let (scores, slope) = match cap {
            Some(cap) => {
                let tanh = (scores / f64::from(cap))?.tanh()?;
                ((&tanh * f64::from(cap))?, Some((1.0 - tanh.sqr()?)?))
            }
            None => (scores, None),
        };
        let by_query = (batch, heads, rows, visible);
        let masked = scores.reshape(by_query)?.broadcast_add(&mask.matrix(
            start,
            rows,
            first_key,
            scores.device(),
        )?)?;
        let weights =
            candle_nn::ops::softmax_last_dim(&masked)?.reshape((batch, kv_heads, group * rows, visible))?;
        let at_weights = at.matmul(&v.t()?)?;
        let along = (&at_weights * &weights)?.sum_keepdim(D::Minus1)?;
        let at_scores = (&weights * at_weights.broadcast_sub(&along)?)?;
        let at_scores = match slope {
            Some(slope) => (at_scores * slope)?,
            None => at_scores,
        };
        let at_scores = (at_scores * f64::from(scale))?;
        at_q.push(at_scores.matmul(&k)?.reshape((batch, heads, rows, head_dim))?);
        let before = |x: Tensor| x.pad_with_zeros(2, first_key, t - first_key - visible);
        at_k = (at_k + before(at_scores.t()?.matmul(&q)?)?)?;
        at_v = (at_v + before(weights.t()?.matmul(&at)?)?)?;
    }
    let by_token = |x: &Tensor| -> Result<Tensor> { Ok(x.transpose(1, 2)?.contiguous()?) };
    Ok([by_token(&Tensor::cat(&at_q, 2)?)?, by_token(&at_k)?, by_token(&at_v)?])
}
