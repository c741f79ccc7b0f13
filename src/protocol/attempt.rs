//! An attempt: one solve of a layer, with its method and the attempts in the layers above.

use serde::{Deserialize, Serialize};

use crate::{
    config::{self, Settings, Solver, SolverChanges},
    prune::{LayerRatio, Part},
};

/// The method for solving one layer: its ratio, its parts, and the settings that a retry can change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Method {
    pub ratio: LayerRatio,
    /// Parts to solve; the others are copied from the active attempt.
    pub parts: Vec<Part>,
    #[serde(flatten)]
    pub solver: Solver,
    /// Parts with their own ratio or settings, for example after a retry of a single part.
    #[serde(default, alias = "apart", skip_serializing_if = "Vec::is_empty")]
    pub overrides: Vec<PartOverride>,
}

/// The method for solving one part of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PartOverride {
    pub part: Part,
    pub ratio: f64,
    #[serde(flatten)]
    pub solver: Solver,
}

impl Method {
    /// The method that a run with these settings uses for a layer with this ratio.
    pub fn of_run(settings: &Settings, ratio: impl Into<LayerRatio>) -> Self {
        let (parts, solver) = (settings.ratios.parts.clone(), settings.solver);
        Self { ratio: ratio.into(), parts, solver, overrides: Vec::new() }
    }

    /// The method for a part; `None` if the part is not solved.
    pub fn of_part(&self, part: Part) -> Option<PartOverride> {
        let own = self.overrides.iter().find(|own| own.part == part).copied();
        let common = PartOverride { part, ratio: self.ratio.of(part), solver: self.solver };
        self.parts.contains(&part).then(|| own.unwrap_or(common))
    }

    /// This method with the changes of a retry. They apply to all parts that it solves.
    ///
    /// # Errors
    /// If a changed value is out of its range.
    pub fn changed(self, change: MethodChange) -> Result<Self, config::Error> {
        let MethodChange { ratio, parts, solver } = change;
        let overrides = self.overrides.into_iter().map(|own| {
            let ratio = ratio.unwrap_or(own.ratio);
            Ok(PartOverride { ratio, solver: own.solver.with(solver)?, ..own })
        });
        let overrides = overrides.collect::<Result<_, config::Error>>()?;
        let parts = parts.unwrap_or(self.parts);
        // A part copied from the active attempt keeps its ratio.
        let with_own = |all: LayerRatio, &part: &Part| ratio.map_or(all, |own| all.with(part, own));
        let ratio = parts.iter().fold(self.ratio, with_own);
        Ok(Self { ratio, parts, solver: self.solver.with(solver)?, overrides })
    }

    /// True if it differs from the method of a run with these settings in more than the ratio.
    pub fn is_tuned(&self, settings: &Settings) -> bool {
        *self != Self::of_run(settings, self.ratio)
    }
}

/// The changes of a retry to the method of the active attempt.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MethodChange {
    pub ratio: Option<f64>,
    pub parts: Option<Vec<Part>>,
    pub solver: SolverChanges,
}

/// One solve of a layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// Counted from 0 in each layer. Numbers are never reused.
    pub number: usize,
    /// Numbers of the attempts that were active in the layers above, one per layer.
    pub above: Vec<usize>,
    pub method: Method,
}

impl Attempt {
    /// True if the layer should be solved again, because another attempt is active in a layer above than
    /// during this solve, or because the planned ratio removes another number of units. `active` contains the numbers of
    /// the active attempts, indexed by layer, at least for all layers above. `counts` gives the units of attention and
    /// MLP that a ratio removes from the layer; None if unknown.
    pub fn is_stale(
        &self,
        active: impl IntoIterator<Item = Option<usize>>,
        planned: Option<LayerRatio>,
        counts: impl Fn(LayerRatio) -> Option<(usize, usize)>,
    ) -> bool {
        let mut active = active.into_iter();
        let same_above = self.above.iter().all(|&number| active.next() == Some(Some(number)));
        let own = self.method.ratio;
        let same_counts = |planned| counts(planned).is_some_and(|planned| counts(own) == Some(planned));
        !same_above || planned.is_some_and(|planned| !planned.is_near(own) && !same_counts(planned))
    }
}

/// Mean ratio of a model. A layer counts with the ratio of its active attempt, or with its planned ratio if
/// it has no active attempt. None if there are no layers, or if a layer has neither. `active` has one item
/// per layer.
pub fn mean_ratio(
    active: impl IntoIterator<Item = Option<LayerRatio>>,
    planned: &[LayerRatio],
) -> Option<LayerRatio> {
    let ratio = |(layer, active): (usize, Option<LayerRatio>)| active.or(planned.get(layer).copied());
    let ratios: Vec<LayerRatio> = active.into_iter().enumerate().map(ratio).collect::<Option<_>>()?;
    let mean = |part: Part| ratios.iter().map(|ratio| ratio.of(part)).sum::<f64>() / ratios.len() as f64;
    (!ratios.is_empty()).then(|| LayerRatio { attention: mean(Part::Attention), mlp: mean(Part::Mlp) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Options;

    fn attempt(above: &[usize], ratio: f64) -> Attempt {
        let settings = Settings::new(Options::default()).unwrap();
        Attempt { number: 0, above: above.to_vec(), method: Method::of_run(&settings, ratio) }
    }

    #[test]
    fn an_attempt_is_stale_after_a_change_above_or_of_the_planned_ratio() {
        let attempt = attempt(&[0, 2], 0.25);
        let stale = |active: &[Option<usize>], planned: Option<f64>| {
            attempt.is_stale(active.iter().copied(), planned.map(LayerRatio::both), |_| None)
        };
        assert!(!stale(&[Some(0), Some(2)], None));
        assert!(!stale(&[Some(0), Some(2), None], Some(0.25)));
        assert!(stale(&[Some(0), Some(1)], None));
        assert!(stale(&[Some(0), None], None));
        assert!(stale(&[Some(0)], None));
        assert!(stale(&[Some(0), Some(2)], Some(0.3)));
    }

    #[test]
    fn a_planned_ratio_with_the_same_counts_makes_nothing_stale() {
        let counts =
            |ratio: LayerRatio| Some(((ratio.attention * 8.0) as usize, (ratio.mlp * 100.0) as usize));
        let stale = |planned: LayerRatio| {
            let attempt = attempt(&[], 0.25);
            attempt.is_stale([], Some(planned), counts)
        };
        assert!(!stale(LayerRatio { attention: 0.3, mlp: 0.25 }));
        assert!(stale(LayerRatio { attention: 0.3, mlp: 0.26 }));
        assert!(stale(LayerRatio { attention: 0.4, mlp: 0.25 }));
    }

    #[test]
    fn the_mean_ratio_counts_layers_without_an_attempt_as_planned() {
        let both = LayerRatio::both;
        let planned = [both(0.5), both(0.25)];
        assert_eq!(mean_ratio([Some(both(0.25)), None], &planned), Some(both(0.25)));
        assert_eq!(mean_ratio([Some(both(0.25)), None], &[]), None);
        assert_eq!(mean_ratio([], &planned), None);
    }
}
