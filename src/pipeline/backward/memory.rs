//! The memory of a backward pass: batch sizes, what is kept on disk, and a forecast.

use candle_core::DType;

use crate::model::{
    Architecture, ComputeDevice, LayerSize, computes_in_tasks, loss_task_bytes, tokens_in_tasks,
};

use super::{BackwardStage, ModelOnWindows};

/// Maximum number of tokens of a batch, unless a window is longer.
const MOST_TOKENS: usize = 2048;
/// The fraction 1/SHARE of the memory budget is for the intermediate results of a batch, with at least one window.
const SHARE: u64 = 4;
/// Bytes of a gradient.
const GRADIENT: u64 = 4;

/// The sizes that determine the memory of a backward pass.
#[derive(Clone, Copy)]
pub struct BackwardFootprint<'a> {
    /// The model.
    pub architecture: &'a Architecture,
    /// Number of windows.
    pub samples: usize,
    /// Tokens per window.
    pub seq_len: usize,
    /// Labels of each position.
    pub draws: usize,
    /// The device of the passes.
    pub device: ComputeDevice,
    /// The number type of the forward pass.
    pub dtype: DType,
    /// Memory of the passes, in bytes.
    pub memory_budget: u64,
}

/// Amounts of memory in use at the same time in one stage of a backward pass, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackwardMemory {
    /// The stage.
    pub stage: BackwardStage,
    /// The weights of the largest block, or of the embedding and the head.
    pub weights: u64,
    /// Inputs of blocks that are kept in memory, and the hidden states on their way.
    pub inputs: u64,
    /// Gradients at the output of the current block, for all windows and draws.
    pub gradients: u64,
    /// Intermediate results and gradients of one batch.
    pub batch: u64,
}

impl BackwardMemory {
    /// The sum of all amounts.
    pub fn total(&self) -> u64 {
        self.weights + self.inputs + self.gradients + self.batch
    }
}

impl BackwardFootprint<'_> {
    /// The memory of each stage. [`super::Backward::step`] holds the results of a layer as well, of all windows.
    ///
    /// It grows with the number of layers only until the kept inputs fill half of the memory budget.
    pub fn stages(&self) -> [BackwardMemory; 3] {
        let stream = self.stream_bytes();
        let entries = self.architecture.layers.len() + 1;
        let in_memory = entries - layers_beyond(stream, entries, self.memory_budget);
        let kept = stream * in_memory as u64;
        let gradients = (self.tokens() * self.architecture.hidden * self.draws) as u64 * GRADIENT;
        let at_once = self.windows_at_once().min(self.samples) * self.seq_len;
        let in_tasks = tokens_in_tasks(at_once) as u64;
        let most =
            |of: &dyn Fn(&LayerSize) -> u64| self.architecture.layers.iter().map(of).max().unwrap_or(0);
        let block = most(&|size| self.block_elements(size)) * self.bytes();
        let batch = |of: &dyn Fn(&LayerSize) -> (u64, u64)| {
            most(&|size| {
                let (token, task_token) = of(size);
                token * at_once as u64 + task_token * in_tasks
            })
        };
        let ends = (self.architecture.vocab * self.architecture.hidden) as u64 * self.bytes();
        let ends = if self.architecture.tied { ends } else { 2 * ends };
        let forward = batch(&|size| self.forward_token(size));
        let backward = batch(&|size| self.backward_token(size, self.draws));
        let loss = loss_task_bytes(self.architecture.hidden)
            + (self.architecture.hidden * self.draws.max(1) * at_once) as u64 * GRADIENT;
        let memory = |stage, weights, inputs, gradients, batch| BackwardMemory {
            stage,
            weights,
            inputs,
            gradients,
            batch,
        };
        [
            memory(BackwardStage::Forward, block, kept.max(stream), 0, forward),
            memory(BackwardStage::Loss, ends, kept, gradients, loss),
            memory(BackwardStage::Backward, block, kept, gradients, backward),
        ]
    }

    /// The largest amount of all stages.
    pub fn peak(&self) -> u64 {
        self.stages().iter().map(BackwardMemory::total).max().unwrap_or(0)
    }

    /// Number of windows of a batch.
    pub(super) fn windows_at_once(&self) -> usize {
        let per_token = self.architecture.layers.iter().map(|size| {
            let (token, task_token) = self.backward_token(size, 1);
            token + task_token
        });
        let per_window = per_token.max().unwrap_or(1).saturating_mul(self.seq_len as u64).max(1);
        let within = usize::try_from(self.memory_budget / SHARE / per_window).unwrap_or(usize::MAX);
        within.min(MOST_TOKENS / self.seq_len.max(1)).max(1)
    }

    fn tokens(&self) -> usize {
        self.samples * self.seq_len
    }

    fn bytes(&self) -> u64 {
        self.dtype.size_in_bytes() as u64
    }

    fn stream_bytes(&self) -> u64 {
        (self.tokens() * self.architecture.hidden) as u64 * self.bytes()
    }

    fn block_elements(&self, size: &LayerSize) -> u64 {
        let rows = 2 * (size.heads + size.kv_heads) * self.architecture.head_dim + 3 * size.channels;
        (self.architecture.hidden * rows) as u64
    }

    /// Widths of hidden states, queries, keys and channels.
    fn widths(&self, size: &LayerSize) -> [u64; 4] {
        let Architecture { hidden, head_dim, .. } = *self.architecture;
        [hidden, size.heads * head_dim, size.kv_heads * head_dim, size.channels].map(|width| width as u64)
    }

    /// Bytes per token of a batch, and per token of a task, in the forward pass.
    fn forward_token(&self, size: &LayerSize) -> (u64, u64) {
        let [hidden, queries, keys, channels] = self.widths(size);
        match computes_in_tasks(self.device, self.dtype) {
            true => ((hidden + queries + 2 * keys) * self.bytes(), 2 * (hidden + channels) * self.bytes()),
            false => ((3 * hidden + (2 * (queries + keys)).max(2 * channels)) * self.bytes(), 0),
        }
    }

    /// Bytes per token of a batch, and per token of a task, in the backward pass.
    fn backward_token(&self, size: &LayerSize, draws: usize) -> (u64, u64) {
        let ([hidden, queries, keys, channels], draws) = (self.widths(size), draws as u64);
        match computes_in_tasks(self.device, self.dtype) {
            true => {
                // The input, q, k, v, and the inputs of both scored weights; by draw the gradients at the outputs of the parts
                // and at the input, at the contexts, at q, k, v of every query head, and at q, k, v.
                let shared = hidden + 2 * queries + 2 * keys + channels;
                let of_draw = 3 * hidden + 5 * queries + 2 * keys;
                ((shared + draws * of_draw) * self.bytes(), (5 * hidden + 4 * channels) * self.bytes())
            }
            false => {
                // Draws go one after another. Each operation makes new tensors: gradients and widened copies of its inputs.
                let forward = 3 * hidden + 3 * queries + 4 * keys + 3 * channels;
                let backward = 5 * hidden + (6 * channels).max(6 * (queries + keys)) + channels;
                (forward * self.bytes() + (backward + draws * 3 * hidden) * GRADIENT, 0)
            }
        }
    }
}

/// The footprint of a pass; the number of draws changes no batch.
fn footprint<'a>(on: &ModelOnWindows<'a>) -> BackwardFootprint<'a> {
    let device = if on.device.is_cpu() { ComputeDevice::Cpu } else { ComputeDevice::Cuda(0) };
    BackwardFootprint {
        architecture: on.model.architecture(),
        samples: on.windows.samples(),
        seq_len: on.windows.seq_len(),
        draws: 1,
        device,
        dtype: on.dtype,
        memory_budget: on.memory_budget,
    }
}

/// Number of windows of a batch.
pub fn windows_at_once(on: &ModelOnWindows<'_>) -> usize {
    footprint(on).windows_at_once()
}

/// Number of first entries, of `entries` in all, that are kept in the file.
pub fn layers_in_file(on: &ModelOnWindows<'_>, entries: usize) -> usize {
    layers_beyond(footprint(on).stream_bytes(), entries, on.memory_budget)
}

fn layers_beyond(stream_bytes: u64, entries: usize, memory_budget: u64) -> usize {
    let in_memory = memory_budget / 2 / stream_bytes.max(1);
    entries.saturating_sub(usize::try_from(in_memory).unwrap_or(usize::MAX))
}
