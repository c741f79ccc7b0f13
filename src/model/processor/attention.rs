//! softmax(scale · q kᵀ) v under the causal mask, for a few query rows of one head at a time: their scores stay in the cache,
//! and most of the masked half is skipped.

mod backward;

pub use backward::{AtProjected, attend_backward};

use faer::{Accum, MatMut, MatRef};
use rayon::prelude::*;

use crate::product::multiply_tile;

use super::{super::attention_mask::Scoring, buffers::Buffer, elementwise::softmax};

/// Number of query rows processed together: enough for an efficient product, few enough to skip most of the masked half.
const MOST_QUERY_ROWS: usize = 128;
/// Number of attention scores in memory per task.
const MOST_SCORES: usize = 1 << 19;

/// Queries, keys or values of all windows. The elements of one head are adjacent.
#[derive(Clone, Copy)]
pub struct Strided<'a> {
    pub values: &'a [f32],
    /// Distance between windows, between tokens, and between heads.
    pub window: usize,
    pub token: usize,
    pub head: usize,
}

/// The sizes of an attention.
#[derive(Clone, Copy)]
pub struct Heads {
    pub heads: usize,
    pub kv_heads: usize,
    pub head_dim: usize,
}

impl<'a> Strided<'a> {
    /// Heads side by side: [windows, t, heads, head_dim].
    pub fn of_tokens(values: &'a [f32], t: usize, heads: usize, head_dim: usize) -> Self {
        let token = heads * head_dim;
        Self { values, window: t * token, token, head: head_dim }
    }

    /// [tokens, head_dim]
    fn rows(
        &self,
        window: usize,
        head: usize,
        (first, tokens): (usize, usize),
        head_dim: usize,
    ) -> MatRef<'a, f32> {
        let start = window * self.window + first * self.token + head * self.head;
        let end = start + (tokens - 1) * self.token + head_dim;
        MatRef::from_row_major_slice_with_stride(&self.values[start..end], tokens, head_dim, self.token)
    }
}

/// The contexts of consecutive tokens of one window: out [tokens, heads·head_dim]. The first of them is token `first` of the
/// window in q; its position is `offset` more. k and v have offset + t tokens.
pub fn attend(
    [q, k, v]: [Strided<'_>; 3],
    sizes: Heads,
    scoring: Scoring,
    (window, first, offset): (usize, usize, usize),
    out: &mut [f32],
) {
    let Heads { heads, kv_heads, head_dim } = sizes;
    let width = heads * head_dim;
    let group = heads / kv_heads;
    let positions = offset + first + out.len() / width;
    // Very long sequences use fewer rows.
    let rows = (MOST_SCORES / positions).clamp(1, MOST_QUERY_ROWS);
    out.par_chunks_mut(rows * width).enumerate().for_each(|(chunk, out)| {
        let first = first + chunk * rows;
        let count = out.len() / width;
        let (first_query, first_key) = (offset + first, scoring.mask.first_visible(offset + first));
        let visible = first_query + count - first_key;
        let out = MatMut::from_row_major_slice_mut(out, count, width);
        out.par_col_chunks_mut(head_dim).enumerate().for_each(|(head, out)| {
            let q = q.rows(window, head, (first, count), head_dim);
            let k = k.rows(window, head / group, (first_key, visible), head_dim);
            let v = v.rows(window, head / group, (first_key, visible), head_dim);
            let mut scores = Buffer::of(count * visible);
            let product = MatMut::from_row_major_slice_mut(&mut scores, count, visible);
            multiply_tile(product, Accum::Replace, q, k.transpose(), 1.0);
            weights(scoring, (first_query, first_key), visible, &mut scores);
            let scores = MatRef::from_row_major_slice(&scores, count, visible);
            multiply_tile(out, Accum::Replace, scores, v, 1.0);
        });
    });
}

/// scores: [rows, keys] → the softmax over the visible keys of each row, 0 for the others. Row r is the query at position
/// `first_query` + r; column c is the key at `first_key` + c.
fn weights(scoring: Scoring, (first_query, first_key): (usize, usize), keys: usize, scores: &mut [f32]) {
    let Scoring { scale, cap, mask } = scoring;
    for (row, scores) in scores.chunks_exact_mut(keys).enumerate() {
        let query = first_query + row;
        let end = query + 1 - first_key;
        let begin = mask.first_visible(query).saturating_sub(first_key);
        scores[..begin].fill(0.0);
        scores[end..].fill(0.0);
        let scores = &mut scores[begin..end];
        match cap {
            Some(cap) => {
                scores.iter_mut().for_each(|score| *score = cap * (scale * *score / cap).tanh());
                softmax(1.0, scores);
            }
            None => softmax(scale, scores),
        }
    }
}
