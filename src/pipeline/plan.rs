//! From settings to counts: how many units leave every layer.

use crate::{
    config::{self, AttentionUnit, Part, Settings},
    model::{Architecture, LayerSize},
    prune::{Ratio, Span, Units, channels_to_remove, ratios, units_to_remove},
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

/// Solves the schedule for this model and rounds every ratio to counts.
pub fn plan(architecture: &Architecture, settings: &Settings) -> Result<Vec<LayerPlan>, Error> {
    let layers = &architecture.layers;
    let ratios = ratios(layers.len(), &settings.schedule, span(settings.span())?)?;
    let chosen = settings.layers.resolve(layers.len()).map_err(Error::Layers)?;
    let plans = layers.iter().zip(ratios).enumerate().map(|(index, (size, ratio))| {
        let inside = chosen.contains(&index);
        let attention = (inside && settings.prunes(Part::Attention)).then(|| match settings.attention_unit {
            AttentionUnit::KvGroup => units_to_remove(size.kv_heads, ratio),
            AttentionUnit::QueryHead => units_to_remove(size.group(), ratio) * size.kv_heads,
        });
        let mlp = (inside && settings.prunes(Part::Mlp))
            .then(|| channels_to_remove(size.channels, ratio, settings.channel_multiple));
        LayerPlan { ratio: if inside { ratio.get() } else { 0.0 }, attention, mlp }
    });
    Ok(plans.collect())
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

fn span(span: config::Span) -> Result<Span, Error> {
    Ok(match span {
        config::Span::Mean(mean) => Span::Mean(Ratio::new(mean)?),
        config::Span::Ends { first, last } => Span::FirstLast(Ratio::new(first)?, Ratio::new(last)?),
    })
}
