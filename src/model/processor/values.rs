//! The numbers of tensors in the processor's memory.

use std::ops::{Deref, Range};

use candle_core::{CpuStorage, Layout, Result, Storage, Tensor, bail};

/// The f32 numbers of a contiguous tensor, row-major, without a copy.
pub struct Values<'t> {
    /// A read lock; candle does not export its type.
    storage: Box<dyn Deref<Target = Storage> + Sync + 't>,
    range: Range<usize>,
}

impl<'t> Values<'t> {
    /// The numbers of a contiguous f32 tensor on the processor.
    ///
    /// # Errors
    /// If the tensor is not one.
    pub fn of(tensor: &'t Tensor) -> Result<Self> {
        let (storage, layout) = tensor.storage_and_layout();
        let Some((start, end)) = layout.contiguous_offsets() else {
            bail!("expected contiguous numbers, found {layout:?}")
        };
        match &*storage {
            Storage::Cpu(CpuStorage::F32(_)) => Ok(Self { storage: Box::new(storage), range: start..end }),
            _ => bail!("expected f32 numbers on the processor"),
        }
    }

    /// All numbers of the storage of an f32 tensor on the processor, and its layout in them.
    ///
    /// # Errors
    /// If the tensor is of another type.
    pub fn whole(tensor: &'t Tensor) -> Result<(Self, &'t Layout)> {
        let (storage, layout) = tensor.storage_and_layout();
        let length = match &*storage {
            Storage::Cpu(CpuStorage::F32(numbers)) => numbers.len(),
            _ => bail!("expected f32 numbers on the processor"),
        };
        Ok((Self { storage: Box::new(storage), range: 0..length }, layout))
    }
}

impl Deref for Values<'_> {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        match &**self.storage {
            Storage::Cpu(CpuStorage::F32(numbers)) => &numbers[self.range.clone()],
            _ => &[],
        }
    }
}
