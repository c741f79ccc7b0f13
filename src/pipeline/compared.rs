//! The pruned stream compared with the dense one, summed chunk by chunk.

use crate::{
    cluster::{f64_bytes, f64_values},
    prune::{LARGEST_DIMENSIONS, StreamError},
};

/// The sums of one chunk of windows.
#[derive(Clone, Debug)]
pub struct ComparedChunk {
    tokens: u64,
    /// Σ ‖h − h_dense‖², Σ ‖h_dense‖² and Σ (1 − cos).
    sums: [f64; 3],
    /// By dimension, Σ (h − h_dense)² and Σ h_dense².
    by_dimension: Vec<(f64, f64)>,
}

impl ComparedChunk {
    pub fn new(hidden: usize) -> Self {
        Self { tokens: 0, sums: [0.0; 3], by_dimension: vec![(0.0, 0.0); hidden] }
    }

    /// Adds tokens of both streams, [tokens, hidden] row-major.
    pub fn add(&mut self, h: &[f32], h_dense: &[f32], hidden: usize) {
        let Self { tokens, sums: [error, norm, cosine], by_dimension } = self;
        for (h, h_dense) in h.chunks_exact(hidden).zip(h_dense.chunks_exact(hidden)) {
            let (mut dot, mut own, mut other) = (0.0, 0.0, 0.0);
            for ((&h, &h_dense), sums) in h.iter().zip(h_dense).zip(&mut *by_dimension) {
                let off = f64::from(h - h_dense);
                let (h, h_dense) = (f64::from(h), f64::from(h_dense));
                *error += off * off;
                *norm += h_dense * h_dense;
                dot += h * h_dense;
                own += h * h;
                other += h_dense * h_dense;
                sums.0 += off * off;
                sums.1 += h_dense * h_dense;
            }
            // Two zero vectors agree.
            let length = (own * other).sqrt();
            *cosine += if length > 0.0 { (1.0 - dot / length).max(0.0) } else { f64::from(own != other) };
            *tokens += 1;
        }
    }

    /// The length of [`ComparedChunk::bytes`].
    pub fn bytes_for(hidden: usize) -> usize {
        8 * (4 + 2 * hidden)
    }

    /// The sums as a message.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.tokens.to_le_bytes().to_vec();
        f64_bytes(&self.sums, &mut bytes);
        self.by_dimension.iter().for_each(|&(error, norm)| f64_bytes(&[error, norm], &mut bytes));
        bytes
    }

    /// The sums of a message.
    pub fn of_bytes(bytes: &[u8]) -> Self {
        let (tokens, rest) = bytes.split_first_chunk().unwrap_or((&[0; 8], &[]));
        let values: Vec<f64> = f64_values(rest).collect();
        let (sums, by_dimension) = values.split_first_chunk().unwrap_or((&[0.0; 3], &[]));
        let by_dimension = by_dimension.as_chunks().0.iter().map(|&[error, norm]| (error, norm)).collect();
        Self { tokens: u64::from_le_bytes(*tokens), sums: *sums, by_dimension }
    }

    fn add_chunk(&mut self, chunk: &Self) {
        self.tokens += chunk.tokens;
        self.sums.iter_mut().zip(chunk.sums).for_each(|(sum, add)| *sum += add);
        for (sums, add) in self.by_dimension.iter_mut().zip(&chunk.by_dimension) {
            sums.0 += add.0;
            sums.1 += add.1;
        }
    }
}

/// The means over the tokens of all chunks. Also returns E‖h − h_dense‖² / E‖h_dense‖², from the sums over all tokens.
pub fn compared(chunks: &[ComparedChunk]) -> (StreamError, f64) {
    let hidden = chunks.first().map_or(1, |chunk| chunk.by_dimension.len());
    let mut all = ComparedChunk::new(hidden);
    chunks.iter().for_each(|chunk| all.add_chunk(chunk));
    let ComparedChunk { tokens, sums: [error, norm, cosine], mut by_dimension } = all;
    by_dimension.sort_by(|a, b| b.1.total_cmp(&a.1));
    let rest = &by_dimension[LARGEST_DIMENSIONS.min(hidden)..];
    let per_token = 1.0 / tokens.max(1) as f64;
    let relative = if norm == 0.0 && error == 0.0 { 0.0 } else { error / norm };
    let compared = StreamError {
        error: error * per_token,
        norm: norm * per_token,
        cosine: cosine * per_token,
        error_rest: rest.iter().map(|sums| sums.0).sum::<f64>() * per_token,
        norm_rest: rest.iter().map(|sums| sums.1).sum::<f64>() * per_token,
    };
    (compared, relative)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sums_of_a_chunk_come_back_from_a_message() {
        let mut chunk = ComparedChunk::new(3);
        chunk.add(&[1.0, 2.0, 3.0, 0.5, 0.25, -1.0], &[1.5, 2.0, 2.0, 0.5, 1.0, -1.0], 3);
        let bytes = chunk.bytes();
        assert_eq!(bytes.len(), ComparedChunk::bytes_for(3));
        assert_eq!(compared(&[ComparedChunk::of_bytes(&bytes)]), compared(&[chunk]));
    }
}
