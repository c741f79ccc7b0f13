//! From stored bytes to a tensor, in small stretches that keep memory use low.

use std::ops::Range;

use candle_core::{DType, Device, Tensor, WithDType};
use half::{bf16, f16};
use rayon::prelude::*;

use super::{
    encoding::{Encoding, RowOrder, dequantise},
    rounding::{first_unrepresentable, limit},
};

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

/// Numbers of a stored tensor, little-endian and row-major, as a tensor of the wanted type. `read` is called with each range of
/// bytes that is no longer needed.
pub fn tensor(
    (stored, bytes, order): (Encoding, &[u8], RowOrder),
    shape: &[usize],
    (device, wanted): (&Device, DType),
    read: &(dyn Fn(Range<usize>) + Sync),
) -> Result<Tensor, Unreadable> {
    let row = shape[1..].iter().product();
    let tensor = match wanted {
        DType::F16 => {
            let mut values = converted(stored, bytes, f16::from_f32, wanted, read)?;
            order.restore(&mut values, row);
            Tensor::from_vec(values, shape, device)
        }
        DType::BF16 => {
            let mut values = converted(stored, bytes, bf16::from_f32, wanted, read)?;
            order.restore(&mut values, row);
            Tensor::from_vec(values, shape, device)
        }
        _ => {
            let mut values = converted(stored, bytes, |x| x, DType::F32, read)?;
            order.restore(&mut values, row);
            Tensor::from_vec(values, shape, device).and_then(|tensor| tensor.to_dtype(wanted))
        }
    };
    tensor.map_err(Unreadable::Device)
}

/// The numbers in the file's order.
pub fn converted<T: WithDType>(
    stored: Encoding,
    bytes: &[u8],
    rounded: impl Fn(f32) -> T + Sync,
    wanted: DType,
    read: &(dyn Fn(Range<usize>) + Sync),
) -> Result<Vec<T>, Unreadable> {
    let (numbers, width) = stored.block();
    let blocks = STRETCH / width;
    let mut values = vec![T::zero(); bytes.len() / width * numbers];
    let stretches = values.par_chunks_mut(blocks * numbers).zip(bytes.par_chunks(blocks * width)).enumerate();
    let unreadable = stretches.find_map_first(|(stretch, (values, bytes))| {
        if let Err(unreadable) = convert(stored, bytes, values, &rounded, wanted) {
            return Some(unreadable.behind(stretch * blocks * numbers));
        }
        let start = stretch * blocks * width;
        read(start..start + bytes.len());
        None
    });
    unreadable.map_or(Ok(values), Err)
}

impl Unreadable {
    /// The same error for a tensor with `elements` more elements before these.
    fn behind(self, elements: usize) -> Self {
        match self {
            Self::Number { element, found } => Self::Number { element: elements + element, found },
            Self::Device(cause) => Self::Device(cause),
        }
    }
}

fn convert<T>(
    stored: Encoding,
    bytes: &[u8],
    values: &mut [T],
    rounded: impl Fn(f32) -> T,
    wanted: DType,
) -> Result<(), Unreadable> {
    let check = |dtype: DType| match first_unrepresentable(dtype, bytes, wanted) {
        Some((element, found)) => Err(Unreadable::Number { element, found }),
        None => Ok(()),
    };
    match stored {
        Encoding::F32 => {
            check(DType::F32)?;
            put(bytes, values, |bytes| rounded(f32::from_le_bytes(bytes)));
        }
        Encoding::F16 => {
            check(DType::F16)?;
            put(bytes, values, |bytes| rounded(f16::from_le_bytes(bytes).to_f32()));
        }
        Encoding::BF16 => {
            check(DType::BF16)?;
            put(bytes, values, |bytes| rounded(bf16::from_le_bytes(bytes).to_f32()));
        }
        Encoding::Quantised(kind) => {
            let numbers = dequantise(kind, bytes).map_err(Unreadable::Device)?;
            let limit = limit(DType::F32, wanted);
            let fits = |x: &f32| !x.is_nan() && x.abs() < limit;
            if let Some(element) = numbers.iter().position(|x| !fits(x)) {
                return Err(Unreadable::Number { element, found: numbers[element] });
            }
            for (value, &number) in values.iter_mut().zip(&numbers) {
                *value = rounded(number);
            }
        }
    }
    Ok(())
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
    use crate::{gguf::TensorType, model::round_to};

    const TYPES: [DType; 3] = [DType::F32, DType::F16, DType::BF16];

    fn encoding(dtype: DType) -> Encoding {
        match dtype {
            DType::F16 => Encoding::F16,
            DType::BF16 => Encoding::BF16,
            _ => Encoding::F32,
        }
    }

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
                let Ok(tensor) = tensor(
                    (encoding(stored), &bytes, RowOrder::Same),
                    &shape,
                    (&Device::Cpu, wanted),
                    &|_| (),
                ) else {
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
    fn quantised_numbers_are_those_of_candle_in_the_same_positions() {
        use candle_core::quantized::QTensor;
        // Rows of 256 numbers; more than one stretch in every type.
        let rows = STRETCH / 64;
        let values: Vec<f32> = (0..rows * 256).map(|i| ((i * 7 % 1013) as f32 * 0.01).sin()).collect();
        let exact = Tensor::from_vec(values, (rows, 256), &Device::Cpu).unwrap();
        for kind in [TensorType::Q4_1, TensorType::Q8_0, TensorType::Q4K, TensorType::Q6K] {
            let quantised = QTensor::quantize(&exact, kind.ggml()).unwrap();
            let expected = quantised.dequantize(&Device::Cpu).unwrap().flatten_all().unwrap();
            let bytes = quantised.data().unwrap().into_owned();
            for wanted in TYPES {
                let stored = (Encoding::Quantised(kind), bytes.as_slice(), RowOrder::Same);
                let Ok(read) = tensor(stored, &[rows, 256], (&Device::Cpu, wanted), &|_| ()) else {
                    panic!("{kind:?}")
                };
                let values = |tensor: &Tensor| -> Vec<f32> {
                    tensor.flatten_all().unwrap().to_dtype(DType::F32).unwrap().to_vec1().unwrap()
                };
                assert!(values(&read) == values(&expected.to_dtype(wanted).unwrap()), "{kind:?} {wanted:?}");
            }
        }
    }

    #[test]
    fn a_quantised_number_that_is_not_finite_is_reported_with_its_element() {
        // Two blocks of Q8_0; the scale of the second is infinite.
        let mut bytes = vec![0; 68];
        bytes[34..36].copy_from_slice(&f16::INFINITY.to_le_bytes());
        bytes[36..68].fill(1);
        let stored = (Encoding::Quantised(TensorType::Q8_0), bytes.as_slice(), RowOrder::Same);
        match tensor(stored, &[64], (&Device::Cpu, DType::F32), &|_| ()) {
            Err(Unreadable::Number { element: 32, found: f32::INFINITY }) => {}
            Err(_) | Ok(_) => panic!("it is found"),
        }
    }

    #[test]
    fn every_byte_is_reported_as_read_once() {
        let bytes = numbers(DType::F32);
        let ranges = Mutex::new(Vec::new());
        let read = |range: Range<usize>| ranges.lock().unwrap().push(range);
        let shape = [bytes.len() / 4];
        assert!(
            tensor((Encoding::F32, &bytes, RowOrder::Same), &shape, (&Device::Cpu, DType::F32), &read)
                .is_ok()
        );
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
        match tensor((Encoding::F32, &bytes, RowOrder::Same), &shape, (&Device::Cpu, DType::F32), &|_| ()) {
            Err(Unreadable::Number { element, found }) => {
                assert_eq!(element, first);
                assert!(found.is_nan());
            }
            Err(Unreadable::Device(_)) | Ok(_) => panic!("the number is found"),
        }
    }
}
