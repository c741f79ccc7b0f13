//! From settings to counts: how many units leave every layer.

use std::ops::Range;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::{
    config::{self, Settings},
    model::{Architecture, LayerSize},
    prune::{
        AttentionUnit, GroupSize, LayerRatio, LayerRecord, Part, PartRecord, Ratio, Schedule, Span, Units,
        channels_to_remove, ratios, units_to_remove,
    },
};

use super::Error;

/// What is to happen to one layer.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerPlan {
    pub ratio: LayerRatio,
    /// KV groups or query heads; None where the run leaves the part as it is.
    pub attention: Option<Leaving>,
    /// Channels; None where the run leaves the part as it is.
    pub mlp: Option<Leaving>,
}

/// Units that leave a part, in all groups together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Leaving {
    pub units: usize,
    /// What the schedule alone asks for: with sizes that differ from layer to layer, and in no multiples.
    pub scheduled: usize,
}

/// The ratios of a run: the schedule, solved for a model of so many layers, or its mean in all of them.
pub fn scheduled(layers: usize, settings: &Settings) -> Result<Vec<LayerRatio>, Error> {
    let own = schedule(layers, settings)?;
    if !settings.uniform {
        return Ok(own);
    }
    let equal = match (&settings.schedule, settings.span()) {
        (Schedule::Custom(_), _) | (_, config::Span::Ends { .. }) => {
            let mean = |part| own.iter().map(|ratio| ratio.of(part)).sum::<f64>() / layers as f64;
            LayerRatio { attention: mean(Part::Attention), mlp: mean(Part::Mlp) }
        }
        (_, config::Span::Mean(mean)) => LayerRatio::both(Ratio::new(mean)?.get()),
    };
    Ok(vec![equal; layers])
}

/// What the schedule alone says.
fn schedule(layers: usize, settings: &Settings) -> Result<Vec<LayerRatio>, Error> {
    Ok(ratios(layers, &settings.schedule, span(settings.span())?)?)
}

/// Solves the schedule for this model and rounds every ratio to counts.
pub fn plan(architecture: &Architecture, settings: &Settings) -> Result<Vec<LayerPlan>, Error> {
    let layers = &architecture.layers;
    let ratios = scheduled(layers.len(), settings)?.into_iter().zip(schedule(layers.len(), settings)?);
    let chosen = settings.layers.resolve(layers.len()).map_err(Error::Layers)?;
    if settings.uniform {
        refuse_unequal(architecture, &chosen)?;
    }
    let plans = layers.iter().zip(ratios).enumerate().map(|(index, (size, ratio))| {
        if chosen.contains(&index) { layer_plan(size, ratio, settings) } else { Ok(LayerPlan::untouched()) }
    });
    plans.collect()
}

impl LayerPlan {
    pub(super) fn untouched() -> Self {
        Self { ratio: LayerRatio::ZERO, attention: None, mlp: None }
    }
}

/// Layers of the same sizes come of the same ratio in all of them, where they have the same sizes.
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

/// Rounds one layer's ratio to counts; the second ratio is what the schedule alone says.
fn layer_plan(
    size: &LayerSize,
    (ratio, own): (LayerRatio, LayerRatio),
    settings: &Settings,
) -> Result<LayerPlan, Error> {
    let heads = |ratio: LayerRatio| -> Result<usize, Error> {
        let ratio = Ratio::new(ratio.attention)?;
        Ok(match settings.attention_unit {
            AttentionUnit::KvGroup => units_to_remove(size.kv_heads, ratio),
            AttentionUnit::QueryHead => units_to_remove(size.group(), ratio) * size.kv_heads,
        })
    };
    let channels = |ratio: LayerRatio, multiple| -> Result<usize, Error> {
        Ok(channels_to_remove(size.channels, Ratio::new(ratio.mlp)?, multiple))
    };
    let (units, scheduled) = (heads(ratio)?, heads(own)?);
    let attention = settings.prunes(Part::Attention).then_some(Leaving { units, scheduled });
    let (units, scheduled) = (channels(ratio, settings.channel_multiple)?, channels(own, 1)?);
    let mlp = settings.prunes(Part::Mlp).then_some(Leaving { units, scheduled });
    Ok(LayerPlan { ratio, attention, mlp })
}

/// What one layer alone is to lose at this ratio, whatever layers the settings name.
pub fn plan_layer(size: &LayerSize, ratio: LayerRatio, settings: &Settings) -> Result<LayerPlan, Error> {
    layer_plan(size, (ratio, ratio), settings)
}

/// What every layer is to lose at these ratios, whatever the schedule.
pub fn plan_by_ratios(
    architecture: &Architecture,
    ratios: &[LayerRatio],
    settings: &Settings,
) -> Result<Vec<LayerPlan>, Error> {
    let chosen = settings.layers.resolve(architecture.layers.len()).map_err(Error::Layers)?;
    let plans = architecture.layers.iter().zip(ratios).enumerate().map(|(index, (size, &ratio))| {
        if chosen.contains(&index) { plan_layer(size, ratio, settings) } else { Ok(LayerPlan::untouched()) }
    });
    plans.collect()
}

/// Parameters that a plan takes away.
pub fn parameters_removed(architecture: &Architecture, plan: &[LayerPlan], settings: &Settings) -> u64 {
    architecture.parameters() - planned(architecture, plan, settings.attention_unit).parameters()
}

/// Parameters of the parts that the settings prune: what a share of the parameters is a share of. All of an attention counts,
/// also where its keys and values stay.
pub fn parameters_of_parts(architecture: &Architecture, settings: &Settings) -> Result<u64, Error> {
    let mut without = architecture.layers.clone();
    for size in &mut without[settings.layers.resolve(architecture.layers.len()).map_err(Error::Layers)?] {
        if settings.prunes(Part::Attention) {
            (size.heads, size.kv_heads) = (0, 0);
        }
        if settings.prunes(Part::Mlp) {
            size.channels = 0;
        }
    }
    Ok(architecture.parameters() - architecture.with_layers(without).parameters())
}

/// The lowest mean ratio at which the schedule takes at least so many parameters away; None where none does. Counts are
/// rounded, so a mean of a quarter rarely takes a quarter.
pub fn mean_for(architecture: &Architecture, settings: &Settings, parameters: u64) -> Option<f64> {
    /// Means that are looked at, evenly spread.
    const STEPS: usize = 4000;
    let with =
        |mean: f64| Settings { ratio: Some(mean), first_ratio: None, last_ratio: None, ..settings.clone() };
    (1..STEPS).map(|step| step as f64 / STEPS as f64).find(|&mean| {
        let settings = with(mean);
        plan(architecture, &settings)
            .is_ok_and(|plan| parameters_removed(architecture, &plan, &settings) >= parameters)
    })
}

/// The sizes that the plan leaves.
pub fn planned(architecture: &Architecture, plan: &[LayerPlan], unit: AttentionUnit) -> Architecture {
    let mut after = architecture.clone();
    for (size, plan) in after.layers.iter_mut().zip(plan) {
        let gone = plan.attention.map_or(0, |leaving| leaving.units);
        match unit {
            AttentionUnit::KvGroup => {
                size.heads -= gone * (size.heads / size.kv_heads);
                size.kv_heads -= gone;
            }
            AttentionUnit::QueryHead => size.heads -= gone,
        }
        size.channels -= plan.mlp.map_or(0, |leaving| leaving.units);
    }
    after
}

/// The units of a part: their number, their width in columns of the scored weight, and how they are picked.
pub fn units(part: Part, size: &LayerSize, head_dim: usize, settings: &Settings) -> (usize, usize, Units) {
    let per_group = size.group();
    let score = settings.head_score;
    match (part, settings.attention_unit) {
        (Part::Attention, AttentionUnit::KvGroup) => {
            let width = per_group * head_dim;
            (size.kv_heads, width, Units::Heads { width, score, per_group: None })
        }
        (Part::Attention, AttentionUnit::QueryHead) => {
            (size.heads, head_dim, Units::Heads { width: head_dim, score, per_group: Some(per_group) })
        }
        (Part::Mlp, _) => {
            // A baseline's order is known from the start: the group size only decides how often progress is reported.
            let group_size =
                if settings.score.is_baseline() { GroupSize::default() } else { settings.group_size };
            (size.channels, 1, Units::Channels { group_size })
        }
    }
}

/// What draws a random order of a part's units: the run's seed, for every part another.
pub fn seed_of(seed: u64, layer: usize, part: Part) -> u64 {
    let mut draws = ChaCha8Rng::seed_from_u64(seed);
    draws.set_stream(2 * layer as u64 + u64::from(part == Part::Mlp));
    draws.next_u64()
}

/// The record of a layer that stays as it is.
pub fn untouched(index: usize, architecture: &Architecture, settings: &Settings) -> LayerRecord {
    let record = |part| {
        let (count, width, _) = units(part, &architecture.layers[index], architecture.head_dim, settings);
        PartRecord::untouched(count, width)
    };
    let (attention, mlp) = (record(Part::Attention), record(Part::Mlp));
    LayerRecord { index, ratio: LayerRatio::ZERO, attention, mlp, output_error: None }
}

fn span(span: config::Span) -> Result<Span, Error> {
    Ok(match span {
        config::Span::Mean(mean) => Span::Mean(Ratio::new(mean)?),
        config::Span::Ends { first, last } => Span::FirstLast(Ratio::new(first)?, Ratio::new(last)?),
    })
}
