//! From settings to counts: how many units leave every layer.

use crate::{
    config::{self, AttentionUnit, Part, Settings},
    model::{Architecture, LayerSize},
    prune::{LayerRecord, PartRecord, Ratio, Span, Units, channels_to_remove, ratios, units_to_remove},
};

use super::Error;

/// What is to happen to one layer.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerPlan {
    pub ratio: f64,
    /// Units that leave the attention, in all groups together; None where the run leaves it as it is.
    pub attention: Option<usize>,
    /// Channels that leave the FFN; None where the run leaves it as it is.
    pub mlp: Option<usize>,
}

/// The schedule, solved for a model of so many layers.
pub fn scheduled(layers: usize, settings: &Settings) -> Result<Vec<Ratio>, Error> {
    Ok(ratios(layers, &settings.schedule, span(settings.span())?)?)
}

/// Solves the schedule for this model and rounds every ratio to counts.
pub fn plan(architecture: &Architecture, settings: &Settings) -> Result<Vec<LayerPlan>, Error> {
    let layers = &architecture.layers;
    let ratios = scheduled(layers.len(), settings)?;
    let chosen = settings.layers.resolve(layers.len()).map_err(Error::Layers)?;
    let plans = layers.iter().zip(ratios).enumerate().map(|(index, (size, ratio))| {
        if chosen.contains(&index) { layer_plan(size, ratio, settings) } else { LayerPlan::untouched() }
    });
    Ok(plans.collect())
}

impl LayerPlan {
    fn untouched() -> Self {
        Self { ratio: 0.0, attention: None, mlp: None }
    }
}

/// Rounds one layer's ratio to counts.
fn layer_plan(size: &LayerSize, ratio: Ratio, settings: &Settings) -> LayerPlan {
    let attention = settings.prunes(Part::Attention).then(|| match settings.attention_unit {
        AttentionUnit::KvGroup => units_to_remove(size.kv_heads, ratio),
        AttentionUnit::QueryHead => units_to_remove(size.group(), ratio) * size.kv_heads,
    });
    let mlp = settings
        .prunes(Part::Mlp)
        .then(|| channels_to_remove(size.channels, ratio, settings.channel_multiple));
    LayerPlan { ratio: ratio.get(), attention, mlp }
}

/// What one layer alone is to lose at this ratio, whatever layers the settings name.
pub fn plan_layer(size: &LayerSize, ratio: f64, settings: &Settings) -> Result<LayerPlan, Error> {
    Ok(layer_plan(size, Ratio::new(ratio)?, settings))
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
        (Part::Mlp, _) => (size.channels, 1, Units::Channels { group_size: settings.group_size }),
    }
}

/// The record of a layer that stays as it is.
pub fn untouched(index: usize, architecture: &Architecture, settings: &Settings) -> LayerRecord {
    let record = |part| {
        let (count, width, _) = units(part, &architecture.layers[index], architecture.head_dim, settings);
        PartRecord::untouched(count, width)
    };
    let (attention, mlp) = (record(Part::Attention), record(Part::Mlp));
    LayerRecord { index, ratio: 0.0, attention, mlp, output_error: None }
}

fn span(span: config::Span) -> Result<Span, Error> {
    Ok(match span {
        config::Span::Mean(mean) => Span::Mean(Ratio::new(mean)?),
        config::Span::Ends { first, last } => Span::FirstLast(Ratio::new(first)?, Ratio::new(last)?),
    })
}
