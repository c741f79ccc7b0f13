//! The search for ratios. It predicts or measures how much the predictions change with one part of one layer pruned in
//! the dense model. Then it chooses the counts of all parts with the lowest total cost, and compares whole pruned models.
//!
//! All costs are KL(dense ‖ pruned) in nats per token. Weights are fitted on some calibration windows, and predictions
//! compared on others, if there are enough.

mod candidate;
mod caution;
mod fisher;
mod judge;
mod measured;
mod memory;
mod moves;
mod optimise;
mod windows;

use std::{cell::OnceCell, ops::ControlFlow, sync::Arc};

use candle_core::{DType, Device};

use crate::{
    calibration::{TokenWeights, Windows},
    cluster::Group,
    config::{SearchCosts, Settings, Tracking},
    model::{Checkpoint, EmbeddingAndHead, LayerSize},
    prune::{
        AttentionUnit, AttentionUnitChoice, Choice, LayerRatio, Part, Refine, Target, allocate, interpolated,
    },
};

use super::{Error, Notice, Pass, Streams};

pub use candidate::{Candidate, CandidateStreams};
pub(super) use fisher::Shares;
pub use judge::Judgement;
pub(super) use judge::{by_window, compared_tokens};
pub use memory::search_phases;
pub use windows::SearchWindows;

use caution::Caution;

/// The cost of removing units of one part while all other parts are original.
#[derive(Clone, Debug, PartialEq)]
pub struct Sensitivity {
    pub layer: usize,
    pub part: Part,
    /// The unit of the attention. With the setting `auto` and grouped queries, an attention has a curve for each unit.
    pub unit: AttentionUnit,
    /// Number of units of the part.
    pub units: usize,
    /// Parameters per unit.
    pub per_unit: u64,
    /// (units removed, KL(dense ‖ pruned) in nats per token), ascending.
    pub points: Vec<(usize, f64)>,
}

/// A part whose units may be removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Prunable {
    layer: usize,
    part: Part,
    /// The unit of an attention.
    unit: AttentionUnit,
}

/// A count that an allocation chose for a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Chosen {
    /// Index of the curve.
    curve: usize,
    units: usize,
}

/// Progress of a search.
pub enum SearchNotice<'a> {
    /// Steps of the predicted costs so far, three in each layer.
    Predicting {
        layer: usize,
        done: u64,
        total: u64,
    },
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
    /// Weights of the tokens of `fit` in the second moments; None if all are equal.
    weights: Option<&'a TokenWeights>,
    gradient: &'a Windows,
    judge: &'a Windows,
    guarded: usize,
    device: &'a Device,
    dtype: DType,
    /// Read when a model is judged for the first time.
    embedding_and_head: OnceCell<EmbeddingAndHead>,
    /// The streams of the windows for judging, behind the last block of the dense model.
    dense: OnceCell<Streams>,
    /// The ranks that share the work, which this one leads.
    group: Option<Arc<Group>>,
    /// Number of parameters to remove.
    budget: u64,
    /// Maximum number of candidates to try.
    trials: usize,
}

/// Settings for the passes of a search: each part fitted to its own output without swaps; tracking and evaluation turned off.
pub fn for_search(settings: &Settings) -> Settings {
    let mut settings = settings.clone();
    (settings.evaluation.track_errors, settings.evaluation.text) = (Tracking::Off, None);
    // Trials take a fraction of the time without them, and come out in the same order but for chance.
    (settings.objective.target, settings.solver.refine) = (Target::Layer, Refine::None);
    settings
}

impl<'a> Search<'a> {
    /// Creates a search. `settings` come from [`for_search`]; at least `budget` parameters are removed.
    pub fn new(
        (checkpoint, settings): (&'a Checkpoint, &'a Settings),
        windows: &'a SearchWindows,
        (device, dtype): (&'a Device, DType),
        budget: u64,
        trials: usize,
    ) -> Self {
        Self {
            checkpoint,
            settings,
            fit: &windows.fit,
            weights: windows.weights.as_ref(),
            gradient: &windows.gradient,
            judge: &windows.judge,
            guarded: windows.guarded,
            device,
            dtype,
            embedding_and_head: OnceCell::new(),
            dense: OnceCell::new(),
            group: None,
            budget,
            trials: trials.max(1),
        }
    }

    /// This search with the windows of its passes dealt over the ranks of a group, which this rank leads. Measured costs are
    /// computed by one process.
    #[must_use]
    pub(crate) fn on(self, group: Option<Arc<Group>>) -> Self {
        let group = match self.settings.ratios.search_costs {
            SearchCosts::Fisher => group,
            SearchCosts::Measured => None,
        };
        Self { group, ..self }
    }

    /// The streams at the input of the first block.
    fn enter(&self, pass: &Pass<'_>) -> Result<Streams, Error> {
        self.group.as_ref().map_or_else(|| pass.enter(), |group| pass.enter_on(group))
    }

    /// The prunable parts in model order, an attention once for each unit that it may lose.
    fn parts(&self) -> Result<Vec<Prunable>, Error> {
        let layers = self.checkpoint.architecture().layers.len();
        let chosen = self.settings.ratios.layers.resolve(layers).map_err(Error::Layers)?;
        let of_part = |(layer, part): (usize, Part)| {
            let own = self.unit(layer);
            let other = match own {
                AttentionUnit::QueryHead => AttentionUnit::KvGroup,
                AttentionUnit::KvGroup => AttentionUnit::QueryHead,
            };
            let both = part == Part::Attention
                && self.settings.objective.attention_unit == AttentionUnitChoice::Auto
                && self.size(layer).group() > 1;
            [Some(own), both.then_some(other)].into_iter().flatten().map(move |unit| Prunable {
                layer,
                part,
                unit,
            })
        };
        let parts = |layer| self.settings.ratios.parts.iter().map(move |&part| (layer, part));
        let present = |part: &Prunable| self.units(*part) > 0;
        Ok(chosen.flat_map(parts).flat_map(of_part).filter(present).collect())
    }

    fn has(&self, layer: usize, part: Part) -> bool {
        match part {
            Part::Attention => self.size(layer).has_attention(),
            Part::Mlp => self.size(layer).has_mlp(),
        }
    }

    fn size(&self, layer: usize) -> LayerSize {
        self.checkpoint.architecture().layers[layer]
    }

    /// Number of units of a part: query heads, key-value heads or channels.
    fn units(&self, part: Prunable) -> usize {
        let head_dim = self.checkpoint.architecture().head_dim;
        let Prunable { layer, part, unit } = part;
        super::plan::units(part, &self.size(layer), head_dim, unit, self.settings).0
    }

    /// The unit of a layer's attention where no ratio names one.
    fn unit(&self, layer: usize) -> AttentionUnit {
        super::plan::attention_unit(&self.size(layer), LayerRatio::ZERO, self.settings)
    }

    fn per_unit(&self, part: Prunable) -> u64 {
        let architecture = self.checkpoint.architecture();
        let Prunable { layer, part, unit } = part;
        let ratio = LayerRatio::ZERO.with_part(part, 0.5, Some(unit));
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

    /// The cost curves of all parts, as the settings request them.
    fn costs(&self, observer: &mut SearchObserver<'_>) -> Result<Vec<Sensitivity>, Error> {
        match self.settings.ratios.search_costs {
            SearchCosts::Fisher => self.predicted_costs(observer),
            SearchCosts::Measured => self.measured_costs(observer),
        }
    }

    /// A pass over the windows for fitting weights. In the dense model with one part pruned, there are no earlier errors to
    /// compensate for.
    fn fitting(&self) -> Pass<'_> {
        Pass { weights: self.weights, ..self.pass(self.fit) }
    }

    /// A pass over the windows for measuring losses.
    fn judging(&self) -> Pass<'_> {
        self.pass(self.judge)
    }

    fn pass<'s>(&'s self, windows: &'s Windows) -> Pass<'s> {
        let (device, dtype) = (self.device, self.dtype);
        Pass { checkpoint: self.checkpoint, settings: self.settings, windows, weights: None, device, dtype }
    }

    /// The cheapest counts that reach the budget; the costs of part i are multiplied by `dearer[i]`. `caution` makes high
    /// ratios and attention dearer than their own costs.
    fn allocation(&self, curves: &[Sensitivity], dearer: &[f64], caution: Caution) -> Option<Vec<Chosen>> {
        let mut chosen = Vec::new();
        let mut choices: Vec<(usize, Part, Choice)> = Vec::new();
        for (index, (curve, dearer)) in curves.iter().zip(dearer).enumerate() {
            let Sensitivity { layer, part, unit, .. } = *curve;
            let options = self.options(Prunable { layer, part, unit }).into_iter().filter_map(|units| {
                let cost = interpolated(&curve.points, units)?;
                let cost = cost * caution.factor(curve.part, units as f64 / curve.units as f64);
                chosen.push(Chosen { curve: index, units });
                Some((chosen.len() - 1, units as u64 * curve.per_unit, cost * dearer))
            });
            match choices.last_mut().filter(|(of, own, _)| (*of, *own) == (layer, part)) {
                Some((_, _, choice)) => choice.options.extend(options),
                None => choices.push((layer, part, Choice { options: options.collect() })),
            }
        }
        let choices: Vec<Choice> = choices.into_iter().map(|(_, _, choice)| choice).collect();
        let found = allocate(&choices, self.budget).or_else(|| self.most_of(&choices))?;
        Some(found.into_iter().map(|option| chosen[option]).collect())
    }

    /// The options that remove most, if they meet the budget. The optimiser may miss this case, because it rounds large
    /// budgets.
    fn most_of(&self, choices: &[Choice]) -> Option<Vec<usize>> {
        let most = |choice: &Choice| choice.options.iter().max_by_key(|option| option.1).copied();
        let most: Vec<_> = choices.iter().filter_map(most).collect();
        let removed: u64 = most.iter().map(|(_, parameters, _)| parameters).sum();
        (removed >= self.budget).then(|| most.iter().map(|(option, _, _)| *option).collect())
    }

    /// Counts of a part that the search chooses from, ascending: 0 and about 128 counts at most that leave a valid
    /// number of units. 0 is left out if it leaves an invalid number.
    fn options(&self, part: Prunable) -> Vec<usize> {
        /// Maximum number of counts per part.
        const FINEST: usize = 128;
        let size = self.size(part.layer);
        let (units, most) = (self.units(part), self.most(part));
        let (first, step) = match (part.part, part.unit) {
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
    fn most(&self, part: Prunable) -> usize {
        let highest = super::reach::HIGHEST.in_units(Some(part.unit));
        let plan = super::plan_layer(&self.size(part.layer), highest, self.settings);
        let removals = plan.ok().and_then(|plan| match part.part {
            Part::Attention => plan.attention,
            Part::Mlp => plan.mlp,
        });
        removals.map_or(0, |removals| removals.units)
    }

    /// The ratios of these counts. Where an attention had the choice, its ratio names the unit.
    fn ratios(&self, curves: &[Sensitivity], chosen: &[Chosen]) -> Vec<LayerRatio> {
        let mut ratios = vec![LayerRatio::ZERO; self.checkpoint.architecture().layers.len()];
        for &Chosen { curve, units } in chosen {
            let Sensitivity { layer, part, unit, units: all, .. } = curves[curve];
            let named = units > 0 && unit != self.unit(layer);
            let ratio = units as f64 / all as f64;
            ratios[layer] = match part {
                Part::Attention => ratios[layer].with_part(part, ratio, named.then_some(unit)),
                Part::Mlp => ratios[layer].with(part, ratio),
            };
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
