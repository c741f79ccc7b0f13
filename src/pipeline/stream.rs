//! The hidden states of all calibration windows, in batches.

use candle_core::{CpuStorage, DType, Device, Storage, Tensor};
use rayon::prelude::*;

use crate::calibration::Windows;

use super::Error;

/// Number of activations that one task looks at.
const STRETCH: usize = 1 << 15;

/// h [windows, seq_len, hidden], one tensor per batch of windows.
#[derive(Clone)]
pub struct Stream {
    pub batches: Vec<Tensor>,
}

impl Stream {
    /// The input of the first block, as computed by `embed` for this number of windows at a time.
    pub fn embed(
        windows: &Windows,
        at_once: usize,
        embed: impl FnMut(&[&[u32]]) -> Result<Tensor, Error>,
    ) -> Result<Self, Error> {
        let windows: Vec<&[u32]> = windows.iter().collect();
        let batches = windows.chunks(at_once).map(embed).collect::<Result<_, _>>()?;
        Ok(Self { batches })
    }

    pub fn bytes(&self) -> u64 {
        self.batches.iter().map(|h| (h.elem_count() * h.dtype().size_in_bytes()) as u64).sum()
    }

    /// Whether all activations are finite.
    pub fn is_finite(&self) -> Result<bool, Error> {
        for h in &self.batches {
            // NaN and ∞ survive a sum, and finite f32 numbers cannot overflow an f64 sum.
            let sum = |h: &[f32]| {
                h.par_chunks(STRETCH).map(|h| h.iter().map(|&v| f64::from(v)).sum::<f64>()).sum::<f64>()
            };
            if !with_values(h, sum)?.is_finite() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// E‖h − h_dense‖² / E‖h_dense‖² over all tokens.
    pub fn error_against(&self, dense: &Self) -> Result<f64, Error> {
        let (mut difference, mut norm) = (0.0, 0.0);
        // A single sum over all tokens makes the last bits independent of the batch size.
        for (h, h_dense) in self.batches.iter().zip(&dense.batches) {
            with_values(h, |h| {
                with_values(h_dense, |h_dense| {
                    for (&h, &h_dense) in h.iter().zip(h_dense) {
                        let off = f64::from(h - h_dense);
                        difference += off * off;
                        norm += f64::from(h_dense) * f64::from(h_dense);
                    }
                })
            })??;
        }
        Ok(if norm == 0.0 && difference == 0.0 { 0.0 } else { difference / norm })
    }
}

/// Passes the values in row-major order as f32 to `look`. They are copied only if they are not stored in this form
/// in CPU memory.
pub fn with_values<R>(x: &Tensor, look: impl FnOnce(&[f32]) -> R) -> Result<R, Error> {
    // Each step only clones a pointer if the tensor is already in this form.
    let x = x.to_device(&Device::Cpu)?.to_dtype(DType::F32)?.contiguous()?;
    let (storage, layout) = x.storage_and_layout();
    match (&*storage, layout.contiguous_offsets()) {
        (Storage::Cpu(CpuStorage::F32(values)), Some((start, end))) => Ok(look(&values[start..end])),
        _ => {
            Err(candle_core::Error::Msg(format!("expected contiguous f32 numbers, found {layout:?}")).into())
        }
    }
}
