//! The ratios of a run and the plan that follows from them.

use crate::{
    config::Settings,
    model::Architecture,
    pipeline::{self, LayerPlan},
    prune::{LayerRatio, Part, Schedule},
};

use super::Error;

/// The ratios of a run. Ratios of layers that have not started may change.
pub struct RunState {
    /// The settings of the job.
    pub given: Settings,
    pub ratios: Vec<LayerRatio>,
    /// The given settings, with a schedule that yields the ratios.
    pub settings: Settings,
    pub plan: Vec<LayerPlan>,
}

impl RunState {
    /// Combines settings and ratios. `found` contains the ratios of the last search.
    ///
    /// # Errors
    /// If the ratios do not fit the model.
    pub fn new(
        given: Settings,
        ratios: Vec<LayerRatio>,
        found: Option<&[LayerRatio]>,
        architecture: &Architecture,
    ) -> Result<Self, Error> {
        let settings = match given.ratios.schedule {
            Schedule::Auto if found == Some(&ratios[..]) => given.clone(),
            _ => with_ratios(given.clone(), &ratios, architecture.layers.len()),
        };
        let plan = match settings.ratios.schedule {
            Schedule::Auto => pipeline::plan_by_ratios(architecture, &ratios, &settings)?,
            _ => pipeline::plan(architecture, &settings)?,
        };
        Ok(Self { given, ratios, settings, plan })
    }

    /// The same run with other ratios from `layer` on.
    ///
    /// # Errors
    /// As for [`RunState::new`].
    pub fn replanned(
        &self,
        layer: usize,
        ratios: &[LayerRatio],
        architecture: &Architecture,
    ) -> Result<Self, Error> {
        let begun = self.ratios.iter().take(layer);
        let ratios = begun.chain(ratios.iter().skip(layer)).copied().collect();
        // Edited ratios no longer belong to a search.
        Self::new(self.given.clone(), ratios, None, architecture)
    }
}

/// Keeps the schedule if it yields these ratios on the pruned layers; otherwise the ratios become the schedule.
fn with_ratios(settings: Settings, ratios: &[LayerRatio], layers: usize) -> Settings {
    let yields = |scheduled: Vec<LayerRatio>| {
        let off = |layer: usize, part| (scheduled[layer].of(part) - ratios[layer].of(part)).abs();
        let same = |layer: usize| {
            scheduled[layer].unit == ratios[layer].unit
                && off(layer, Part::Attention).max(off(layer, Part::Mlp)) < 1e-12
        };
        ratios.len() == layers
            && settings.ratios.layers.resolve(layers).is_ok_and(|mut range| range.all(same))
    };
    if settings.ratios.schedule != Schedule::Auto && pipeline::scheduled(layers, &settings).is_ok_and(yields)
    {
        return settings;
    }
    Settings { ratios: settings.ratios.with_layers(ratios.to_vec()), ..settings }
}
