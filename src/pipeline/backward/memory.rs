//! The memory of a backward pass: batch sizes, what is kept on disk, and a forecast.

use candle_core::DType;

use crate::model::{Architecture, LayerSize};

use super::ModelOnWindows;

/// Maximum number of tokens of a batch, unless a window is longer.
const MOST_TOKENS: usize = 2048;
/// The fraction 1/SHARE of the memory budget is for the intermediate results of a batch, with at least one window.
const SHARE: u64 = 4;
/// Bytes of a gradient.
const GRADIENT: u64 = 4;

/// Amounts of memory in use at the same time in a backward pass, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BackwardMemory {
    /// The largest block's weights.
    pub block: u64,
    /// Inputs of blocks that are kept in memory.
    pub inputs: u64,
    /// Gradients at the output of the current block, for all windows and draws.
    pub gradients: u64,
    /// Intermediate results and gradients of one batch.
    pub batch: u64,
}

impl BackwardMemory {
    /// The sum of all amounts.
    pub fn total(&self) -> u64 {
        self.block + self.inputs + self.gradients + self.batch
    }
}

/// The memory of a backward pass over `samples` windows of `seq_len` tokens with `draws` labels each. It grows with the number
/// of layers only until the kept inputs fill half of the memory budget.
pub fn backward_memory(
    architecture: &Architecture,
    (samples, seq_len): (usize, usize),
    draws: usize,
    dtype: DType,
    memory_budget: u64,
) -> BackwardMemory {
    let stream = (samples * seq_len * architecture.hidden) as u64;
    let at_once = (windows_within(architecture, seq_len, dtype, memory_budget).min(samples) * seq_len) as u64;
    let most = |of: &dyn Fn(&LayerSize) -> u64| architecture.layers.iter().map(of).max().unwrap_or(0);
    let layers = architecture.layers.len() + 1;
    let in_memory = layers - layers_beyond(stream * dtype.size_in_bytes() as u64, layers, memory_budget);
    BackwardMemory {
        block: most(&|size| block_elements(architecture, size)) * dtype.size_in_bytes() as u64,
        inputs: stream * dtype.size_in_bytes() as u64 * in_memory as u64,
        gradients: stream * GRADIENT * draws as u64,
        batch: at_once * most(&|size| token_bytes(architecture, size, dtype)),
    }
}

/// Number of windows of a batch.
pub fn windows_at_once(on: &ModelOnWindows<'_>) -> usize {
    windows_within(on.model.architecture(), on.windows.seq_len(), on.dtype, on.memory_budget)
}

fn windows_within(architecture: &Architecture, seq_len: usize, dtype: DType, memory_budget: u64) -> usize {
    let per_token =
        architecture.layers.iter().map(|size| token_bytes(architecture, size, dtype)).max().unwrap_or(1);
    let within = memory_budget / SHARE / per_token.saturating_mul(seq_len as u64).max(1);
    usize::try_from(within).unwrap_or(usize::MAX).min(MOST_TOKENS / seq_len.max(1)).max(1)
}

/// Number of first entries, of `entries` in all, that are kept in the file.
pub fn layers_in_file(on: &ModelOnWindows<'_>, entries: usize) -> usize {
    let hidden = on.model.architecture().hidden;
    layers_beyond(
        (on.windows.tokens().len() * hidden * on.dtype.size_in_bytes()) as u64,
        entries,
        on.memory_budget,
    )
}

fn layers_beyond(stream_bytes: u64, entries: usize, memory_budget: u64) -> usize {
    let in_memory = memory_budget / 2 / stream_bytes.max(1);
    entries.saturating_sub(usize::try_from(in_memory).unwrap_or(usize::MAX))
}

fn block_elements(architecture: &Architecture, size: &LayerSize) -> u64 {
    let rows = 2 * (size.heads + size.kv_heads) * architecture.head_dim + 3 * size.channels;
    (architecture.hidden * rows) as u64
}

/// Intermediate results of a token: those of the forward pass, and the gradients at them.
fn token_bytes(architecture: &Architecture, size: &LayerSize, dtype: DType) -> u64 {
    let Architecture { hidden, head_dim, .. } = *architecture;
    let attention = (3 * size.heads + 4 * size.kv_heads) * head_dim;
    let forward = 4 * hidden + attention + 3 * size.channels;
    let backward = 4 * hidden + attention + 4 * size.channels;
    (forward * dtype.size_in_bytes() + backward * 4) as u64
}
