//! The number type that weights are stored in.

use std::borrow::Cow;

use candle_core::{DType, Device, Tensor};

use crate::{
    config::Precision,
    model::{self, StoredTensor, round_to},
};

use super::Error;

/// The tensors in this type, rounded to nearest even; None leaves them as they are.
///
/// # Errors
/// A number that the type cannot hold.
pub fn all_as(dtype: Option<Precision>, tensors: Vec<StoredTensor>) -> Result<Vec<StoredTensor>, Error> {
    let Some(dtype) = dtype.map(dtype_of) else { return Ok(tensors) };
    tensors.into_iter().map(|tensor| rounded(tensor, dtype)).collect()
}

fn dtype_of(precision: Precision) -> DType {
    match precision {
        Precision::F32 => DType::F32,
        Precision::F16 => DType::F16,
        Precision::BF16 => DType::BF16,
    }
}

/// The numbers of a tensor, row by row.
///
/// # Errors
/// None for a tensor whose bytes fit its shape.
pub fn numbers(tensor: &StoredTensor) -> Result<Vec<f32>, Error> {
    let read = || {
        Tensor::from_raw_buffer(&tensor.bytes, tensor.dtype, &tensor.shape, &Device::Cpu)?
            .to_dtype(DType::F32)?
            .flatten_all()?
            .to_vec1()
    };
    read().map_err(|cause| Error::Model(model::Error::from(cause)))
}

fn rounded(tensor: StoredTensor, dtype: DType) -> Result<StoredTensor, Error> {
    if tensor.dtype == dtype {
        return Ok(tensor);
    }
    let values = numbers(&tensor)?;
    match round_to(dtype, &values) {
        Ok(rounded) => Ok(StoredTensor { dtype, bytes: Cow::Owned(rounded.bytes), ..tensor }),
        Err(element) => {
            let (found, dtype) = (values[element], dtype.as_str().to_owned());
            Err(model::Error::TooLarge { tensor: tensor.name, element, found, dtype }.into())
        }
    }
}
