//! From stored bytes to a tensor, in small stretches that keep memory use low.

use std::ops::Range;

use candle_core::{DType, Device, Tensor, WithDType};
use half::{bf16, f16};
use rayon::prelude::*;

use super::rounding::first_unrepresentable;

/// Number of bytes that are checked and converted before their pages are released.
const STRETCH: usize = 1 << 21;

/// The reason why a tensor cannot be read.
pub enum Unreadable {
    /// The first stored number that is NaN or infinite, or becomes so in the requested type.
    Number {
        element: usize,
        found: f32,
    },
    Device(candle_core::Error),
}

/// Converts numbers of a stored type (F32, F16 or BF16), little-endian and row-major, to a tensor of the
/// requested type. `read` receives each range of bytes that is no longer needed.
pub fn tensor(
    (stored, bytes): (DType, &[u8]),
    shape: &[usize],
    (device, wanted): (&Device, DType),
    read: &(dyn Fn(Range<usize>) + Sync),
) -> Result<Tensor, Unreadable> {
    let tensor = match wanted {
        DType::F16 => Tensor::from_vec(converted(stored, bytes, f16::from_f32, wanted, read)?, shape, device),
        DType::BF16 => {
            Tensor::from_vec(converted(stored, bytes, bf16::from_f32, wanted, read)?, shape, device)
        }
        _ => Tensor::from_vec(converted(stored, bytes, |x| x, DType::F32, read)?, shape, device)
            .and_then(|tensor| tensor.to_dtype(wanted)),
    };
    tensor.map_err(Unreadable::Device)
}

fn converted<T: WithDType>(
    stored: DType,
    bytes: &[u8],
    rounded: impl Fn(f32) -> T + Sync,
    wanted: DType,
    read: &(dyn Fn(Range<usize>) + Sync),
) -> Result<Vec<T>, Unreadable> {
    let width = stored.size_in_bytes();
    let mut values = vec![T::zero(); bytes.len() / width];
    let stretches = values.par_chunks_mut(STRETCH / width).zip(bytes.par_chunks(STRETCH)).enumerate();
    let unreadable = stretches.find_map_first(|(stretch, (values, bytes))| {
        let start = stretch * STRETCH;
        if let Some((element, found)) = first_unrepresentable(stored, bytes, wanted) {
            return Some(Unreadable::Number { element: start / width + element, found });
        }
        convert(stored, bytes, values, &rounded);
        read(start..start + bytes.len());
        None
    });
    unreadable.map_or(Ok(values), Err)
}

fn convert<T>(stored: DType, bytes: &[u8], values: &mut [T], rounded: impl Fn(f32) -> T) {
    match stored {
        DType::F32 => put(bytes, values, |bytes| rounded(f32::from_le_bytes(bytes))),
        DType::F16 => put(bytes, values, |bytes| rounded(f16::from_le_bytes(bytes).to_f32())),
        DType::BF16 => put(bytes, values, |bytes| rounded(bf16::from_le_bytes(bytes).to_f32())),
        other => panic!("weights are stored as F32, F16 or BF16, not {other:?}"),
    }
}

fn put<T, const WIDTH: usize>(bytes: &[u8], values: &mut [T], number: impl Fn([u8; WIDTH]) -> T) {
    for (value, bytes) in values.iter_mut().zip(bytes.as_chunks().0) {
        *value = number(*bytes);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::model::round_to;

    const TYPES: [DType; 3] = [DType::F32, DType::F16, DType::BF16];

    /// Numbers in more than two stretches.
    fn numbers(stored: DType) -> Vec<u8> {
        let values: Vec<f32> = (0..2 * STRETCH / 4 + 100).map(|i| (i as f32 * 0.37).sin() * 50.0).collect();
        let whole = round_to(stored, &values).unwrap().bytes;
        [whole.as_slice(), whole.as_slice()].concat()
    }

    #[test]
    fn reading_in_stretches_equals_a_cast_of_the_whole_tensor() {
        for stored in TYPES {
            let bytes = numbers(stored);
            let shape = [bytes.len() / stored.size_in_bytes()];
            for wanted in TYPES {
                let Ok(tensor) = tensor((stored, &bytes), &shape, (&Device::Cpu, wanted), &|_| ()) else {
                    panic!("{stored:?} to {wanted:?}")
                };
                let cast = Tensor::from_raw_buffer(&bytes, stored, &shape, &Device::Cpu).unwrap();
                let cast = cast.to_dtype(wanted).unwrap();
                let values = |tensor: &Tensor| tensor.to_dtype(DType::F32).unwrap().to_vec1::<f32>().unwrap();
                assert_eq!(tensor.dtype(), wanted);
                assert_eq!(values(&tensor), values(&cast));
            }
        }
    }

    #[test]
    fn every_byte_is_reported_as_read_once() {
        let bytes = numbers(DType::F32);
        let ranges = Mutex::new(Vec::new());
        let read = |range: Range<usize>| ranges.lock().unwrap().push(range);
        let shape = [bytes.len() / 4];
        assert!(tensor((DType::F32, &bytes), &shape, (&Device::Cpu, DType::F32), &read).is_ok());
        let mut ranges = ranges.into_inner().unwrap();
        ranges.sort_by_key(|range| range.start);
        assert_eq!(ranges.first().unwrap().start, 0);
        assert_eq!(ranges.last().unwrap().end, bytes.len());
        assert!(ranges.windows(2).all(|pair| pair[0].end == pair[1].start));
    }

    #[test]
    fn the_first_number_that_is_not_finite_is_reported() {
        let mut bytes = numbers(DType::F32);
        let (first, last) = (STRETCH / 4 + 7, bytes.len() / 4 - 1);
        for element in [last, first] {
            bytes[4 * element..4 * element + 4].copy_from_slice(&f32::NAN.to_le_bytes());
        }
        let shape = [bytes.len() / 4];
        match tensor((DType::F32, &bytes), &shape, (&Device::Cpu, DType::F32), &|_| ()) {
            Err(Unreadable::Number { element, found }) => {
                assert_eq!(element, first);
                assert!(found.is_nan());
            }
            Err(Unreadable::Device(_)) | Ok(_) => panic!("the number is found"),
        }
    }
}
