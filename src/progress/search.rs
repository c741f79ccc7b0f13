//! The work of a ratio search.

use crate::protocol::ModelShape;

use super::work::{self, Layer, PARTS, Windows};

/// Counts at which a part is measured alone, on average over both parts.
const COUNTS: f64 = 5.0;

/// The fraction of the sensitivity measurements that is done after `done` of `total` prunings. A pruning in a lower layer
/// costs more, because its streams pass all layers below.
pub fn sensitivity_done(model: &ModelShape, windows: Windows, done: u64, total: u64) -> f64 {
    let (own, pass) = pruning(model, windows);
    let layers = model.layers.len() as f64;
    let share = done as f64 / total.max(1) as f64;
    let cost = |share: f64| own * share + pass * layers * (share - share * share / 2.0);
    cost(share) / cost(1.0).max(f64::MIN_POSITIVE)
}

/// The first of two steps of a layer on the walk back, the paths, as a fraction of its time.
const PATHS: f64 = 0.9;

/// The work of a prediction before its walk back: the windows for fitting and those with gradients pass all layers, then the
/// gradients of the output head.
pub fn forward(model: &ModelShape, windows: Windows) -> f64 {
    let (passes, head) = forward_parts(model, windows);
    passes + head
}

fn forward_parts(model: &ModelShape, windows: Windows) -> (f64, f64) {
    let passes: f64 =
        model.layers.iter().map(|&shape| one_pass(model, &Layer::unplanned(shape), windows)).sum();
    (2.0 * passes, 3.0 * work::head(model, windows.tokens()))
}

fn one_pass(model: &ModelShape, layer: &Layer, windows: Windows) -> f64 {
    work::forward(model, layer, windows.tokens(), windows.seq_len as f64, false)
}

/// The work of the walk back: the paths of all parts, and in each layer a forward pass and one for each of two gradients.
pub fn walk_back(model: &ModelShape, windows: Windows) -> f64 {
    let of_layer = |layer: &Layer| {
        let parts = PARTS.map(|part| {
            work::measure(model, layer, part, windows) + work::solve(model, layer, part) * SOLVING
        });
        parts.iter().sum::<f64>() + 3.0 * one_pass(model, layer, windows)
    };
    model.layers.iter().map(|&shape| of_layer(&Layer::unplanned(shape))).sum()
}

/// The finished fractions of both halves of a prediction after `done` steps: one per layer forward, then two per layer back.
pub fn predicted(model: &ModelShape, windows: Windows, done: u64) -> (f64, f64) {
    let layers = model.layers.len().max(1) as u64;
    if let Some(back) = done.checked_sub(layers) {
        let paths = if back.is_multiple_of(2) { 0.0 } else { PATHS };
        return (1.0, ((back / 2) as f64 + paths) / layers as f64);
    }
    // The head comes behind the last layer.
    let (passes, head) = forward_parts(model, windows);
    (done as f64 / layers as f64 * passes / (passes + head).max(f64::MIN_POSITIVE), 0.0)
}

/// The work of all sensitivity measurements, with `total` prunings if their number is known.
pub fn sensitivity(model: &ModelShape, windows: Windows, total: Option<u64>) -> f64 {
    let (own, pass) = pruning(model, windows);
    let layers = model.layers.len() as f64;
    total.map_or(2.0 * COUNTS * layers, |total| total as f64) * (own + pass * layers / 2.0)
}

/// The work of trying `trials` whole models.
pub fn trials(model: &ModelShape, windows: Windows, trials: u64) -> f64 {
    let of_layer = |layer: &Layer| {
        let parts = PARTS.map(|part| {
            work::measure(model, layer, part, windows)
                + work::solve(model, layer, part) * SOLVING
                + work::propagate(model, layer, part, windows)
        });
        let tokens = windows.tokens();
        parts.iter().sum::<f64>() + work::forward(model, layer, tokens, windows.seq_len as f64, true)
    };
    let layers = model.layers.iter().map(|&shape| of_layer(&Layer::unplanned(shape)));
    trials as f64 * (layers.sum::<f64>() + work::head(model, windows.tokens()))
}

/// How much longer an operation of a solve takes than one of a forward pass.
const SOLVING: f64 = 8.0;

/// The work of pruning a part alone, and of passing the streams through one layer.
fn pruning(model: &ModelShape, windows: Windows) -> (f64, f64) {
    let Some(&shape) = model.layers.first() else { return (1.0, 1.0) };
    let layer = Layer::unplanned(shape);
    let solves = PARTS.map(|part| work::solve(model, &layer, part) * SOLVING);
    let pass = work::forward(model, &layer, windows.tokens(), windows.seq_len as f64, false);
    (solves.iter().sum::<f64>() / 2.0 + 2.0 * pass + work::head(model, windows.tokens()), pass)
}
