//! `slimgpt inspect`: the sizes of a model, the plan of a run, and the memory and time it needs.

use std::time::Instant;

use candle_core::{DType, Device, Tensor};
use serde::Serialize;

use crate::{
    calibration::TextSource,
    config::Settings,
    demo,
    model::{
        Architecture, Checkpoint, LOGIT_COPIES, LayerSize, computes_in_tasks, loss_task_bytes,
        positions_at_once,
    },
    pipeline::{self, Footprint, Held, LayerPlan, Phase, backward::BackwardFootprint, search::search_phases},
    product,
    protocol::PlannedLayer,
    prune::{AttentionUnitChoice, Schedule, TokenWeighting},
};

use super::{
    Context, Error, ModelChoice,
    calibrate::{check_reach, resolved, window_length},
    describe::planned,
    machine::forward_on,
    weigh::first,
    written,
};

/// Side of the matrices in the product that measures the machine's speed.
const PROBE: usize = 1024;
/// Tokens in the window used to time one block. Times for longer windows are extrapolated.
const PROBE_TOKENS: usize = 512;

/// Bytes of the program itself: code, tokenizer and texts.
const PROGRAM: u64 = 48 << 20;
/// Bytes per thread: its stack, and the packed panels of a product.
const PER_THREAD: u64 = 16 << 20;
/// One byte of so many is lost between blocks of the allocator.
const LOST: u64 = 50;

/// Bytes of a tokenizer per token of its vocabulary, with its merges.
const PER_TOKEN: u64 = 1500;

/// Resident size of the process while these bytes are in use.
fn resident(in_use: u64, vocab: usize) -> u64 {
    let program = PROGRAM + PER_THREAD * rayon::current_num_threads() as u64 + PER_TOKEN * vocab as u64;
    in_use.saturating_add(in_use / LOST).saturating_add(program)
}

/// A model and a planned run.
#[derive(Clone, Debug, Serialize)]
pub struct Inspection {
    pub model: String,
    pub family: String,
    pub parameters: u64,
    pub hidden: usize,
    pub head_dim: usize,
    pub vocab: usize,
    pub max_positions: usize,
    /// Stored types of the weights.
    pub weights: String,
    /// Whether some weights are quantised.
    pub quantised: bool,
    pub attention_unit: AttentionUnitChoice,
    pub layers: Vec<PlannedLayer>,
    pub parameters_after: u64,
    pub run: Needs,
}

/// Memory and time of a run, estimated from the sizes and a short measurement on this machine.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Needs {
    pub samples: usize,
    pub seq_len: usize,
    /// Number of windows that pass through a block together.
    pub windows_at_once: usize,
    /// Peak memory of pruning in bytes. Perplexity and verification run later and are not included: they need
    /// a block, the embedding, the head, and logits.
    pub peak_bytes: u64,
    /// Phase of the peak.
    pub peak_phase: Phase,
    /// Composition of the peak.
    pub peak: Held,
    /// The part of the peak that caches the FFN's inputs. A smaller memory budget recomputes them.
    pub optional_bytes: u64,
    /// Layer inputs that the explorer also keeps in memory for retries, within the memory budget. `slimgpt
    /// prune` keeps them only in the session.
    pub kept_bytes: u64,
    pub forward_seconds: f64,
    pub solve_seconds: f64,
    /// Whether output errors are tracked; the times and the memory include it.
    pub tracked: bool,
    /// Time of the dense forward passes that tracking needs.
    pub tracking_seconds: f64,
    /// Memory of the dense stream that tracking needs.
    pub tracking_bytes: u64,
    /// Peak memory while the model writes calibration windows; None if it writes none.
    pub writing_bytes: Option<u64>,
    /// Peak memory while the calibration tokens are weighed; None if all count alike.
    pub weighing_bytes: Option<u64>,
    /// Time of weighing them.
    pub weighing_seconds: Option<f64>,
}

pub fn inspect(model: &ModelChoice, settings: Settings, context: &mut Context) -> Result<Inspection, Error> {
    let (device, dtype) = forward_on(&settings.machine)?;
    let checkpoint = model.open(context)?;
    let architecture = checkpoint.architecture();
    let warnings = check_reach(&settings, None, architecture)?;
    warnings.into_iter().for_each(|warning| context.emit(warning));
    let settings = resolved(settings, architecture)?;
    let seq_len = window_length(&settings, architecture)?;
    let plan = pipeline::plan(architecture, &settings)?;
    let after = pipeline::planned(architecture, &plan);
    Ok(Inspection {
        model: checkpoint.name().into(),
        family: architecture.family.to_string(),
        parameters: architecture.parameters(),
        hidden: architecture.hidden,
        head_dim: architecture.head_dim,
        vocab: architecture.vocab,
        max_positions: architecture.max_positions,
        weights: checkpoint.stored_types()?.join(", "),
        quantised: !checkpoint.quantised_types()?.is_empty(),
        attention_unit: settings.objective.attention_unit,
        layers: plan.iter().zip(&architecture.layers).map(planned).collect(),
        parameters_after: after.parameters(),
        run: needs(&checkpoint, &plan, &settings, seq_len, (&device, dtype))?,
    })
}

/// Estimated peak memory of a run in bytes, including evaluation. Runs no computation.
pub fn forecast(model: &ModelChoice, settings: Settings, context: &mut Context) -> Result<u64, Error> {
    let (_, dtype) = forward_on(&settings.machine)?;
    let checkpoint = model.open(context)?;
    let architecture = checkpoint.architecture();
    let settings = resolved(settings, architecture)?;
    let seq_len = window_length(&settings, architecture)?;
    let plan = pipeline::plan(architecture, &settings)?;
    let samples = settings.calibration.samples;
    let footprint = Footprint { architecture, settings: &settings, samples, seq_len, dtype };
    let phases = phases(&footprint, &plan);
    let pruning = phases.iter().map(|(_, held)| held.total()).max().unwrap_or(0);
    let block = phases.iter().map(|(_, held)| held.block).max().unwrap_or(0);
    let evaluating = block.saturating_add(evaluation(architecture, &settings, dtype));
    let writing = written::bytes(&settings, architecture, seq_len, dtype);
    let weighing = weighing(architecture, &settings, seq_len, dtype)?.unwrap_or(0);
    Ok(resident(pruning.max(evaluating).max(writing).max(weighing), architecture.vocab))
}

/// All phases of a run, with its search for ratios.
fn phases(run: &Footprint<'_>, plan: &[LayerPlan]) -> Vec<(Phase, Held)> {
    let Footprint { architecture, settings, samples, seq_len, dtype } = *run;
    let search = match settings.ratios.schedule {
        Schedule::Auto => search_phases(architecture, settings, (samples, seq_len), dtype),
        Schedule::Log
        | Schedule::Linear
        | Schedule::Uniform
        | Schedule::LogDecrease
        | Schedule::LinearDecrease
        | Schedule::Custom(_) => Vec::new(),
    };
    search.into_iter().chain(run.phases(plan)).collect()
}

/// Upper bound of the memory for measuring perplexity, in addition to a block: hidden states, embedding and
/// head, logits.
fn evaluation(architecture: &Architecture, settings: &Settings, dtype: DType) -> u64 {
    let tokens = |text: &TextSource| match text {
        TextSource::DemoStories | TextSource::DemoHeldOut => demo::HELD_OUT.len() as u64,
        // Only for calibration, which is an error.
        TextSource::Written(_) => 0,
        // Every token has at least one byte.
        TextSource::File(path) => path.metadata().map_or(u64::MAX, |file| file.len()),
    };
    let texts = [&settings.evaluation.text, &settings.evaluation.guard];
    let Some(most_tokens) = texts.into_iter().flatten().map(tokens).max() else { return 0 };
    let (hidden, vocab) = (architecture.hidden as u64, architecture.vocab as u64);
    let size = dtype.size_in_bytes() as u64;
    let states = most_tokens.saturating_mul(hidden * size).min(settings.machine.memory_budget.0 / 2);
    let logits = if computes_in_tasks(settings.machine.device, dtype) {
        loss_task_bytes(architecture.hidden)
    } else {
        let positions = positions_at_once(architecture.vocab, settings.machine.memory_budget.0) as u64;
        LOGIT_COPIES * 4 * vocab * positions.min(most_tokens)
    };
    states.saturating_add(2 * vocab * hidden * size).saturating_add(logits)
}

/// Peak while the calibration tokens are weighed; None if all count alike.
fn weighing(
    architecture: &Architecture,
    settings: &Settings,
    seq_len: usize,
    dtype: DType,
) -> Result<Option<u64>, Error> {
    let samples = settings.calibration.samples;
    match settings.calibration.weights {
        TokenWeighting::None => Ok(None),
        TokenWeighting::Kl => {
            let first = first(settings);
            let plan = pipeline::plan(architecture, &first)?;
            let footprint = Footprint { architecture, settings: &first, samples, seq_len, dtype };
            Ok(footprint.phases(&plan).iter().map(|(_, held)| held.total()).max())
        }
        TokenWeighting::Fisher => {
            let (device, memory_budget) = (settings.machine.device, settings.machine.memory_budget.0);
            let draws = pipeline::GRADIENT_DRAWS;
            let footprint =
                BackwardFootprint { architecture, samples, seq_len, draws, device, dtype, memory_budget };
            Ok(Some(footprint.peak()))
        }
    }
}

fn needs(
    checkpoint: &Checkpoint,
    plan: &[LayerPlan],
    settings: &Settings,
    seq_len: usize,
    forward: (&Device, DType),
) -> Result<Needs, Error> {
    let architecture = checkpoint.architecture();
    let tokens = (settings.calibration.samples as u64).saturating_mul(seq_len as u64);
    let hidden = architecture.hidden as u64;
    let streams = 1 + u64::from(settings.needs_dense_stream());
    let context = |size: &LayerSize| (size.heads * architecture.head_dim) as u64;
    let footprint = Footprint {
        architecture,
        settings,
        samples: settings.calibration.samples,
        seq_len,
        dtype: forward.1,
    };
    let phases = phases(&footprint, plan);
    let largest = phases.iter().copied().max_by_key(|(_, held)| held.total());
    let (peak_phase, peak) = largest.unwrap_or((Phase::Entering, Held::default()));
    let peak_bytes = resident(peak.total(), architecture.vocab);
    let room = settings.machine.memory_budget.0.saturating_sub(peak.total());
    // Not those of the phase with the peak: a search holds other windows.
    let held_streams = footprint.streams();
    let kept_bytes = held_streams.saturating_mul(architecture.layers.len() as u64).min(room);
    let optional_bytes = match peak_phase {
        Phase::MeasuringMlp | Phase::SolvingMlp | Phase::PropagatingMlp => peak.inputs,
        Phase::FollowingPaths
        | Phase::Gradients
        | Phase::MeasuringCosts
        | Phase::TryingRatios
        | Phase::Entering
        | Phase::MeasuringAttention
        | Phase::SolvingAttention
        | Phase::PropagatingAttention => 0,
    };

    let (mut moment_flops, mut path_flops, mut fit_flops) = (0.0, 0.0, 0.0);
    for (size, plan) in architecture.layers.iter().zip(plan) {
        let parts = [(plan.attention, context(size) as f64), (plan.mlp, size.channels as f64)];
        for n in parts.into_iter().filter_map(|(units, n)| units.map(|_| n)) {
            moment_flops += tokens as f64 * n * n;
            // Inverse, updates of W along the path, ‖y‖² and a few down-dates; then the fit.
            path_flops += 1.2 * n * n * n + 2.0 * hidden as f64 * n * n;
            fit_flops += 0.1 * n * n * n + hidden as f64 * n * n;
        }
    }
    let in_f32 = product::rate::<f32>(PROBE);
    let blocks = streams as f64 * architecture.layers.len() as f64;
    let block_seconds = tokens as f64 * seconds_per_token(checkpoint, seq_len, forward)?;
    let solve_seconds = path_flops / in_f32 + fit_flops / product::rate::<f64>(PROBE);
    let writing = written::bytes(settings, architecture, seq_len, forward.1);
    let weighing = weighing(architecture, settings, seq_len, forward.1)?;
    let one_pass = architecture.layers.len() as f64 * block_seconds;
    let head = 2.0 * tokens as f64 * (architecture.hidden * architecture.vocab) as f64 / in_f32;
    let weighing_seconds = match settings.calibration.weights {
        TokenWeighting::None => None,
        TokenWeighting::Kl => Some(2.0 * (one_pass + head) + moment_flops / in_f32 + solve_seconds),
        // The blocks run twice and back by draws; a backward pass costs about two forward passes.
        TokenWeighting::Fisher => Some(
            2.0 * one_pass
                + pipeline::GRADIENT_DRAWS as f64 * 2.0 * one_pass
                + (1 + pipeline::GRADIENT_DRAWS) as f64 * head,
        ),
    };
    Ok(Needs {
        samples: settings.calibration.samples,
        seq_len,
        windows_at_once: footprint.windows_at_once(),
        peak_bytes,
        peak_phase,
        peak,
        optional_bytes,
        kept_bytes,
        forward_seconds: blocks * block_seconds + moment_flops / in_f32,
        tracked: settings.evaluation.track_errors.is_on(),
        tracking_seconds: architecture.layers.len() as f64 * block_seconds,
        tracking_bytes: held_streams / streams,
        solve_seconds,
        writing_bytes: (writing > 0).then(|| resident(writing, architecture.vocab)),
        weighing_bytes: weighing.map(|bytes| resident(bytes, architecture.vocab)),
        weighing_seconds,
    })
}

/// Seconds per token of the first block, from the faster of two measurements on one window.
fn seconds_per_token(
    checkpoint: &Checkpoint,
    seq_len: usize,
    (device, dtype): (&Device, DType),
) -> Result<f64, Error> {
    let length = seq_len.min(PROBE_TOKENS);
    let window: Vec<u32> = (0..length as u32).map(|i| i % checkpoint.architecture().vocab as u32).collect();
    let h = checkpoint.embed(&[&window], device, dtype)?;
    let block = checkpoint.block(0, device, dtype)?;
    let rope = checkpoint.rope(length, device, dtype)?;
    let mut best = f64::INFINITY;
    for _ in 0..2 {
        let began = Instant::now();
        wait_for(&block.forward(&h, &rope)?).map_err(|e| Error::Pipeline(e.into()))?;
        best = best.min(began.elapsed().as_secs_f64());
    }
    Ok(best / length as f64)
}

/// Waits for an asynchronous device by reading a value.
fn wait_for(result: &Tensor) -> candle_core::Result<()> {
    result.flatten_all()?.get(0)?.to_dtype(DType::F32)?.to_scalar::<f32>().map(drop)
}
