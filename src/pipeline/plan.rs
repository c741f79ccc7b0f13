//! From settings to counts: the number of units to remove from every layer.

use std::ops::Range;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::{
    config::{self, Settings},
    model::{Architecture, LayerSize, Slot},
    prune::{
        AttentionUnit, GroupSize, LayerRatio, LayerRecord, Part, PartRecord, Ratio, Schedule, Span, Units,
        channels_to_remove, ratios, units_to_remove,
    },
};

use super::Error;

/// The plan of one layer.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerPlan {
    /// The ratio before the counts are rounded.
    pub ratio: LayerRatio,
    /// The unit of the attention.
    pub unit: AttentionUnit,
    /// KV groups or query heads; None if the run does not prune the attention, or the layer has none.
    pub attention: Option<Removals>,
    /// Channels; None if the run does not prune the FFN, or the layer has none.
    pub mlp: Option<Removals>,
}

/// Units to remove from a part, over all groups.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Removals {
    /// Number of units.
    pub units: usize,
    /// The number from the schedule alone, without rounding to uniform sizes or multiples.
    pub scheduled: usize,
}

/// The ratios of a run: the schedule for this number of layers, or its mean for all layers if sizes must be
/// uniform.
///
/// # Errors
/// As for [`ratios`](crate::prune::ratios).
pub fn scheduled(layers: usize, settings: &Settings) -> Result<Vec<LayerRatio>, Error> {
    let own = schedule(layers, settings)?;
    if !settings.ratios.uniform {
        return Ok(own);
    }
    let equal = match (&settings.ratios.schedule, settings.span()) {
        (Schedule::Custom(_), _) | (_, config::Span::Ends { .. }) => {
            let mean = |part| own.iter().map(|ratio| ratio.of(part)).sum::<f64>() / layers as f64;
            LayerRatio::new(mean(Part::Attention), mean(Part::Mlp)).in_units(common_unit(&own, settings)?)
        }
        (_, config::Span::Mean(mean)) => LayerRatio::both(Ratio::new(mean)?.get()),
    };
    Ok(vec![equal; layers])
}

/// The unit that all ratios name. Sizes can be equal only if all layers have the same unit.
fn common_unit(ratios: &[LayerRatio], settings: &Settings) -> Result<Option<AttentionUnit>, Error> {
    // In groups of several heads, so that the two units differ.
    let unit = |ratio: &LayerRatio| settings.objective.attention_unit.resolve(ratio.unit, usize::MAX);
    let first = ratios.first().and_then(|ratio| ratio.unit);
    match ratios.iter().position(|ratio| unit(ratio) != unit(&ratios[0])) {
        Some(layer) => Err(Error::UnequalUnits { layer }),
        None => Ok(first),
    }
}

/// The ratios from the schedule alone.
fn schedule(layers: usize, settings: &Settings) -> Result<Vec<LayerRatio>, Error> {
    Ok(ratios(layers, &settings.ratios.schedule, span(settings.span())?)?)
}

/// Computes the schedule for this model and rounds every ratio to counts.
///
/// # Errors
/// If the settings name layers that the model does not have, the schedule is invalid, or uniform sizes are
/// impossible for the model or the settings.
pub fn plan(architecture: &Architecture, settings: &Settings) -> Result<Vec<LayerPlan>, Error> {
    let layers = &architecture.layers;
    let ratios = scheduled(layers.len(), settings)?.into_iter().zip(schedule(layers.len(), settings)?);
    let chosen = settings.ratios.layers.resolve(layers.len()).map_err(Error::Layers)?;
    if settings.ratios.uniform {
        refuse_unequal(architecture, &chosen)?;
    }
    let plans = layers.iter().zip(ratios).enumerate().map(|(index, (size, ratio))| {
        if chosen.contains(&index) {
            layer_plan(size, ratio, settings)
        } else {
            Ok(LayerPlan::untouched(size, settings))
        }
    });
    plans.collect()
}

impl LayerPlan {
    /// The plan of a layer that keeps all units.
    pub(super) fn untouched(size: &LayerSize, settings: &Settings) -> Self {
        let ratio = LayerRatio::ZERO;
        Self { ratio, unit: attention_unit(size, ratio, settings), attention: None, mlp: None }
    }
}

/// The unit of a layer's attention at this ratio.
pub fn attention_unit(size: &LayerSize, ratio: LayerRatio, settings: &Settings) -> AttentionUnit {
    settings.objective.attention_unit.resolve(ratio.unit, size.group())
}

/// Fails unless all layers have equal sizes before pruning, as uniform sizes require.
fn refuse_unequal(architecture: &Architecture, chosen: &Range<usize>) -> Result<(), Error> {
    let layers = &architecture.layers;
    if let Some(other) = layers.iter().position(|size| *size != layers[0]) {
        return Err(Error::UnequalLayers { layer: other });
    }
    if chosen.len() < layers.len() {
        return Err(Error::UniformOfSome { layers: layers.len() });
    }
    Ok(())
}

/// Rounds one layer's ratio to counts; `scheduled` is the ratio from the schedule alone.
fn layer_plan(
    size: &LayerSize,
    (ratio, own): (LayerRatio, LayerRatio),
    settings: &Settings,
) -> Result<LayerPlan, Error> {
    let unit = attention_unit(size, ratio, settings);
    let heads = |ratio: LayerRatio| -> Result<usize, Error> {
        let ratio = Ratio::new(ratio.attention)?;
        Ok(match unit {
            AttentionUnit::KvGroup => units_to_remove(size.kv_heads, ratio),
            AttentionUnit::QueryHead => units_to_remove(size.group(), ratio) * size.kv_heads,
        })
    };
    let channels = |ratio: LayerRatio, multiple| -> Result<usize, Error> {
        Ok(channels_to_remove(size.channels, Ratio::new(ratio.mlp)?, multiple))
    };
    let (units, scheduled) = (heads(ratio)?, heads(own)?);
    let prunes = |part, present| settings.prunes(part) && present;
    let attention = prunes(Part::Attention, size.has_attention()).then_some(Removals { units, scheduled });
    let (units, scheduled) = (channels(ratio, settings.ratios.channel_multiple)?, channels(own, 1)?);
    let mlp = prunes(Part::Mlp, size.has_mlp()).then_some(Removals { units, scheduled });
    Ok(LayerPlan { ratio, unit, attention, mlp })
}

/// The plan of one layer at this ratio, even if the settings exclude the layer.
///
/// # Errors
/// If the ratio is outside [0, 1).
pub fn plan_layer(size: &LayerSize, ratio: LayerRatio, settings: &Settings) -> Result<LayerPlan, Error> {
    layer_plan(size, (ratio, ratio), settings)
}

/// The plan at these ratios, independent of the schedule.
///
/// # Errors
/// As for [`plan()`].
pub fn plan_by_ratios(
    architecture: &Architecture,
    ratios: &[LayerRatio],
    settings: &Settings,
) -> Result<Vec<LayerPlan>, Error> {
    let chosen = settings.ratios.layers.resolve(architecture.layers.len()).map_err(Error::Layers)?;
    let plans = architecture.layers.iter().zip(ratios).enumerate().map(|(index, (size, &ratio))| {
        if chosen.contains(&index) {
            plan_layer(size, ratio, settings)
        } else {
            Ok(LayerPlan::untouched(size, settings))
        }
    });
    plans.collect()
}

/// Number of parameters that a plan removes.
pub fn parameters_removed(architecture: &Architecture, plan: &[LayerPlan]) -> u64 {
    architecture.parameters() - planned(architecture, plan).parameters()
}

/// Number of parameters in the parts that the settings prune; fractions of parameters refer to it. An
/// attention counts as a whole, even if its keys and values are kept.
///
/// # Errors
/// If the settings name layers that the model does not have.
pub fn parameters_of_parts(architecture: &Architecture, settings: &Settings) -> Result<u64, Error> {
    let chosen = settings.ratios.layers.resolve(architecture.layers.len()).map_err(Error::Layers)?;
    let parts = [Part::Attention, Part::Mlp].into_iter().filter(|&part| settings.prunes(part));
    let of_parts = |layer| parts.clone().map(move |part| parameters_of_part(architecture, layer, part));
    Ok(chosen.flat_map(of_parts).fold(0, u64::saturating_add))
}

/// Number of parameters of a part's units; 0 if the layer lacks the part.
pub fn parameters_of_part(architecture: &Architecture, layer: usize, part: Part) -> u64 {
    let belongs = |slot: &Slot| match part {
        Part::Attention => slot.cut.is_of_attention(),
        Part::Mlp => slot.cut.is_of_mlp(),
    };
    let slots = architecture.layer_tensors(layer);
    slots.iter().filter(|slot| belongs(slot)).map(Slot::numbers).fold(0, u64::saturating_add)
}

/// The lowest mean ratio at which the schedule removes at least `parameters`; None if there is none. Counts
/// are rounded, so a mean of a quarter rarely removes exactly a quarter.
pub fn mean_for(architecture: &Architecture, settings: &Settings, parameters: u64) -> Option<f64> {
    by_mean(architecture, settings).find(|(_, removed)| *removed >= parameters).map(|(mean, _)| mean)
}

/// The maximum number of parameters that the schedule removes, over all means.
pub fn most_at_any_mean(architecture: &Architecture, settings: &Settings) -> u64 {
    by_mean(architecture, settings).map(|(_, removed)| removed).max().unwrap_or(0)
}

/// Means in ascending order, each with the number of parameters that the schedule removes.
fn by_mean(architecture: &Architecture, settings: &Settings) -> impl Iterator<Item = (f64, u64)> {
    /// Number of evenly spaced means to try.
    const STEPS: usize = 4000;
    (1..STEPS).filter_map(|step| {
        let mean = step as f64 / STEPS as f64;
        let settings = Settings { ratios: settings.ratios.clone().with_mean(mean), ..settings.clone() };
        let plan = plan(architecture, &settings).ok()?;
        Some((mean, parameters_removed(architecture, &plan)))
    })
}

/// The architecture after pruning by the plan.
pub fn planned(architecture: &Architecture, plan: &[LayerPlan]) -> Architecture {
    let mut after = architecture.clone();
    for (size, plan) in after.layers.iter_mut().zip(plan) {
        let gone = plan.attention.map_or(0, |removals| removals.units);
        match plan.unit.in_groups_of(size.group()) {
            AttentionUnit::KvGroup => {
                size.heads -= gone * size.group();
                size.kv_heads -= gone;
            }
            AttentionUnit::QueryHead => size.heads -= gone,
        }
        size.channels -= plan.mlp.map_or(0, |removals| removals.units);
    }
    after
}

/// The units of a part: their number, their width in columns of the scored weight, and the rule that selects
/// them. `unit` is that of the layer's attention.
pub fn units(
    part: Part,
    size: &LayerSize,
    head_dim: usize,
    unit: AttentionUnit,
    settings: &Settings,
) -> (usize, usize, Units) {
    let per_group = size.group();
    let score = settings.solver.head_score;
    match (part, unit.in_groups_of(per_group)) {
        (Part::Attention, AttentionUnit::KvGroup) => {
            let width = per_group * head_dim;
            (size.kv_heads, width, Units::Heads { width, score, per_group: None })
        }
        (Part::Attention, AttentionUnit::QueryHead) => {
            (size.heads, head_dim, Units::Heads { width: head_dim, score, per_group: Some(per_group) })
        }
        (Part::Mlp, _) => {
            // The order of a baseline is fixed from the start, so the group size only determines how often
            // progress is reported.
            let group_size = if settings.solver.score.is_baseline() {
                GroupSize::default()
            } else {
                settings.solver.group_size
            };
            (size.channels, 1, Units::Channels { group_size })
        }
    }
}

/// The seed for the random order of a part's units. It is derived from the run's seed and differs for every
/// part.
pub fn seed_of(seed: u64, layer: usize, part: Part) -> u64 {
    let mut draws = ChaCha8Rng::seed_from_u64(seed);
    draws.set_stream(2 * layer as u64 + u64::from(part == Part::Mlp));
    draws.next_u64()
}

/// The record of an unchanged layer.
pub fn untouched(index: usize, architecture: &Architecture, settings: &Settings) -> LayerRecord {
    let size = &architecture.layers[index];
    let unit = attention_unit(size, LayerRatio::ZERO, settings);
    let (attention, mlp) = (
        untouched_part(Part::Attention, size, architecture.head_dim, unit, settings),
        untouched_part(Part::Mlp, size, architecture.head_dim, unit, settings),
    );
    LayerRecord { index, ratio: LayerRatio::ZERO, attention, mlp, output_error: None }
}

/// The record of an unchanged part; `unit` is that of the layer's attention.
pub(super) fn untouched_part(
    part: Part,
    size: &LayerSize,
    head_dim: usize,
    unit: AttentionUnit,
    settings: &Settings,
) -> PartRecord {
    let (count, width, _) = units(part, size, head_dim, unit, settings);
    let unit = match part {
        Part::Attention => Some(unit.in_groups_of(size.group())),
        Part::Mlp => None,
    };
    PartRecord { unit, ..PartRecord::untouched(count, width) }
}

fn span(span: config::Span) -> Result<Span, Error> {
    Ok(match span {
        config::Span::Mean(mean) => Span::Mean(Ratio::new(mean)?),
        config::Span::Ends { first, last } => Span::FirstLast(Ratio::new(first)?, Ratio::new(last)?),
    })
}
