//! Weights of calibration tokens: by the divergence of a first pruned model, or by gradients.

use candle_core::{DType, Device};

use crate::{
    calibration::{TokenWeights, Windows},
    config::{Calibration, Settings},
    model::Checkpoint,
    pipeline::{
        self, Pass,
        backward::{BackwardProgress, BackwardStage, ModelOnWindows},
    },
    protocol::Stage,
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

/// Weights of the tokens of all windows; None if all count alike.
pub fn weigh(
    windows: &Windows,
    settings: &Settings,
    checkpoint: &Checkpoint,
    context: &mut Context,
) -> Result<Option<TokenWeights>, Error> {
    let (device, dtype) = forward_on(&settings.machine)?;
    let costs = match settings.calibration.weights {
        TokenWeighting::None => return Ok(None),
        TokenWeighting::Kl => divergence((windows, settings, checkpoint), (&device, dtype), context)?,
        TokenWeighting::Fisher => gradients((windows, settings, checkpoint), (&device, dtype), context)?,
    };
    TokenWeights::of_costs(&costs).map(Some).ok_or(Error::NoWeights)
}

/// KL(dense ‖ pruned) at every token, for a first model that is pruned on the windows.
fn divergence(
    (windows, settings, checkpoint): (&Windows, &Settings, &Checkpoint),
    (device, dtype): (&Device, DType),
    context: &mut Context,
) -> Result<Vec<f64>, Error> {
    let first = first(settings);
    let pass = Pass { checkpoint, settings: &first, windows, weights: None, device, dtype };
    let plan = pipeline::plan(checkpoint.architecture(), &first)?;
    let layers = plan.len() as u64;
    let observer = &mut |notice: pipeline::Notice<'_>| {
        context.progress(Stage::WeighTokens, notice.layer() as u64, layers)
    };
    Ok(pass.divergence_by_token(&plan, observer)?)
}

/// Squared gradients at every token of the dense model.
fn gradients(
    (windows, settings, model): (&Windows, &Settings, &Checkpoint),
    (device, dtype): (&Device, DType),
    context: &mut Context,
) -> Result<Vec<f64>, Error> {
    let memory_budget = settings.machine.memory_budget.0;
    let on = ModelOnWindows { model, windows, device, dtype, memory_budget };
    let layers = model.architecture().layers.len() as u64;
    let observer = &mut |BackwardProgress { stage, layer, .. }: BackwardProgress| {
        let layer = layer as u64;
        let done = match stage {
            BackwardStage::Forward => layer,
            BackwardStage::Loss => layers,
            BackwardStage::Backward => 2 * layers - 1 - layer,
        };
        context.progress(Stage::WeighTokens, done, 2 * layers)
    };
    Ok(pipeline::squared_gradients_by_token(on, settings.calibration.seed, observer)?)
}
