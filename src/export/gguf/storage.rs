//! The stored type of each tensor, the fallbacks for rows that are not whole blocks, and the encoding.

use candle_core::{
    DType, Device, Tensor,
    quantized::{GgmlDType, QTensor},
};

use super::{
    super::{Error, stored},
    GgufType,
};

/// A stored type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Storage {
    F32,
    F16,
    /// Blocks of 32 numbers in 8 bits.
    Q8_0,
    /// Blocks of 256 numbers in 4 bits.
    Q4K,
    /// Blocks of 256 numbers in 6 bits.
    Q6K,
}

/// The kinds of tensors with different stored types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Norms, biases and divisors of rotary frequencies.
    Vector,
    /// The embedding and the output head, the most sensitive to rounding.
    EmbeddingOrHead,
    /// The value and down projections, which are more sensitive to rounding than other projections.
    Sensitive,
    /// The other projections of a block.
    Projection,
}

impl Storage {
    /// The requested type, and the type for rows of `row` numbers. The latter is the first of the requested
    /// type, Q8_0 and F16 with blocks that divide the row.
    pub fn of(kind: GgufType, role: Role, row: usize) -> (Self, Self) {
        let wanted = match (kind, role) {
            (_, Role::Vector) | (GgufType::F32, _) => Self::F32,
            (GgufType::F16, _) => Self::F16,
            (GgufType::Q8_0, _) => Self::Q8_0,
            (GgufType::Q4K, Role::EmbeddingOrHead | Role::Sensitive) => Self::Q6K,
            (GgufType::Q4K, Role::Projection) => Self::Q4K,
        };
        let fits = |storage: &Self| row.is_multiple_of(storage.block());
        let possible = [wanted, Self::Q8_0, Self::F16].into_iter().find(fits);
        (wanted, possible.unwrap_or(Self::F16))
    }

    /// The type's number in the table of tensors.
    pub fn id(self) -> u32 {
        match self {
            Self::F32 => 0,
            Self::F16 => 1,
            Self::Q8_0 => 8,
            Self::Q4K => 12,
            Self::Q6K => 14,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Q8_0 => "q8_0",
            Self::Q4K => "q4_k",
            Self::Q6K => "q6_k",
        }
    }

    /// Bytes of a row with this number of elements.
    pub fn row_bytes(self, row: usize) -> usize {
        row / self.block() * self.ggml().type_size()
    }

    /// Number of elements per block.
    fn block(self) -> usize {
        self.ggml().block_size()
    }

    fn ggml(self) -> GgmlDType {
        match self {
            Self::F32 => GgmlDType::F32,
            Self::F16 => GgmlDType::F16,
            Self::Q8_0 => GgmlDType::Q8_0,
            Self::Q4K => GgmlDType::Q4K,
            Self::Q6K => GgmlDType::Q6K,
        }
    }
}

/// Encodes a band of a tensor that consists of whole blocks of the type. `first` is the index of its first
/// number.
///
/// # Errors
/// If a number is too large for f16.
pub fn encode(tensor: &str, storage: Storage, first: usize, numbers: Vec<f32>) -> Result<Vec<u8>, Error> {
    match storage {
        Storage::F32 => stored::encode_band(DType::F32, tensor, first, &numbers),
        Storage::F16 => stored::encode_band(DType::F16, tensor, first, &numbers),
        Storage::Q8_0 | Storage::Q4K | Storage::Q6K => {
            let quantised = || -> candle_core::Result<Vec<u8>> {
                let count = numbers.len();
                let band = Tensor::from_vec(numbers, count, &Device::Cpu)?;
                Ok(QTensor::quantize(&band, storage.ggml())?.data()?.into_owned())
            };
            quantised().map_err(|cause| Error::Model(cause.into()))
        }
    }
}

/// Counts of the tensors that could not be stored in the requested type.
#[derive(Debug, Default)]
pub struct Fallbacks {
    weights: usize,
    to_q8_0: usize,
    to_f16: usize,
    of_ffn_down: usize,
}

impl Fallbacks {
    pub fn count(&mut self, name: &str, wanted: Storage, found: Storage, role: Role) {
        self.weights += usize::from(role != Role::Vector);
        if wanted == found {
            return;
        }
        match found {
            Storage::Q8_0 => self.to_q8_0 += 1,
            Storage::F16 | Storage::F32 | Storage::Q4K | Storage::Q6K => self.to_f16 += 1,
        }
        self.of_ffn_down += usize::from(name.ends_with("ffn_down.weight"));
    }

    /// One sentence about the fallbacks; None if there are none.
    pub fn notice(&self, kind: GgufType) -> Option<String> {
        let Self { weights, to_q8_0, to_f16, of_ffn_down } = *self;
        let multiple = kind.block()?;
        let larger: Vec<String> = [(to_q8_0, Storage::Q8_0), (to_f16, Storage::F16)]
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, storage)| format!("{count} as {}", storage.name()))
            .collect();
        if larger.is_empty() {
            return None;
        }
        let why = format!(
            "{} of {weights} weights are stored in a larger type than {kind} ({}), because their row length is not a multiple of {multiple}",
            to_q8_0 + to_f16,
            larger.join(", ")
        );
        Some(match of_ffn_down {
            0 => why,
            count => format!(
                "{why}; a channel-multiple of {multiple} avoids this for the {count} ffn_down tensors among them"
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_that_are_not_whole_blocks_fall_back_to_the_next_type() {
        let found = |row| Storage::of(GgufType::Q4K, Role::Projection, row).1;
        assert_eq!([512, 96, 40].map(found), [Storage::Q4K, Storage::Q8_0, Storage::F16]);
        for role in [Role::EmbeddingOrHead, Role::Sensitive] {
            assert_eq!(Storage::of(GgufType::Q4K, role, 256), (Storage::Q6K, Storage::Q6K));
        }
        assert_eq!(Storage::of(GgufType::Q8_0, Role::Projection, 40), (Storage::Q8_0, Storage::F16));
        assert_eq!(Storage::of(GgufType::Q8_0, Role::Vector, 64).1, Storage::F32);
    }

    #[test]
    fn the_notice_about_fallbacks_gives_the_remedy() {
        let mut fallbacks = Fallbacks::default();
        fallbacks.count("blk.0.ffn_up.weight", Storage::Q4K, Storage::Q4K, Role::Projection);
        assert_eq!(fallbacks.notice(GgufType::Q4K), None);
        fallbacks.count("blk.0.ffn_down.weight", Storage::Q4K, Storage::F16, Role::Projection);
        fallbacks.count("blk.0.attn_output.weight", Storage::Q4K, Storage::Q8_0, Role::Projection);
        let notice = fallbacks.notice(GgufType::Q4K).unwrap();
        assert!(notice.starts_with("2 of 3 weights"), "{notice}");
        assert!(notice.contains("1 as q8_0, 1 as f16"), "{notice}");
        assert!(
            notice.contains("a channel-multiple of 256 avoids this for the 1 ffn_down tensors"),
            "{notice}"
        );
    }

    #[test]
    fn a_number_beyond_f16_is_an_error_that_names_the_tensor() {
        let error = encode("output.weight", Storage::F16, 0, vec![1.0, 7e4]).unwrap_err().to_string();
        assert!(error.contains("output.weight") && error.contains("70000"), "{error}");
    }
}
