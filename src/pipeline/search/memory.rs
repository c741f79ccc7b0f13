//! The memory of a search for ratios.

use candle_core::DType;

use crate::{
    config::{SearchCosts, Settings},
    model::{Architecture, LayerSize},
    names::Named,
    prune::{AttentionUnit, Part},
};

use super::{
    super::{
        backward::{BackwardFootprint, BackwardMemory},
        memory::{Footprint, Held, Phase},
    },
    SearchWindows,
    fisher::{DRAWS, SHARES},
    for_search,
    measured::ALL_UP_TO,
};

/// The phases of a search with `samples` calibration windows, and their memory.
pub fn search_phases(
    architecture: &Architecture,
    settings: &Settings,
    (samples, seq_len): (usize, usize),
    dtype: DType,
) -> Vec<(Phase, Held)> {
    let settings = for_search(settings);
    let samples = SearchWindows::each(samples, settings.ratios.search_samples);
    let pass = Footprint { architecture, settings: &settings, samples, seq_len, dtype };
    let costs = match settings.ratios.search_costs {
        SearchCosts::Fisher => predicting(&pass),
        SearchCosts::Measured => vec![(Phase::MeasuringCosts, measuring(&pass))],
    };
    let tried = (settings.ratios.search_trials > 1).then(|| (Phase::TryingRatios, trying(&pass)));
    costs.into_iter().chain(tried).collect()
}

/// Predicted costs: the paths of a layer's parts, then its gradients.
fn predicting(pass: &Footprint<'_>) -> Vec<(Phase, Held)> {
    let Footprint { architecture, settings, samples, seq_len, dtype } = *pass;
    let backward = BackwardFootprint {
        architecture,
        samples,
        seq_len,
        draws: DRAWS,
        device: settings.machine.device,
        dtype,
        memory_budget: settings.machine.memory_budget.0,
    };
    let stages = backward.stages();
    // The inputs of all layers are kept for the windows for fitting and for those with gradients.
    let inputs = 2 * stages.iter().map(|stage| stage.inputs).max().unwrap_or(0);
    let gradients = stages.iter().map(|stage| stage.gradients).max().unwrap_or(0);
    let most = |of: &dyn Fn(LayerSize) -> Held| {
        architecture.layers.iter().map(|&size| of(size)).max_by_key(|held| held.total()).unwrap_or_default()
    };
    let paths = most(&|size| {
        let held = widest(pass, size);
        Held { inputs, streams: gradients, solve: held.solve + changes(pass, size), ..held }
    });
    let walking = stages.map(|BackwardMemory { weights, batch, .. }| {
        let followed = most(&|size| Held {
            block: weights,
            streams: gradients,
            inputs,
            batch: batch + products(pass),
            solve: changes(pass, size),
            ..Held::default()
        });
        (Phase::Gradients, followed)
    });
    std::iter::once((Phase::FollowingPaths, paths)).chain(walking).collect()
}

/// The phase of a layer's pass that needs most, with kept inputs.
fn widest(pass: &Footprint<'_>, size: LayerSize) -> Held {
    let of_part = |part| {
        let inputs = pass.inputs(pass.width(part, size));
        let units = AttentionUnit::ALL.iter().map(move |&unit| pass.solving(part, size, size, unit));
        std::iter::once(pass.measuring(part, size)).chain(units).map(move |held| Held { inputs, ..held })
    };
    let all = [Part::Attention, Part::Mlp].into_iter().flat_map(of_part);
    all.max_by_key(|held| held.total()).unwrap_or_default()
}

/// ΔW of a layer's parts at all counts, for both units of the attention.
fn changes(pass: &Footprint<'_>, size: LayerSize) -> u64 {
    let counts = |units: usize| if units <= ALL_UP_TO { units } else { SHARES.len() + 1 } as u64;
    let change = |part| pass.architecture.hidden as u64 * pass.width(part, size) * size_of::<f32>() as u64;
    let attention = counts(size.kv_heads) + counts(size.heads / size.kv_heads.max(1));
    attention * change(Part::Attention) + counts(size.channels) * change(Part::Mlp)
}

/// Products of a layer with the gradients: of a batch with one ΔW, and of all tokens with every ΔW.
fn products(pass: &Footprint<'_>) -> u64 {
    let counts = 3 * ALL_UP_TO.max(SHARES.len() + 1) as u64;
    let of_batch = pass.at_once() * pass.architecture.hidden as u64;
    (of_batch + pass.tokens() * DRAWS as u64 * counts) * size_of::<f32>() as u64
}

/// Whole models: the streams of the best and of the current one, and a pass.
fn trying(pass: &Footprint<'_>) -> Held {
    let layers = pass.architecture.layers.len() as u64;
    let own = pass.streams() + 2 * pass.stream(pass.tokens());
    let budget = pass.settings.machine.memory_budget.0;
    let kept = if keeps_all(layers, own, budget) { 2 * layers * own } else { 2 * own };
    with_streams(pass, kept + pass.stream(pass.tokens()))
}

/// Whether the streams of two models at the inputs of all layers are kept.
pub(super) fn keeps_all(layers: u64, streams: u64, memory_budget: u64) -> bool {
    2 * layers * streams <= memory_budget / 2
}

/// Parts pruned alone: variants side by side, and a pass.
fn measuring(pass: &Footprint<'_>) -> Held {
    let own = pass.stream(pass.tokens());
    let most = (pass.settings.machine.memory_budget.0 / 4).max(own);
    with_streams(pass, most.min(ALL_UP_TO as u64 * own) + 2 * own)
}

fn with_streams(pass: &Footprint<'_>, streams: u64) -> Held {
    let of_layer = pass.architecture.layers.iter().map(|&size| widest(pass, size));
    let held = of_layer.max_by_key(|held| held.total()).unwrap_or_default();
    // The embedding and the head stay in memory.
    let architecture = pass.architecture;
    let ends = if architecture.tied { 1 } else { 2 } * (architecture.vocab * architecture.hidden) as u64;
    let block = held.block + ends * pass.dtype.size_in_bytes() as u64;
    Held { block, streams: held.streams + streams, ..held }
}
