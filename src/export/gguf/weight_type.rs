//! The weight types of a GGUF file.

use crate::{export::format::SAME_NUMBERS, names::names};

names! {
    /// The stored type of the weights in a GGUF file.
    pub enum GgufType, default F16 {
        /// 32-bit floating point
        F32 = "f32",
        /// 16-bit floating point
        F16 = "f16",
        /// Blocks of 32 weights in 8 bits
        Q8_0 = "q8_0",
        /// Blocks of 256 weights in 4 bits, and in 6 bits for the tensors most sensitive to rounding
        Q4K = "q4_k",
    }
}

impl GgufType {
    /// The number in `general.file_type`.
    pub fn file_type(self) -> u32 {
        match self {
            Self::F32 => 0,
            Self::F16 => 1,
            Self::Q8_0 => 7,
            // Q4_K, with the more sensitive tensors in Q6_K.
            Self::Q4K => 15,
        }
    }

    /// Number of weights in a block; the row length must be a multiple of it. None if every weight is stored
    /// separately.
    pub fn block(self) -> Option<usize> {
        match self {
            Self::F32 | Self::F16 => None,
            Self::Q8_0 => Some(32),
            Self::Q4K => Some(256),
        }
    }

    /// The tolerance for [`WrittenForm::tolerance`](crate::export::WrittenForm::tolerance).
    pub fn tolerance(self) -> f64 {
        match self {
            Self::F32 => SAME_NUMBERS,
            Self::F16 => 0.1,
            Self::Q8_0 => 0.5,
            Self::Q4K => 3.0,
        }
    }
}
