//! The backward pass of attention: weights are computed again, for a few query rows of one head at a time.

use faer::{Accum, MatMut, MatRef};
use rayon::prelude::*;

use super::{
    super::{
        super::attention_mask::Scoring,
        buffers::Buffer,
        elementwise::{slopes, softmax},
    },
    Heads, MOST_QUERY_ROWS, MOST_SCORES, Strided, multiply_tile,
};

/// Gradients at queries, keys and values: [windows, t, heads, head_dim] each, with the query or the key-value heads.
pub struct AtProjected {
    pub q: Buffer,
    pub k: Buffer,
    pub v: Buffer,
}

/// The gradients at queries, keys and values of all windows, for each gradient `at` the contexts: [windows, t,
/// heads·head_dim].
///
/// With P the weights and S the scores: dV = Pᵀ dO, dP = dO Vᵀ, dS = P ∘ (dP − rowsum(dP ∘ P)), dQ = dS K, dK = dSᵀ Q. A cap
/// multiplies dS by 1 − (S/cap)². All draws share P.
pub fn attend_backward(
    inputs: [Strided<'_>; 3],
    sizes: Heads,
    scoring: Scoring,
    t: usize,
    at: &[&[f32]],
) -> Vec<AtProjected> {
    let Heads { heads, kv_heads, head_dim } = sizes;
    let Some(tokens) = at.first().map(|at| at.len() / (heads * head_dim)) else { return Vec::new() };
    let windows = tokens / t;
    let new = |heads: usize| Buffer::of(tokens * heads * head_dim);
    // By draw: [windows, heads, t, head_dim] of each query head, in tasks of one head of one window.
    let mut by_head: Vec<[Buffer; 3]> = at.iter().map(|_| [new(heads), new(heads), new(heads)]).collect();
    let length = t * head_dim;
    let mut tasks: Vec<Vec<[&mut [f32]; 3]>> =
        (0..windows * heads).map(|_| Vec::with_capacity(at.len())).collect();
    for [q, k, v] in &mut by_head {
        let heads = q.chunks_mut(length).zip(k.chunks_mut(length)).zip(v.chunks_mut(length));
        tasks.iter_mut().zip(heads).for_each(|(task, ((q, k), v))| task.push([q, k, v]));
    }
    tasks.into_par_iter().enumerate().for_each(|(task, out)| {
        head(inputs, sizes, scoring, t, (task / heads, task % heads), at, out);
    });
    let joined = |[q, k, v]: [Buffer; 3]| {
        let mut joined = AtProjected { q: new(heads), k: new(kv_heads), v: new(kv_heads) };
        join(&q, t, (heads, heads), head_dim, &mut joined.q);
        join(&k, t, (heads, kv_heads), head_dim, &mut joined.k);
        join(&v, t, (heads, kv_heads), head_dim, &mut joined.v);
        joined
    };
    by_head.into_iter().map(joined).collect()
}

/// x: [windows, heads, t, head_dim] → out: [windows, t, kv_heads, head_dim], the sums over the query heads of each group.
fn join(x: &[f32], t: usize, (heads, kv_heads): (usize, usize), head_dim: usize, out: &mut [f32]) {
    /// Tokens per task.
    const TOKENS: usize = 64;
    let (width, group) = (kv_heads * head_dim, heads / kv_heads);
    out.par_chunks_mut(t * width).zip(x.par_chunks(heads * t * head_dim)).for_each(|(out, x)| {
        out.par_chunks_mut(TOKENS * width).enumerate().for_each(|(task, out)| {
            for (token, out) in out.chunks_exact_mut(width).enumerate() {
                let token = task * TOKENS + token;
                for (kv_head, out) in out.chunks_exact_mut(head_dim).enumerate() {
                    let of_head = |head: usize| &x[(head * t + token) * head_dim..][..head_dim];
                    out.copy_from_slice(of_head(kv_head * group));
                    for head in kv_head * group + 1..(kv_head + 1) * group {
                        out.iter_mut().zip(of_head(head)).for_each(|(out, x)| *out += x);
                    }
                }
            }
        });
    });
}

/// One query head of one window; out: gradients at its queries, keys and values by draw, [t, head_dim] each.
fn head(
    [q, k, v]: [Strided<'_>; 3],
    sizes: Heads,
    scoring: Scoring,
    t: usize,
    (window, head): (usize, usize),
    at: &[&[f32]],
    mut out: Vec<[&mut [f32]; 3]>,
) {
    let Heads { heads, kv_heads, head_dim } = sizes;
    let group = heads / kv_heads;
    for [_, k, v] in &mut out {
        k.fill(0.0);
        v.fill(0.0);
    }
    let rows = (MOST_SCORES / t).clamp(1, MOST_QUERY_ROWS);
    for first in (0..t).step_by(rows) {
        let count = rows.min(t - first);
        let first_key = scoring.mask.first_visible(first);
        let visible = first + count - first_key;
        let q = q.rows(window, head, (first, count), head_dim);
        let k = k.rows(window, head / group, (first_key, visible), head_dim);
        let v = v.rows(window, head / group, (first_key, visible), head_dim);
        let mut weights = Buffer::of(count * visible);
        let product = MatMut::from_row_major_slice_mut(&mut weights, count, visible);
        multiply_tile(product, Accum::Replace, q, k.transpose(), 1.0);
        let slope = weights_and_slopes(scoring, (first, first_key), visible, &mut weights);
        let p = MatRef::from_row_major_slice(&weights, count, visible);
        let mut at_scores = Buffer::of(count * visible);
        for (at, [at_q, at_k, at_v]) in at.iter().zip(&mut out) {
            let at = Strided::of_tokens(at, t, heads, head_dim).rows(window, head, (first, count), head_dim);
            let keys = first_key * head_dim..(first_key + visible) * head_dim;
            let at_v = MatMut::from_row_major_slice_mut(&mut at_v[keys.clone()], visible, head_dim);
            multiply_tile(at_v, Accum::Add, p.transpose(), at, 1.0);
            let product = MatMut::from_row_major_slice_mut(&mut at_scores, count, visible);
            multiply_tile(product, Accum::Replace, at, v.transpose(), 1.0);
            for (weights, at) in weights.chunks_exact(visible).zip(at_scores.chunks_exact_mut(visible)) {
                slopes::softmax(scoring.scale, weights, at);
            }
            if let Some(slope) = &slope {
                at_scores.iter_mut().zip(&**slope).for_each(|(at, slope)| *at *= slope);
            }
            let ds = MatRef::from_row_major_slice(&at_scores, count, visible);
            let queries = first * head_dim..(first + count) * head_dim;
            let at_q = MatMut::from_row_major_slice_mut(&mut at_q[queries], count, head_dim);
            multiply_tile(at_q, Accum::Replace, ds, k, 1.0);
            let at_k = MatMut::from_row_major_slice_mut(&mut at_k[keys], visible, head_dim);
            multiply_tile(at_k, Accum::Add, ds.transpose(), q, 1.0);
        }
    }
}

/// The scores become weights, 0 for hidden keys. With a cap, also returns the derivative of each capped score.
fn weights_and_slopes(
    scoring: Scoring,
    (first_query, first_key): (usize, usize),
    keys: usize,
    scores: &mut [f32],
) -> Option<Buffer> {
    let Scoring { scale, cap, mask } = scoring;
    let mut slopes = cap.map(|_| Buffer::of(scores.len()));
    for (row, scores) in scores.chunks_exact_mut(keys).enumerate() {
        let query = first_query + row;
        let end = query + 1 - first_key;
        let begin = mask.first_visible(query).saturating_sub(first_key);
        scores[..begin].fill(0.0);
        scores[end..].fill(0.0);
        let visible = &mut scores[begin..end];
        match (cap, &mut slopes) {
            (Some(cap), Some(slopes)) => {
                let slopes = &mut slopes[row * keys..][..keys];
                slopes.fill(0.0);
                for (score, slope) in visible.iter_mut().zip(&mut slopes[begin..end]) {
                    let tanh = (scale * *score / cap).tanh();
                    (*score, *slope) = (cap * tanh, 1.0 - tanh * tanh);
                }
                softmax(1.0, visible);
            }
            (Some(_) | None, _) => softmax(scale, visible),
        }
    }
    slopes
}
