//! Numbers in the types of a checkpoint (F32, F16 or BF16), rounded to nearest even.

use candle_core::DType;
use half::{bf16, f16};

/// Numbers rounded to a storage type, and their bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct Rounded {
    /// The values as read back from the bytes.
    pub values: Vec<f32>,
    /// The bytes, little-endian.
    pub bytes: Vec<u8>,
}

/// Rounds to the nearest number of `dtype`, ties to even.
///
/// # Errors
/// The first element that overflows `dtype` or is not finite.
///
/// # Panics
/// If `dtype` is not F32, F16 or BF16.
pub fn round_to(dtype: DType, values: &[f32]) -> Result<Rounded, usize> {
    let mut rounded = Vec::with_capacity(values.len());
    let mut bytes = Vec::with_capacity(values.len() * dtype.size_in_bytes());
    for (element, &value) in values.iter().enumerate() {
        let stored = match dtype {
            DType::F32 => {
                bytes.extend(value.to_le_bytes());
                value
            }
            DType::F16 => {
                let stored = f16::from_f32(value);
                bytes.extend(stored.to_le_bytes());
                stored.to_f32()
            }
            DType::BF16 => {
                let stored = bf16::from_f32(value);
                bytes.extend(stored.to_le_bytes());
                stored.to_f32()
            }
            other => panic!("weights are stored as F32, F16 or BF16, not {other:?}"),
        };
        if !stored.is_finite() {
            return Err(element);
        }
        rounded.push(stored);
    }
    Ok(Rounded { values: rounded, bytes })
}

/// The smallest magnitude of a stored number that becomes infinite in the wanted type.
pub fn limit(stored: DType, wanted: DType) -> f32 {
    // Half a step above the largest number of F16.
    if wanted == DType::F16 && stored != DType::F16 { 65520.0 } else { f32::INFINITY }
}

/// The first stored number that is NaN or infinite, or becomes so in the wanted type: (element, value).
pub fn first_unrepresentable(stored: DType, bytes: &[u8], wanted: DType) -> Option<(usize, f32)> {
    let limit = limit(stored, wanted);
    match stored {
        DType::F32 => {
            let limit = limit.to_bits();
            let bits = |chunk: &[u8; 4]| u32::from_le_bytes(*chunk);
            let found = bytes.as_chunks().0.iter().position(|chunk| bits(chunk) & 0x7fff_ffff >= limit)?;
            Some((found, f32::from_bits(bits(&bytes.as_chunks().0[found]))))
        }
        DType::F16 | DType::BF16 => {
            // Rounded up, the limit is the first BF16 number at or above it.
            let limit = if stored == DType::F16 { 0x7c00 } else { limit.to_bits().div_ceil(1 << 16) as u16 };
            let bits = |chunk: &[u8; 2]| u16::from_le_bytes(*chunk);
            let found = bytes.as_chunks().0.iter().position(|chunk| bits(chunk) & 0x7fff >= limit)?;
            let bits = bits(&bytes.as_chunks().0[found]);
            let value = if stored == DType::F16 {
                f16::from_bits(bits).to_f32()
            } else {
                bf16::from_bits(bits).to_f32()
            };
            Some((found, value))
        }
        other => panic!("weights are stored as F32, F16 or BF16, not {other:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_those_read_back_from_the_bytes() {
        let values = [0.1, -3.0e-5, 1.0 + 1.0 / 256.0, 1000.4];
        for dtype in [DType::F32, DType::F16, DType::BF16] {
            let rounded = round_to(dtype, &values).unwrap();
            let device = &candle_core::Device::Cpu;
            let read = candle_core::Tensor::from_raw_buffer(&rounded.bytes, dtype, &[4], device).unwrap();
            let read = read.to_dtype(DType::F32).unwrap().to_vec1::<f32>().unwrap();
            assert_eq!(read, rounded.values);
            assert_eq!(round_to(dtype, &rounded.values).unwrap(), rounded);
        }
    }

    #[test]
    fn ties_go_to_even() {
        let between = 1.0 + 1.0 / 256.0;
        assert_eq!(round_to(DType::BF16, &[between]).unwrap().values, [1.0]);
    }

    #[test]
    fn overflow_names_the_element() {
        assert_eq!(round_to(DType::F16, &[1.0, 7e4]), Err(1));
        assert_eq!(round_to(DType::F32, &[f32::NAN]), Err(0));
        assert!(round_to(DType::BF16, &[7e4]).is_ok());
    }

    #[test]
    fn numbers_out_of_range_of_the_requested_type_are_found() {
        for stored in [DType::F32, DType::BF16] {
            let bytes = round_to(stored, &[1.0, -65536.0]).unwrap().bytes;
            assert_eq!(first_unrepresentable(stored, &bytes, DType::F16), Some((1, -65536.0)));
            assert_eq!(first_unrepresentable(stored, &bytes, DType::F32), None);
        }
        let bytes = [f16::ONE, f16::NEG_INFINITY].map(f16::to_le_bytes).concat();
        assert_eq!(first_unrepresentable(DType::F16, &bytes, DType::F32), Some((1, f32::NEG_INFINITY)));
        assert_eq!(first_unrepresentable(DType::F16, &bytes[..2], DType::F16), None);
    }
}
