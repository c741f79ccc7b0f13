//! A layer's attempt: one solve of it, with the settings and the attempts above that it rests on.

use serde::{Deserialize, Serialize};

use crate::{
    config::Settings,
    prune::{GroupSize, HeadScore, LayerRatio, Part, Refine, Score},
};

/// What a person may set for one layer alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Method {
    pub ratio: LayerRatio,
    /// Parts to solve; the others are taken over from the attempt active.
    pub parts: Vec<Part>,
    pub damping: f64,
    #[serde(default)]
    pub score: Score,
    pub head_score: HeadScore,
    pub group_size: GroupSize,
    pub compensation: bool,
    #[serde(default)]
    pub refine: Refine,
    /// Parts that are solved otherwise than that, as where each was tried again by itself.
    #[serde(default, alias = "apart", skip_serializing_if = "Vec::is_empty")]
    pub overrides: Vec<PartOverride>,
}

/// How one part alone is solved.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PartOverride {
    pub part: Part,
    pub ratio: f64,
    pub damping: f64,
    pub compensation: bool,
    #[serde(default)]
    pub score: Score,
    #[serde(default)]
    pub refine: Refine,
}

impl Method {
    /// What a run does to a layer of this ratio.
    pub fn of_run(settings: &Settings, ratio: impl Into<LayerRatio>) -> Self {
        Self {
            ratio: ratio.into(),
            parts: settings.parts.clone(),
            damping: settings.damping,
            score: settings.score,
            head_score: settings.head_score,
            group_size: settings.group_size,
            compensation: settings.compensation,
            refine: settings.refine,
            overrides: Vec::new(),
        }
    }

    /// How a part is solved; None where it is not.
    pub fn of_part(&self, part: Part) -> Option<PartOverride> {
        let Self { damping, compensation, score, refine, .. } = *self;
        let ratio = self.ratio.of(part);
        let overrides = self.overrides.iter().find(|overrides| overrides.part == part).copied();
        self.parts
            .contains(&part)
            .then(|| overrides.unwrap_or(PartOverride { part, ratio, damping, compensation, score, refine }))
    }

    /// True where it is another than a run with these settings has, but for the ratio.
    pub fn is_tuned(&self, settings: &Settings) -> bool {
        *self != Self::of_run(settings, self.ratio)
    }
}

/// Where a solve of a layer stands among the others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// Counted from 0 in each layer.
    pub number: usize,
    /// The attempts of the layers above that its inputs came through, one a layer. Where these are no longer the ones
    /// active, the attempt is stale.
    pub above: Vec<usize>,
    pub method: Method,
}

impl Attempt {
    /// True where the attempts that it rests on are the ones active above, and its ratio is the planned one. One that
    /// does not hold is stale. `active` is of all layers or of those above.
    pub fn holds(&self, active: &[Option<usize>], planned: Option<LayerRatio>) -> bool {
        let same_above = self.above.len() <= active.len()
            && self.above.iter().zip(active).all(|(&number, &above)| above == Some(number));
        same_above && planned.is_none_or(|ratio| ratio.is_near(self.method.ratio))
    }
}
