//! The encoding of a stored tensor's numbers, and the order of its rows.

use candle_core::{CpuStorage, DType};

use crate::gguf::TensorType;

/// The encoding of a tensor's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    F32,
    F16,
    BF16,
    /// Blocks of quantised numbers.
    Quantised(TensorType),
}

/// The order of a matrix's rows in its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowOrder {
    /// The order in a Hugging Face checkpoint.
    Same,
    /// Rows 2i and 2i + 1 of each head are rows i and head_dim/2 + i in a Hugging Face checkpoint.
    Pairs { head_dim: usize },
}

impl Encoding {
    /// The number type of the tensor after reading. Dequantised numbers are products that only F32 represents exactly.
    pub fn dtype(self) -> DType {
        match self {
            Self::F32 | Self::Quantised(_) => DType::F32,
            Self::F16 => DType::F16,
            Self::BF16 => DType::BF16,
        }
    }

    /// Numbers and bytes per block.
    pub fn block(self) -> (usize, usize) {
        match self {
            Self::F32 => (1, 4),
            Self::F16 | Self::BF16 => (1, 2),
            Self::Quantised(kind) => (kind.block(), kind.block_bytes()),
        }
    }
}

impl From<TensorType> for Encoding {
    fn from(kind: TensorType) -> Self {
        match kind {
            TensorType::F32 => Self::F32,
            TensorType::F16 => Self::F16,
            TensorType::BF16 => Self::BF16,
            TensorType::Q4_0
            | TensorType::Q4_1
            | TensorType::Q5_0
            | TensorType::Q5_1
            | TensorType::Q8_0
            | TensorType::Q2K
            | TensorType::Q3K
            | TensorType::Q4K
            | TensorType::Q5K
            | TensorType::Q6K
            | TensorType::Q8K => Self::Quantised(kind),
        }
    }
}

impl RowOrder {
    /// Reorders the elements of a tensor from the file's order to that of a Hugging Face checkpoint. `row` is the number of
    /// elements in a row; a vector has rows of one.
    pub fn restore<T: Copy>(self, elements: &mut [T], row: usize) {
        let Self::Pairs { head_dim } = self else { return };
        let mut paired = Vec::with_capacity(head_dim * row);
        for head in elements.chunks_exact_mut(head_dim * row) {
            paired.clear();
            paired.extend_from_slice(head);
            let (first, second) = head.split_at_mut(head_dim / 2 * row);
            let halves = first.chunks_exact_mut(row).zip(second.chunks_exact_mut(row));
            for ((first, second), pair) in halves.zip(paired.chunks_exact(2 * row)) {
                let (one, other) = pair.split_at(row);
                first.copy_from_slice(one);
                second.copy_from_slice(other);
            }
        }
    }
}

/// The numbers of whole blocks. `bytes` are aligned as in the file: to 8 bytes at the beginning of the tensor.
///
/// # Errors
/// Never, because every bit pattern is a valid block.
pub fn dequantise(kind: TensorType, bytes: &[u8]) -> candle_core::Result<Vec<f32>> {
    let numbers = bytes.len() / kind.block_bytes() * kind.block();
    match kind.ggml().from_data(bytes.into()).dequantize(numbers)? {
        CpuStorage::F32(numbers) => Ok(numbers),
        _ => candle_core::bail!("dequantised numbers are f32"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn restoring_pairs_gives_the_halves_of_every_head() {
        // Two heads of four rows with two elements each: the pairs (0, 2) and (1, 3) are adjacent in the file.
        let halves: Vec<u8> = (0..16).collect();
        let mut rows: Vec<u8> =
            [0, 2, 1, 3, 4, 6, 5, 7].iter().flat_map(|row: &u8| [2 * row, 2 * row + 1]).collect();
        RowOrder::Pairs { head_dim: 4 }.restore(&mut rows, 2);
        assert_eq!(rows, halves);
        let mut vector = [0, 2, 1, 3];
        RowOrder::Pairs { head_dim: 4 }.restore(&mut vector, 1);
        assert_eq!(vector, [0, 1, 2, 3]);
        RowOrder::Same.restore(&mut vector, 1);
        assert_eq!(vector, [0, 1, 2, 3]);
    }
}
