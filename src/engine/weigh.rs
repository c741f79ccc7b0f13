//! Weights of calibration tokens by KL(dense ‖ pruned), for a first pruned model.

use crate::{
    calibration::{TokenWeights, Windows},
    config::{Calibration, Settings},
    model::Checkpoint,
    pipeline::{self, Pass},
    protocol::{Event, Stage},
    prune::TokenWeighting,
};

use super::{Context, Error, machine::forward_on};

/// The first pruned model: a fifth of every part, by default settings. It depends neither on the ratios nor on the method of the
/// run, so every job on a session has the same weights.
const FIRST: &str = "ratio = 0.2\nschedule = 'uniform'\nattention_unit = 'query-head'\ntrack_errors = true";

/// The settings of the first pruned model.
pub fn first(settings: &Settings) -> Settings {
    let first: Settings = FIRST.parse().expect("a constant text of valid settings");
    let calibration = Calibration { weights: TokenWeighting::None, ..settings.calibration.clone() };
    Settings { calibration, machine: settings.machine, ..first }
}

/// Prunes a first model on the windows, and weighs each token by the divergence of its prediction.
pub fn weigh(
    windows: &Windows,
    settings: &Settings,
    checkpoint: &Checkpoint,
    context: &mut Context,
) -> Result<TokenWeights, Error> {
    let first = first(settings);
    let (device, dtype) = forward_on(&settings.machine)?;
    let (device, weights) = (&device, None);
    let pass = Pass { checkpoint, settings: &first, windows, weights, device, dtype };
    let plan = pipeline::plan(checkpoint.architecture(), &first)?;
    let layers = plan.len() as u64;
    let costs = pass.divergence_by_token(&plan, &mut |notice| {
        context.progress(Stage::WeighTokens, notice.layer() as u64, layers)
    })?;
    let weights = TokenWeights::of_costs(&costs).ok_or(Error::NoWeights)?;
    context.emit(Event::Warning { message: weights.spread().to_string() });
    Ok(weights)
}
