//! The hidden states of all calibration windows, in batches.

use candle_core::{DType, Tensor};

use crate::{calibration::Windows, model::Ends};

use super::Error;

/// Tokens in one forward pass; a longer window goes alone.
const TOKENS_PER_BATCH: usize = 2048;

/// h [windows, seq_len, hidden], a tensor for each batch of windows.
#[derive(Clone)]
pub struct Stream {
    pub batches: Vec<Tensor>,
}

impl Stream {
    /// What enters the first block.
    pub fn embed(windows: &Windows, ends: &Ends) -> Result<Self, Error> {
        let per_batch = (TOKENS_PER_BATCH / windows.seq_len()).max(1);
        let windows: Vec<&[u32]> = windows.iter().collect();
        let batches = windows.chunks(per_batch).map(|batch| ends.embed(batch)).collect::<Result<_, _>>()?;
        Ok(Self { batches })
    }

    pub fn bytes(&self) -> u64 {
        self.batches.iter().map(|h| (h.elem_count() * h.dtype().size_in_bytes()) as u64).sum()
    }

    /// False where an activation is NaN or infinite.
    pub fn is_finite(&self) -> Result<bool, Error> {
        for h in &self.batches {
            // NaN and ∞ survive a sum; finite numbers of f32 cannot overflow one of f64.
            if !values(h)?.iter().map(|&v| f64::from(v)).sum::<f64>().is_finite() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// E‖h − h_dense‖² / E‖h_dense‖² over all tokens.
    pub fn error_against(&self, dense: &Self) -> Result<f64, Error> {
        let (mut difference, mut norm) = (0.0, 0.0);
        for (h, h_dense) in self.batches.iter().zip(&dense.batches) {
            let (h, h_dense) = (h.to_dtype(DType::F32)?, h_dense.to_dtype(DType::F32)?);
            difference += sum_of_squares(&(h - &h_dense)?)?;
            norm += sum_of_squares(&h_dense)?;
        }
        Ok(if norm == 0.0 && difference == 0.0 { 0.0 } else { difference / norm })
    }
}

/// Values in row-major order, as f32.
pub fn values(x: &Tensor) -> Result<Vec<f32>, Error> {
    Ok(x.to_dtype(DType::F32)?.flatten_all()?.to_vec1()?)
}

fn sum_of_squares(x: &Tensor) -> Result<f64, Error> {
    Ok(values(x)?.iter().map(|&v| f64::from(v) * f64::from(v)).sum())
}
