//! The units that a ratio removes from a layer, and the progress of a run.

use crate::{
    protocol::{LayerShape, Ratio, Stage, channels_to_remove, units_to_remove},
    prune::{LayerRatio, Part},
};

use super::{Job, JobKind, State};

/// Units to remove from a layer, and their parameters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Goal {
    pub attention: usize,
    pub mlp: usize,
    pub parameters: u64,
}

/// The units and parameters that `ratio` removes from a layer of this shape, for the parts, units and
/// multiples of the settings.
pub fn goal(shape: &LayerShape, ratio: LayerRatio, settings: &crate::config::Settings) -> Goal {
    let (Ok(heads), Ok(channels)) = (Ratio::new(ratio.attention), Ratio::new(ratio.mlp)) else {
        return Goal::default();
    };
    let attention = if settings.prunes(Part::Attention) { attention(shape, heads, settings) } else { 0 };
    let mlp = if settings.prunes(Part::Mlp) {
        channels_to_remove(shape.channels, channels, settings.ratios.channel_multiple)
    } else {
        0
    };
    let parameters = attention as u64 * shape.per_attention_unit(settings.objective.attention_unit)
        + mlp as u64 * shape.per_channel;
    Goal { attention, mlp, parameters }
}

fn attention(shape: &LayerShape, ratio: Ratio, settings: &crate::config::Settings) -> usize {
    use crate::prune::AttentionUnit::{KvGroup, QueryHead};
    match shape.unit(settings.objective.attention_unit) {
        KvGroup => units_to_remove(shape.kv_heads, ratio),
        QueryHead => units_to_remove(shape.heads / shape.kv_heads.max(1), ratio) * shape.kv_heads,
    }
}

impl State {
    /// The units and parameters that the schedule removes from a layer; none outside the range of layers to
    /// prune.
    pub fn goal(&self, index: usize) -> Goal {
        let Some(layer) = self.layers.get(index) else { return Goal::default() };
        let inside =
            self.settings.ratios.layers.resolve(self.layers.len()).is_ok_and(|range| range.contains(&index));
        let ratio = self.schedule.ratios.get(index).copied().unwrap_or_default();
        if inside { goal(&layer.shape, ratio, &self.settings) } else { Goal::default() }
    }
}

/// The approximate fraction of a run's time that each of its two perplexity measurements takes.
const MEASURING: f64 = 0.05;

/// The finished fraction of a run, and the remaining seconds estimated from its speed so far.
pub(super) fn progress(state: &State) -> Option<(f64, Option<f64>)> {
    let job = state.job()?;
    let share = if job.kind == JobKind::Run { run_share(state, job) } else { stage_share(job)? };
    let left = (share > 0.02 && job.at > 0.5).then(|| job.at / share * (1.0 - share));
    Some((share.clamp(0.0, 1.0), left))
}

fn run_share(state: &State, job: &Job) -> f64 {
    let from = job.from;
    let total = state.layers.len().saturating_sub(from).max(1) as f64;
    let at_work = state.layers.iter().position(|layer| layer.work.is_some());
    let (done, inside) = match at_work {
        Some(index) => (index.saturating_sub(from) as f64, layer_share(state, job, index)),
        None => (job.layers_done as f64, 0.0),
    };
    let layers = (done + inside) / total;
    let measured = if state.settings.evaluation.text.is_some() { MEASURING } else { 0.0 };
    match &job.stage {
        Some((Stage::Evaluate { pruned: false }, done, all)) => measured * share(*done, *all),
        Some((Stage::Evaluate { pruned: true }, done, all)) => 1.0 - measured * (1.0 - share(*done, *all)),
        Some(_) | None => measured + layers * (1.0 - 2.0 * measured),
    }
}

/// A layer has two parts. Calibrating, solving and propagating each takes about 6 : 1 : 3 of the time.
fn layer_share(state: &State, job: &Job, index: usize) -> f64 {
    let Some(work) = state.layers.get(index).and_then(|layer| layer.work.as_ref()) else { return 0.0 };
    // A finished part is propagated while the next part is already the current one.
    let (part, inside) = match &job.stage {
        Some((Stage::Propagate { layer, part }, done, total)) if *layer == index && !work.solving => {
            (*part, 0.7 + 0.3 * share(*done, *total))
        }
        Some((Stage::Calibrate { layer, part }, done, total)) if *layer == index && !work.solving => {
            let solved = work.part(*part).record.is_some();
            (*part, if solved { 0.7 } else { 0.6 * share(*done, *total) })
        }
        Some(_) | None => (work.part, if work.solving { 0.65 } else { 0.0 }),
    };
    let first = if part == Part::Mlp { 0.5 } else { 0.0 };
    first + 0.5 * inside
}

fn stage_share(job: &Job) -> Option<f64> {
    job.stage.as_ref().map(|(_, done, total)| share(*done, *total))
}

fn share(done: u64, total: u64) -> f64 {
    done as f64 / total.max(1) as f64
}
