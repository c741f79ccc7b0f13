//! Conversion of weights to their stored number type.

use candle_core::{DType, Device, Tensor};

use crate::model::{self, Precision, StoredTensor, round_to};

use super::Error;

/// Number of elements converted at a time, which limits the memory for an embedding. It is a multiple of
/// every quantised block.
const BAND: usize = 1 << 20;

pub fn dtype_of(precision: Precision) -> DType {
    match precision {
        Precision::F32 => DType::F32,
        Precision::F16 => DType::F16,
        Precision::BF16 => DType::BF16,
    }
}

/// Passes the numbers of a tensor to `each` in bands of [`BAND`], row by row, with the index of the first
/// number of each band. `bytes` have the type `dtype`.
///
/// # Errors
/// If `each` fails, or the length is not a multiple of the number size.
pub fn for_each_band(
    (dtype, bytes): (DType, &[u8]),
    mut each: impl FnMut(usize, Vec<f32>) -> Result<(), Error>,
) -> Result<(), Error> {
    let number = dtype.size_in_bytes();
    for (band, bytes) in bytes.chunks(BAND * number).enumerate() {
        let read = || {
            let band = Tensor::from_raw_buffer(bytes, dtype, &[bytes.len() / number], &Device::Cpu)?;
            band.to_dtype(DType::F32)?.to_vec1()
        };
        each(band * BAND, read().map_err(model::Error::from)?)?;
    }
    Ok(())
}

/// The bytes of a band of numbers, rounded to nearest even.
///
/// # Errors
/// If a number is too large for the type.
pub fn encode_band(dtype: DType, tensor: &str, first: usize, numbers: &[f32]) -> Result<Vec<u8>, Error> {
    let rounded = round_to(dtype, numbers).map_err(|element| {
        let (tensor, dtype) = (tensor.to_owned(), dtype.as_str().to_owned());
        model::Error::TooLarge { tensor, element: first + element, found: numbers[element], dtype }
    })?;
    Ok(rounded.bytes)
}

/// Writes the tensor in this type: unchanged if it is the tensor's own, otherwise rounded to nearest even,
/// band by band.
///
/// # Errors
/// If a number is too large for the type, or `write` fails.
pub fn write_rounded(
    tensor: &StoredTensor,
    dtype: DType,
    mut write: impl FnMut(&[u8]) -> Result<(), Error>,
) -> Result<(), Error> {
    if tensor.dtype == dtype {
        return write(&tensor.bytes);
    }
    for_each_band((tensor.dtype, &tensor.bytes), |first, numbers| {
        write(&encode_band(dtype, &tensor.name, first, &numbers)?)
    })
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;

    fn tensor(numbers: &[f32]) -> StoredTensor<'static> {
        StoredTensor {
            name: "x".into(),
            dtype: DType::F32,
            shape: vec![numbers.len()],
            bytes: Cow::Owned(numbers.iter().flat_map(|x| x.to_le_bytes()).collect()),
        }
    }

    #[test]
    fn bands_add_up_to_the_whole_tensor() {
        let numbers: Vec<f32> = (0..2 * BAND + 3).map(|i| i as f32 / 7.0).collect();
        for dtype in [DType::F32, DType::F16, DType::BF16] {
            let mut found = Vec::new();
            let write = |bytes: &[u8]| {
                found.extend_from_slice(bytes);
                Ok(())
            };
            let small: Vec<f32> = numbers.iter().map(|x| x % 1000.0).collect();
            write_rounded(&tensor(&small), dtype, write).unwrap();
            assert!(found == round_to(dtype, &small).unwrap().bytes, "{dtype:?}");
        }
    }

    #[test]
    fn the_error_for_a_number_too_large_gives_its_index() {
        let mut numbers = vec![1.0; BAND + 5];
        numbers[BAND + 2] = 7e4;
        let error = write_rounded(&tensor(&numbers), DType::F16, |_| Ok(())).unwrap_err().to_string();
        assert!(error.contains(&format!("70000 at element {}", BAND + 2)), "{error}");
    }
}
