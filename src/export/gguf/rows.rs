//! The row order of q and k. The rotary embedding pairs element i with i + head_dim/2 in a checkpoint, and 2i with
//! 2i + 1 in llama.cpp.

/// Reorders the rows of every head from halves to pairs: row 2i + half of the result is row half·head_dim/2 +
/// i. `bytes` contains the rows of q, k or one of their biases, all of equal length.
pub fn halves_to_pairs(bytes: &[u8], rows: usize, head_dim: usize) -> Vec<u8> {
    let row = bytes.len() / rows;
    let mut paired = Vec::with_capacity(bytes.len());
    for head in bytes.chunks_exact(head_dim * row) {
        let (first, second) = head.split_at(head_dim / 2 * row);
        for (first, second) in first.chunks_exact(row).zip(second.chunks_exact(row)) {
            paired.extend(first);
            paired.extend(second);
        }
    }
    paired
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_rows_equals_that_of_a_view_with_swapped_axes() {
        // [heads, 2, head_dim/2, row] with axes 1 and 2 swapped.
        let (heads, head_dim, row) = (3, 6, 2);
        let bytes: Vec<u8> = (0..(heads * head_dim * row) as u8).collect();
        let mut slow = Vec::<u8>::new();
        for head in 0..heads {
            for i in 0..head_dim / 2 {
                for half in 0..2 {
                    let from = head * head_dim + half * head_dim / 2 + i;
                    slow.extend(&bytes[from * row..(from + 1) * row]);
                }
            }
        }
        assert_eq!(halves_to_pairs(&bytes, heads * head_dim, head_dim), slow);
    }
}
