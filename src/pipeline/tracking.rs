//! The cost of running the dense stream beside the pruned one, and whether a run tracks output errors by itself.

use candle_core::DType;

use crate::{
    config::{Settings, Tracking},
    model::{Architecture, LayerSize},
    prune::Part,
};

use super::Footprint;

/// Floating-point operations that tracking may always add: seconds on two cores.
const ALWAYS: f64 = 2e12;
/// The fraction of a run's operations that tracking may add.
const SHARE: f64 = 0.25;

/// The cost of the dense stream.
#[derive(Clone, Copy, Debug, PartialEq)]
struct TrackingCost {
    /// Floating-point operations of the dense forward passes.
    operations: f64,
    /// Floating-point operations of the run without them.
    run_operations: f64,
    /// Peak memory of a pass with both streams, in bytes.
    peak: u64,
}

/// Settings with a decision about tracking. It depends on sizes alone, so equal settings give equal records.
pub fn decided(
    mut settings: Settings,
    architecture: &Architecture,
    seq_len: usize,
    dtype: DType,
) -> Settings {
    if settings.evaluation.track_errors == Tracking::Auto {
        let cost = tracking_cost(&settings, architecture, seq_len, dtype);
        let time = cost.operations <= (SHARE * cost.run_operations).max(ALWAYS);
        let memory = cost.peak <= settings.machine.memory_budget.0;
        settings.evaluation.track_errors = (time && memory).into();
    }
    settings
}

/// The cost of tracking output errors in a run with these settings.
fn tracking_cost(
    settings: &Settings,
    architecture: &Architecture,
    seq_len: usize,
    dtype: DType,
) -> TrackingCost {
    let (samples, mut tracked) = (settings.calibration.samples, settings.clone());
    tracked.evaluation.track_errors = Tracking::On;
    let footprint = Footprint { architecture, settings: &tracked, samples, seq_len, dtype };
    let layers = 0..architecture.layers.len();
    let peak = layers.map(|layer| footprint.most(layer)).max().unwrap_or(0);
    let (tokens, hidden) = ((samples * seq_len) as f64, architecture.hidden as f64);
    let (mut forward, mut solve) = (0.0, 0.0);
    for size in &architecture.layers {
        forward +=
            2.0 * tokens * weights(size, architecture) + attention(size, architecture, tokens, seq_len);
        let widths = [
            (Part::Attention, (size.heads * architecture.head_dim) as f64),
            (Part::Mlp, size.channels as f64),
        ];
        for (_, n) in widths.into_iter().filter(|(part, _)| settings.prunes(*part)) {
            solve += tokens * n * n + 1.3 * n * n * n + 3.0 * hidden * n * n;
        }
    }
    TrackingCost { operations: forward, run_operations: forward + solve, peak }
}

/// Weights of a block.
fn weights(size: &LayerSize, architecture: &Architecture) -> f64 {
    let rows = 2 * (size.heads + size.kv_heads) * architecture.head_dim + 3 * size.channels;
    (rows * architecture.hidden) as f64
}

/// Operations of the scores and the context of a causal attention.
fn attention(size: &LayerSize, architecture: &Architecture, tokens: f64, seq_len: usize) -> f64 {
    2.0 * tokens * seq_len as f64 * (size.heads * architecture.head_dim) as f64
}
