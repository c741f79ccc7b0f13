//! The hidden states of all calibration windows, in batches.

use candle_core::{CpuStorage, DType, Device, Storage, Tensor};
use rayon::prelude::*;

use crate::{
    calibration::Windows,
    prune::{LARGEST_DIMENSIONS, StreamError},
};

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

    /// Compares the stream with the dense one over all tokens. Also returns E‖h − h_dense‖² / E‖h_dense‖², from the sums
    /// over all tokens.
    pub fn compare(&self, dense: &Self) -> Result<(StreamError, f64), Error> {
        let hidden = self.batches.first().map_or(0, |h| h.dims().last().copied().unwrap_or(0)).max(1);
        // Single sums over all tokens make the last bits independent of the batch size.
        let (mut tokens, mut error, mut norm, mut cosine) = (0_u64, 0.0, 0.0, 0.0);
        let mut by_dimension = vec![(0.0, 0.0); hidden];
        for (h, h_dense) in self.batches.iter().zip(&dense.batches) {
            with_values(h, |h| {
                with_values(h_dense, |h_dense| {
                    for (h, h_dense) in h.chunks_exact(hidden).zip(h_dense.chunks_exact(hidden)) {
                        let (mut dot, mut own, mut other) = (0.0, 0.0, 0.0);
                        for ((&h, &h_dense), sums) in h.iter().zip(h_dense).zip(&mut by_dimension) {
                            let off = f64::from(h - h_dense);
                            let (h, h_dense) = (f64::from(h), f64::from(h_dense));
                            error += off * off;
                            norm += h_dense * h_dense;
                            dot += h * h_dense;
                            own += h * h;
                            other += h_dense * h_dense;
                            sums.0 += off * off;
                            sums.1 += h_dense * h_dense;
                        }
                        // Two zero vectors agree.
                        let length = (own * other).sqrt();
                        cosine += if length > 0.0 {
                            (1.0 - dot / length).max(0.0)
                        } else {
                            f64::from(own != other)
                        };
                        tokens += 1;
                    }
                })
            })??;
        }
        by_dimension.sort_by(|a, b| b.1.total_cmp(&a.1));
        let rest = &by_dimension[LARGEST_DIMENSIONS.min(hidden)..];
        let per_token = 1.0 / tokens.max(1) as f64;
        let relative = if norm == 0.0 && error == 0.0 { 0.0 } else { error / norm };
        let compared = StreamError {
            error: error * per_token,
            norm: norm * per_token,
            cosine: cosine * per_token,
            error_rest: rest.iter().map(|sums| sums.0).sum::<f64>() * per_token,
            norm_rest: rest.iter().map(|sums| sums.1).sum::<f64>() * per_token,
        };
        Ok((compared, relative))
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
    use super::*;

    fn stream(values: &[f32], hidden: usize) -> Stream {
        let tokens = values.len() / hidden;
        Stream { batches: vec![Tensor::from_slice(values, (1, tokens, hidden), &Device::Cpu).unwrap()] }
    }

    #[test]
    fn the_largest_dimensions_are_left_out_of_the_rest() {
        // Dimensions 0 to 3 hold almost all of the norm, and none of the error.
        let dense = stream(&[100.0, 90.0, 80.0, 70.0, 1.0, 2.0, 100.0, 90.0, 80.0, 70.0, 2.0, 1.0], 6);
        let pruned = stream(&[100.0, 90.0, 80.0, 70.0, 1.5, 2.0, 100.0, 90.0, 80.0, 70.0, 2.0, 0.5], 6);
        let found = pruned.compare(&dense).unwrap().0;
        assert_eq!((found.error, found.error_rest, found.norm_rest), (0.25, 0.25, 5.0));
        assert_eq!(found.norm, 100.0f64.powi(2) + 90.0f64.powi(2) + 80.0f64.powi(2) + 70.0f64.powi(2) + 5.0);
        assert!(found.relative() < 1e-5 && found.relative_rest() == 0.05);
        assert!(found.cosine > 0.0 && found.cosine < 1e-4);
        assert_eq!(dense.compare(&dense).unwrap().0.error, 0.0);
    }

    #[test]
    fn the_cosine_distance_does_not_depend_on_length() {
        let (dense, pruned) = (stream(&[1.0, 0.0, 0.0, 2.0], 2), stream(&[3.0, 0.0, 5.0, 0.0], 2));
        assert_eq!(pruned.compare(&dense).unwrap().0.cosine, 0.5);
        let nothing = stream(&[0.0, 0.0], 2);
        assert_eq!(nothing.compare(&nothing).unwrap().0.cosine, 0.0);
    }
}
