//! Forward passes on the processor in f32. Tasks compute a few hundred tokens from start to end, so the intermediate results
//! stay in the caches and no thread waits for another between operations.
//!
//! The division into tasks and tiles depends on sizes alone, so the bytes do not depend on the number of threads.

mod attention;
mod block;
mod buffers;
mod divergence;
mod elementwise;
mod loss;
mod values;

pub use attention::{Heads, Strided, attend};
pub use block::{Around, AttentionWeights, BlockOnProcessor, MlpWeights, PartBackward, Shape};
pub use divergence::Compared;
pub use elementwise::Gate;
pub use loss::{Choice, Head};
pub use values::Values;

use candle_core::{DType, Tensor};
use faer::{Accum, MatMut, MatRef};
use rayon::prelude::*;

use super::ComputeDevice;
use crate::product::multiply;

/// Whether tensors like this are computed here. Libraries for matrix products work on whole tensors.
pub fn applies(x: &Tensor) -> bool {
    x.device().is_cpu() && computes(ComputeDevice::Cpu, x.dtype())
}

/// Whether forward passes on this device in this number type are computed here.
pub fn computes(device: ComputeDevice, dtype: DType) -> bool {
    let library = cfg!(any(feature = "accelerate", feature = "mkl"));
    !library && device == ComputeDevice::Cpu && dtype == DType::F32
}

/// Number of tokens of a batch that the tasks of a block process at the same time.
pub fn tokens_in_tasks(batch: usize) -> usize {
    batch.min(rayon::current_num_threads() * block::TOKENS)
}

/// Memory of the tasks of an output head that run at the same time, in bytes: norms and logits of their tokens.
pub fn loss_task_bytes(hidden: usize) -> u64 {
    (rayon::current_num_threads() * loss::TOKENS * (hidden + loss::AT_ONCE) * size_of::<f32>()) as u64
}

/// The weight of a linear layer: [outputs, inputs], and its bias.
pub struct Weight<'w> {
    pub values: Values<'w>,
    pub bias: Option<Values<'w>>,
    pub outputs: usize,
    pub inputs: usize,
}

impl Weight<'_> {
    /// x: [tokens, inputs] → out: [tokens, outputs].
    fn forward(&self, x: &[f32], out: &mut [f32]) {
        let tokens = out.len() / self.outputs;
        let x = MatRef::from_row_major_slice(x, tokens, self.inputs);
        let weight = MatRef::from_row_major_slice(&self.values, self.outputs, self.inputs);
        let product = MatMut::from_row_major_slice_mut(out, tokens, self.outputs);
        multiply(product.transpose_mut(), Accum::Replace, weight, x.transpose(), 1.0);
        if let Some(bias) = &self.bias {
            for row in out.chunks_exact_mut(self.outputs) {
                row.iter_mut().zip(&**bias).for_each(|(y, bias)| *y += bias);
            }
        }
    }
}

/// Columns of x: [rows, width] → [rows, columns].
pub fn columns_of(x: &[f32], width: usize, columns: &[u32]) -> Vec<f32> {
    /// Rows per task.
    const ROWS: usize = 64;
    let mut out = vec![0.0; x.len() / width * columns.len()];
    out.par_chunks_mut(ROWS * columns.len()).zip(x.par_chunks(ROWS * width)).for_each(|(out, x)| {
        for (out, x) in out.chunks_exact_mut(columns.len()).zip(x.chunks_exact(width)) {
            out.iter_mut().zip(columns).for_each(|(out, &column)| *out = x[column as usize]);
        }
    });
    out
}
