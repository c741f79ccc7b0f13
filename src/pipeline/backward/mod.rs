//! The backward pass of the cross entropy, block by block from the last to the first.
//!
//! [`KeptInputs`] is a forward pass that keeps the input of every block. [`Backward`] then computes one block after another
//! again, with gradients. One block and the intermediate results of one batch of windows are in memory, whatever the depth.
//!
//! The loss is the sum of −ln p(label) over all positions. Weights receive no gradient unless one asks for it.

mod kept_inputs;
mod labels;
mod memory;
#[cfg(test)]
mod tests;
mod walk;

use std::ops::ControlFlow;

use candle_core::{DType, Device};

use crate::{calibration::Windows, model::BlockByBlock};

use super::Error;

pub use kept_inputs::KeptInputs;
pub use labels::Labels;
pub use memory::{BackwardFootprint, BackwardMemory};
pub use walk::{Backward, BatchGradients, LayerGradients};

pub use crate::model::PartGradients;

/// A model and the windows that pass through it.
#[derive(Clone, Copy)]
pub struct ModelOnWindows<'a> {
    /// The model, possibly with cuts.
    pub model: &'a dyn BlockByBlock,
    /// The windows.
    pub windows: &'a Windows,
    /// The device of the passes.
    pub device: &'a Device,
    /// The number type of the forward pass. Gradients are f32.
    pub dtype: DType,
    /// Memory of the passes, in bytes. It decides the size of batches and what is kept on disk, and changes no result.
    pub memory_budget: u64,
}

/// What a pass is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackwardStage {
    /// Computing the input of the next block.
    Forward,
    /// Computing the loss and its gradient at the last hidden states.
    Loss,
    /// Computing gradients in a block.
    Backward,
}

/// Progress of a forward or backward pass: windows in one layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackwardProgress {
    /// The current work.
    pub stage: BackwardStage,
    /// The layer; the number of layers while the loss is computed.
    pub layer: usize,
    /// Windows that are done in this layer.
    pub done: u64,
    /// All windows.
    pub total: u64,
}

/// Receives progress after each batch; its `Break` cancels the pass.
pub type BackwardObserver<'o> = dyn FnMut(BackwardProgress) -> ControlFlow<()> + 'o;

fn emit(observer: &mut BackwardObserver<'_>, progress: BackwardProgress) -> Result<(), Error> {
    if observer(progress).is_break() { Err(Error::Cancelled) } else { Ok(()) }
}
