//! The stored type of each tensor, the fallbacks for rows that are not whole blocks, and the encoding.

use candle_core::{DType, Device, Tensor, quantized::QTensor};

use crate::{gguf::TensorType, model::Encoding};

use super::{
    super::{Error, stored},
    GgufType,
};

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

/// The requested type, and the type for rows of `row` numbers: the first of the requested type, Q8_0 and F16 whose blocks
/// divide the row.
pub fn stored_type(kind: GgufType, role: Role, row: usize) -> (TensorType, TensorType) {
    let wanted = match (kind, role) {
        (_, Role::Vector) | (GgufType::F32, _) => TensorType::F32,
        (GgufType::F16, _) => TensorType::F16,
        (GgufType::Q8_0, _) => TensorType::Q8_0,
        (GgufType::Q4K, Role::EmbeddingOrHead | Role::Sensitive) => TensorType::Q6K,
        (GgufType::Q4K, Role::Projection) => TensorType::Q4K,
    };
    let fits = |storage: &TensorType| row.is_multiple_of(storage.block());
    let possible = [wanted, TensorType::Q8_0, TensorType::F16].into_iter().find(fits);
    (wanted, possible.unwrap_or(TensorType::F16))
}

/// Encodes a band of a tensor that consists of whole blocks of the type. `first` is the index of its first
/// number.
///
/// # Errors
/// If a number is too large for f16.
pub fn encode(tensor: &str, storage: TensorType, first: usize, numbers: Vec<f32>) -> Result<Vec<u8>, Error> {
    match Encoding::from(storage) {
        Encoding::F32 => stored::encode_band(DType::F32, tensor, first, &numbers),
        Encoding::F16 => stored::encode_band(DType::F16, tensor, first, &numbers),
        Encoding::BF16 => stored::encode_band(DType::BF16, tensor, first, &numbers),
        Encoding::Quantised(storage) => {
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
    pub fn count(&mut self, name: &str, wanted: TensorType, found: TensorType, role: Role) {
        self.weights += usize::from(role != Role::Vector);
        if wanted == found {
            return;
        }
        if found == TensorType::Q8_0 {
            self.to_q8_0 += 1;
        } else {
            self.to_f16 += 1;
        }
        self.of_ffn_down += usize::from(name.ends_with("ffn_down.weight"));
    }

    /// One sentence about the fallbacks; None if there are none.
    pub fn notice(&self, kind: GgufType) -> Option<String> {
        let Self { weights, to_q8_0, to_f16, of_ffn_down } = *self;
        let multiple = kind.block()?;
        let larger: Vec<String> = [(to_q8_0, TensorType::Q8_0), (to_f16, TensorType::F16)]
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
                "{why}; a channel-multiple of {multiple} avoids this for the ffn_down tensors ({count})"
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_that_are_not_whole_blocks_fall_back_to_the_next_type() {
        let found = |row| stored_type(GgufType::Q4K, Role::Projection, row).1;
        assert_eq!([512, 96, 40].map(found), [TensorType::Q4K, TensorType::Q8_0, TensorType::F16]);
        for role in [Role::EmbeddingOrHead, Role::Sensitive] {
            assert_eq!(stored_type(GgufType::Q4K, role, 256), (TensorType::Q6K, TensorType::Q6K));
        }
        assert_eq!(stored_type(GgufType::Q8_0, Role::Projection, 40), (TensorType::Q8_0, TensorType::F16));
        assert_eq!(stored_type(GgufType::Q8_0, Role::Vector, 64).1, TensorType::F32);
    }

    #[test]
    fn the_notice_about_fallbacks_gives_the_remedy() {
        let mut fallbacks = Fallbacks::default();
        fallbacks.count("blk.0.ffn_up.weight", TensorType::Q4K, TensorType::Q4K, Role::Projection);
        assert_eq!(fallbacks.notice(GgufType::Q4K), None);
        fallbacks.count("blk.0.ffn_down.weight", TensorType::Q4K, TensorType::F16, Role::Projection);
        fallbacks.count("blk.0.attn_output.weight", TensorType::Q4K, TensorType::Q8_0, Role::Projection);
        let notice = fallbacks.notice(GgufType::Q4K).unwrap();
        assert!(notice.starts_with("2 of 3 weights"), "{notice}");
        assert!(notice.contains("1 as q8_0, 1 as f16"), "{notice}");
        assert!(
            notice.contains("a channel-multiple of 256 avoids this for the ffn_down tensors (1)"),
            "{notice}"
        );
    }

    #[test]
    fn a_number_beyond_f16_is_an_error_that_names_the_tensor() {
        let error = encode("output.weight", TensorType::F16, 0, vec![1.0, 7e4]).unwrap_err().to_string();
        assert!(error.contains("output.weight") && error.contains("70000"), "{error}");
    }
}
