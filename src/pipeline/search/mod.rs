//! The search for ratios. It measures the increase in loss with one part of one layer pruned in the dense model.
//! Then it chooses the counts of all parts with the lowest total cost, and compares candidates by the losses of
//! whole pruned models.
//!
//! Weights are fitted on some calibration windows and losses measured on others, if there are enough.

mod candidate;
mod optimise;
mod sensitivity;

use std::ops::ControlFlow;

use candle_core::{DType, Device, Tensor};

use crate::{
    calibration::Windows,
    config::{Settings, Tracking},
    model::{Checkpoint, EmbeddingAndHead, LayerSize},
    prune::{AttentionUnit, Choice, LayerRatio, Part, Target, allocate, interpolated},
};

use super::{Error, Notice, Pass, stream::Stream};

pub use candidate::CandidateStreams;

/// The cost of removing units of one part while all other parts are original.
#[derive(Clone, Debug, PartialEq)]
pub struct Sensitivity {
    pub layer: usize,
    pub part: Part,
    /// Number of units of the part.
    pub units: usize,
    /// Parameters per unit.
    pub per_unit: u64,
    /// (units removed, increase in loss in nats per token), ascending.
    pub points: Vec<(usize, f64)>,
}

/// A whole model pruned to measure its loss.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    pub name: String,
    pub ratios: Vec<LayerRatio>,
    /// Number of parameters removed.
    pub removed: u64,
    /// Mean −ln p of the next token, in nats.
    pub loss: f64,
}

/// Progress of a search.
pub enum SearchNotice<'a> {
    /// Parts pruned alone so far, and their total number.
    Measuring {
        layer: usize,
        part: Part,
        done: u64,
        total: u64,
    },
    Measured(&'a Sensitivity),
    /// Candidates tried so far, and the maximum number of candidates.
    Trying {
        done: u64,
        total: u64,
    },
    Candidate {
        tried: &'a Candidate,
        best: bool,
    },
}

/// Receives the progress; its `Break` cancels the search.
pub type SearchObserver<'o> = dyn FnMut(SearchNotice<'_>) -> ControlFlow<()> + 'o;

/// The inputs of a search.
pub struct Search<'a> {
    checkpoint: &'a Checkpoint,
    /// The run's settings, without the settings that trials do not need.
    settings: &'a Settings,
    fit: &'a Windows,
    judge: &'a Windows,
    device: &'a Device,
    dtype: DType,
    embedding_and_head: EmbeddingAndHead,
    /// Number of parameters to remove.
    budget: u64,
    /// Maximum number of candidates to try.
    trials: usize,
}

/// Settings for the passes of a search, with tracking, evaluation and saving turned off.
pub fn for_search(settings: &Settings) -> Settings {
    let mut settings = settings.clone();
    (settings.evaluation.track_errors, settings.evaluation.text) = (Tracking::Off, None);
    settings
}

/// The windows for fitting weights and the windows for measuring losses: at most `most` of each, or half of
/// the windows each if there are fewer. A single window serves both purposes.
pub fn halves(windows: &Windows, most: usize) -> Result<(Windows, Windows), crate::calibration::Error> {
    let samples = windows.samples();
    if samples >= 2 {
        let each = most.min(samples / 2).max(1);
        Ok((windows.part(0..each)?, windows.part(each..2 * each)?))
    } else {
        Ok((windows.clone(), windows.clone()))
    }
}

impl<'a> Search<'a> {
    /// Creates a search. `settings` come from [`for_search`]; at least `budget` parameters are removed.
    pub fn new(
        (checkpoint, settings): (&'a Checkpoint, &'a Settings),
        (fit, judge): (&'a Windows, &'a Windows),
        (device, dtype): (&'a Device, DType),
        budget: u64,
        trials: usize,
    ) -> Result<Self, Error> {
        let embedding_and_head = checkpoint.embedding_and_head(device, dtype)?;
        Ok(Self {
            checkpoint,
            settings,
            fit,
            judge,
            device,
            dtype,
            embedding_and_head,
            budget,
            trials: trials.max(1),
        })
    }

    /// The prunable parts in model order.
    fn parts(&self) -> Result<Vec<(usize, Part)>, Error> {
        let layers = self.checkpoint.architecture().layers.len();
        let chosen = self.settings.ratios.layers.resolve(layers).map_err(Error::Layers)?;
        let both = |layer| self.settings.ratios.parts.iter().map(move |&part| (layer, part));
        let present = |&(layer, part): &(usize, Part)| self.units(layer, part) > 0;
        Ok(chosen.flat_map(both).filter(present).collect())
    }

    fn size(&self, layer: usize) -> LayerSize {
        self.checkpoint.architecture().layers[layer]
    }

    /// Number of units of a part: query heads, key-value heads or channels.
    fn units(&self, layer: usize, part: Part) -> usize {
        let head_dim = self.checkpoint.architecture().head_dim;
        super::plan::units(part, &self.size(layer), head_dim, self.unit(layer), self.settings).0
    }

    /// The unit of a layer's attention.
    fn unit(&self, layer: usize) -> AttentionUnit {
        super::plan::attention_unit(&self.size(layer), LayerRatio::ZERO, self.settings)
    }

    fn per_unit(&self, layer: usize, part: Part) -> u64 {
        let architecture = self.checkpoint.architecture();
        let ratio = LayerRatio::ZERO.with(part, 0.5);
        let Ok(plan) = super::plan_layer(&self.size(layer), ratio, self.settings) else { return 0 };
        let gone = match part {
            Part::Attention => plan.attention,
            Part::Mlp => plan.mlp,
        };
        let gone = gone.map_or(0, |removals| removals.units);
        if gone == 0 {
            return 0;
        }
        let kept = super::LayerPlan { attention: None, mlp: None, ..plan.clone() };
        let mut plans = vec![kept; architecture.layers.len()];
        plans[layer] = plan;
        super::plan::parameters_removed(architecture, &plans) / gone as u64
    }

    /// A pass over the windows for fitting or for measuring losses. In the dense model with one part pruned,
    /// there are no earlier errors to compensate for.
    fn pass<'s>(&'s self, windows: &'s Windows, settings: &'s Settings) -> Pass<'s> {
        Pass { checkpoint: self.checkpoint, settings, windows, device: self.device, dtype: self.dtype }
    }

    fn layerwise(&self) -> Settings {
        let mut settings = self.settings.clone();
        settings.objective.target = Target::Layer;
        settings
    }

    /// Mean −ln p of tokens 2…L of every window. The stream has passed the last block.
    fn loss(&self, stream: &Stream) -> Result<f64, Error> {
        let length = self.judge.seq_len();
        let mut windows = self.judge.iter();
        let mut sum = 0.0;
        for h in &stream.batches {
            // One window at a time limits the logits in memory.
            for window in 0..h.dim(0)? {
                let Some(tokens) = windows.next() else { break };
                let predicting = h.narrow(0, window, 1)?.narrow(1, 0, length - 1)?;
                let targets = Tensor::from_vec(tokens[1..].to_vec(), (1, length - 1), self.device)?;
                let budget = self.settings.machine.memory_budget.0;
                sum += self.embedding_and_head.negative_log_likelihood(&predicting, &targets, budget)?;
            }
        }
        let loss = sum / (self.judge.samples() * (length - 1)) as f64;
        if loss.is_finite() {
            Ok(loss)
        } else {
            Err(Error::NotFinite { layer: self.checkpoint.architecture().layers.len() - 1 })
        }
    }

    /// The cheapest counts that reach the budget; the costs of part i are multiplied by `dearer[i]`.
    fn allocation(&self, curves: &[Sensitivity], dearer: &[f64]) -> Option<Vec<usize>> {
        let choice = |(curve, dearer): (&Sensitivity, &f64)| {
            let options = self.options(curve.layer, curve.part).into_iter().filter_map(|units| {
                let cost = interpolated(&curve.points, units)?;
                Some((units, units as u64 * curve.per_unit, cost * dearer))
            });
            Choice { options: options.collect() }
        };
        let choices: Vec<Choice> = curves.iter().zip(dearer).map(choice).collect();
        allocate(&choices, self.budget).or_else(|| self.most_of(&choices))
    }

    /// The largest count of every part, if they meet the budget. The optimiser may miss this case, because it rounds large budgets.
    fn most_of(&self, choices: &[Choice]) -> Option<Vec<usize>> {
        let last: Vec<_> = choices.iter().filter_map(|choice| choice.options.last()).collect();
        let removed: u64 = last.iter().map(|(_, parameters, _)| parameters).sum();
        (removed >= self.budget).then(|| last.iter().map(|(units, _, _)| *units).collect())
    }

    /// Counts of a part that the search chooses from, ascending: 0 and about 128 counts at most that leave a valid
    /// number of units. 0 is left out if it leaves an invalid number.
    fn options(&self, layer: usize, part: Part) -> Vec<usize> {
        /// Maximum number of counts per part.
        const FINEST: usize = 128;
        let size = self.size(layer);
        let (units, most) = (self.units(layer, part), self.most(layer, part));
        let (first, step) = match (part, self.unit(layer)) {
            (Part::Mlp, _) => {
                let multiple = self.settings.ratios.channel_multiple.max(1);
                (units % multiple, units.div_ceil(FINEST).div_ceil(multiple) * multiple)
            }
            (Part::Attention, AttentionUnit::KvGroup) => (0, 1),
            (Part::Attention, AttentionUnit::QueryHead) => (0, size.kv_heads),
        };
        let least = if self.settings.needs_multiples() { first } else { 0 };
        let mut options: Vec<usize> = std::iter::once(least).chain((first..=most).step_by(step)).collect();
        options.push(most);
        options.dedup();
        options
    }

    /// The maximum number of units to remove from a part.
    fn most(&self, layer: usize, part: Part) -> usize {
        let plan = super::plan_layer(&self.size(layer), super::reach::HIGHEST, self.settings);
        let removals = plan.ok().and_then(|plan| match part {
            Part::Attention => plan.attention,
            Part::Mlp => plan.mlp,
        });
        removals.map_or(0, |removals| removals.units)
    }

    /// The ratios of these counts.
    fn ratios(&self, curves: &[Sensitivity], counts: &[usize]) -> Vec<LayerRatio> {
        let mut ratios = vec![LayerRatio::ZERO; self.checkpoint.architecture().layers.len()];
        for (curve, &count) in curves.iter().zip(counts) {
            let ratio = count as f64 / curve.units as f64;
            ratios[curve.layer] = ratios[curve.layer].with(curve.part, ratio);
        }
        ratios
    }
}

/// An observer that ignores a pass's notices and only forwards cancellation.
fn quietly<'l>(
    observer: &'l mut SearchObserver<'_>,
    notice: impl Fn() -> SearchNotice<'static> + 'l,
) -> impl FnMut(Notice<'_>) -> ControlFlow<()> + 'l {
    move |_| observer(notice())
}

fn emit(observer: &mut SearchObserver<'_>, notice: SearchNotice<'_>) -> Result<(), Error> {
    if observer(notice).is_break() { Err(Error::Cancelled) } else { Ok(()) }
}
