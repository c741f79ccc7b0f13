//! Draws the evaluation windows from a text.

use rand::{SeedableRng, seq::index};
use rand_chacha::ChaCha8Rng;

/// The tokens of `windows` whole windows of `seq_len` tokens, drawn by `seed` and in the order of the text. All whole
/// windows if the text has no more.
#[must_use]
pub fn draw_windows(tokens: &[u32], seq_len: usize, windows: usize, seed: u64) -> Vec<u32> {
    let whole = tokens.len() / seq_len;
    if windows >= whole {
        return tokens.to_vec();
    }
    let mut drawn = index::sample(&mut ChaCha8Rng::seed_from_u64(seed), whole, windows).into_vec();
    drawn.sort_unstable();
    drawn.into_iter().flat_map(|window| &tokens[window * seq_len..][..seq_len]).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_distinct_and_follow_from_the_seed() {
        let tokens: Vec<u32> = (0..1003).collect();
        let drawn = draw_windows(&tokens, 10, 7, 0);
        assert_eq!(drawn, draw_windows(&tokens, 10, 7, 0));
        assert_ne!(drawn, draw_windows(&tokens, 10, 7, 1));
        let starts: Vec<u32> = drawn.chunks(10).map(|window| window[0]).collect();
        assert!(starts.windows(2).all(|two| two[0] < two[1]) && starts.iter().all(|start| start % 10 == 0));
        assert_eq!(starts.len(), 7);
        assert_eq!(draw_windows(&tokens, 10, 100, 0), tokens, "the incomplete window changes nothing");
    }
}
