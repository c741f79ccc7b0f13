//! Chunks of windows. Sums are added chunk by chunk, and the ranks of a group take the chunks in turn, so that the order of
//! every sum is the same for any number of ranks.

use std::ops::Range;

/// Tokens of a chunk at most, unless a window is longer: the tokens whose second moment is summed in f32.
const TOKENS: usize = 4096;

/// Number of windows of a chunk; the last chunk may have fewer.
pub fn windows_per_chunk(seq_len: usize) -> usize {
    (TOKENS / seq_len.max(1)).max(1)
}

/// The windows of every chunk.
pub fn chunks(samples: usize, seq_len: usize) -> impl Iterator<Item = Range<usize>> {
    let each = windows_per_chunk(seq_len);
    (0..samples).step_by(each).map(move |first| first..(first + each).min(samples))
}

/// The windows of every chunk of one rank.
pub fn chunks_of_rank(
    (samples, seq_len): (usize, usize),
    (rank, ranks): (usize, usize),
) -> impl Iterator<Item = Range<usize>> {
    chunks(samples, seq_len).skip(rank).step_by(ranks.max(1))
}

/// The batches of the windows of these chunks, each at most `at_once` windows long. No batch contains windows of two chunks.
pub fn batches(
    chunks: impl Iterator<Item = Range<usize>>,
    at_once: usize,
) -> impl Iterator<Item = Range<usize>> {
    let at_once = at_once.max(1);
    chunks.flat_map(move |chunk| {
        chunk.clone().step_by(at_once).map(move |first| first..(first + at_once).min(chunk.end))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_window_is_in_one_batch_of_one_rank() {
        for (samples, seq_len) in [(1, 128), (7, 5000), (100, 128), (65, 100), (33, 2048)] {
            for ranks in 1..=4 {
                let mut seen = vec![0; samples];
                for rank in 0..ranks {
                    let own = chunks_of_rank((samples, seq_len), (rank, ranks));
                    batches(own, 3).flatten().for_each(|window| seen[window] += 1);
                }
                assert_eq!(seen, vec![1; samples]);
            }
        }
    }

    #[test]
    fn no_batch_crosses_the_end_of_a_chunk() {
        for seq_len in [100, 128, 700, 2048, 9000] {
            let each = windows_per_chunk(seq_len);
            for batch in batches(chunks(97, seq_len), 3) {
                assert_eq!(batch.start / each, (batch.end - 1) / each);
            }
        }
    }
}
