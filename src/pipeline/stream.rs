//! The hidden states of all calibration windows, in batches.

use std::ops::Range;

use candle_core::{CpuStorage, DType, Device, Storage, Tensor};
use rayon::prelude::*;

use crate::calibration::Windows;

use super::{Error, compared::ComparedChunk};

/// Number of activations that one task looks at.
const STRETCH: usize = 1 << 15;

/// h [windows, seq_len, hidden], one tensor per batch of windows.
#[derive(Clone)]
pub struct Stream {
    pub batches: Vec<Tensor>,
}

impl Stream {
    /// The input of the first block, as computed by `embed`, for these windows at a time.
    pub fn embed(
        windows: &Windows,
        batches: impl Iterator<Item = Range<usize>>,
        mut embed: impl FnMut(&[&[u32]]) -> Result<Tensor, Error>,
    ) -> Result<Self, Error> {
        let windows: Vec<&[u32]> = windows.iter().collect();
        let batches = batches.map(|batch| embed(&windows[batch])).collect::<Result<_, _>>()?;
        Ok(Self { batches })
    }

    /// Whether no batch contains windows of two chunks.
    pub fn is_in_chunks(&self, windows_per_chunk: usize) -> bool {
        let mut before = 0;
        self.batches.iter().all(|h| {
            let first = before;
            before += h.dims()[0];
            h.dims()[0] > 0 && first / windows_per_chunk == (before - 1) / windows_per_chunk
        })
    }

    pub fn bytes(&self) -> u64 {
        self.batches.iter().map(|h| (h.elem_count() * h.dtype().size_in_bytes()) as u64).sum()
    }

    /// Drops all windows but the first ones.
    pub fn keep_first(&mut self, windows: usize) -> Result<(), Error> {
        let mut left = windows;
        let mut kept = Vec::new();
        for h in &self.batches {
            let rows = h.dim(0)?.min(left);
            if rows > 0 {
                kept.push(h.narrow(0, 0, rows)?);
            }
            left -= rows;
        }
        self.batches = kept;
        Ok(())
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

    /// Compares the stream with the dense one. Returns the sums of every chunk of windows.
    pub fn compare(&self, dense: &Self, windows_per_chunk: usize) -> Result<Vec<ComparedChunk>, Error> {
        let hidden = self.batches.first().map_or(0, |h| h.dims().last().copied().unwrap_or(0)).max(1);
        let mut chunks: Vec<ComparedChunk> = Vec::new();
        let mut windows = 0;
        for (h, h_dense) in self.batches.iter().zip(&dense.batches) {
            let (in_batch, seq_len) = (h.dim(0)?, h.dim(1)?);
            with_values(h, |h| {
                with_values(h_dense, |h_dense| {
                    let window = seq_len * hidden;
                    for (at, (h, h_dense)) in h.chunks(window).zip(h_dense.chunks(window)).enumerate() {
                        if (windows + at).is_multiple_of(windows_per_chunk) {
                            chunks.push(ComparedChunk::new(hidden));
                        }
                        if let Some(chunk) = chunks.last_mut() {
                            chunk.add(h, h_dense, hidden);
                        }
                    }
                })
            })??;
            windows += in_batch;
        }
        Ok(chunks)
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

#[cfg(test)]
mod tests {
    use super::{super::compared::compared, *};

    fn stream(values: &[f32], hidden: usize) -> Stream {
        let tokens = values.len() / hidden;
        Stream { batches: vec![Tensor::from_slice(values, (1, tokens, hidden), &Device::Cpu).unwrap()] }
    }

    #[test]
    fn the_largest_dimensions_are_left_out_of_the_rest() {
        // Dimensions 0 to 3 hold almost all of the norm, and none of the error.
        let dense = stream(&[100.0, 90.0, 80.0, 70.0, 1.0, 2.0, 100.0, 90.0, 80.0, 70.0, 2.0, 1.0], 6);
        let pruned = stream(&[100.0, 90.0, 80.0, 70.0, 1.5, 2.0, 100.0, 90.0, 80.0, 70.0, 2.0, 0.5], 6);
        let compare = |pruned: &Stream| compared(&pruned.compare(&dense, 1).unwrap()).0;
        let found = compare(&pruned);
        assert_eq!((found.error, found.error_rest, found.norm_rest), (0.25, 0.25, 5.0));
        assert_eq!(found.norm, 100.0f64.powi(2) + 90.0f64.powi(2) + 80.0f64.powi(2) + 70.0f64.powi(2) + 5.0);
        assert!(found.relative() < 1e-5 && found.relative_rest() == 0.05);
        assert!(found.cosine > 0.0 && found.cosine < 1e-4);
        assert_eq!(compare(&dense).error, 0.0);
    }

    #[test]
    fn the_cosine_distance_does_not_depend_on_length() {
        let (dense, pruned) = (stream(&[1.0, 0.0, 0.0, 2.0], 2), stream(&[3.0, 0.0, 5.0, 0.0], 2));
        assert_eq!(compared(&pruned.compare(&dense, 1).unwrap()).0.cosine, 0.5);
        let nothing = stream(&[0.0, 0.0], 2);
        assert_eq!(compared(&nothing.compare(&nothing, 1).unwrap()).0.cosine, 0.0);
    }
}
