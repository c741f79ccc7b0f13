//! An attempt: one solve of a layer, with its method and the attempts in the layers above.

use serde::{Deserialize, Serialize};

use crate::{
    config::{self, Settings, Solver, SolverChanges},
    prune::{AttentionUnit, LayerRatio, Part},
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
    /// The unit of the attention that the ratio counts; None for the unit of the settings, and for the FFN.
    #[serde(rename = "attention_unit", default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<AttentionUnit>,
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
        let unit = self.ratio.unit_of(part);
        let common = PartOverride { part, ratio: self.ratio.of(part), unit, solver: self.solver };
        self.parts.contains(&part).then(|| own.unwrap_or(common))
    }

    /// The ratio of every part, with the unit of the attention.
    pub fn ratios(&self) -> LayerRatio {
        let solved = [Part::Attention, Part::Mlp].into_iter().filter_map(|part| self.of_part(part));
        solved.fold(self.ratio, |all, own| all.with_part(own.part, own.ratio, own.unit))
    }

    /// This method with the changes of a retry. They apply to all parts that it solves. A ratio without a unit counts
    /// the same units as before.
    ///
    /// # Errors
    /// If a changed value is out of its range.
    pub fn changed(self, change: MethodChange) -> Result<Self, config::Error> {
        let MethodChange { ratio, parts, solver } = change;
        let overrides = self.overrides.into_iter().map(|own| {
            let changed = ratio.map_or(own.ratio, |ratio| ratio.of(own.part));
            let unit = ratio.and_then(|ratio| ratio.unit_of(own.part)).or(own.unit);
            Ok(PartOverride { ratio: changed, unit, solver: own.solver.with(solver)?, ..own })
        });
        let overrides = overrides.collect::<Result<_, config::Error>>()?;
        let parts = parts.unwrap_or(self.parts);
        if let Some(ratio) = ratio.filter(|ratio| !ratio.is_for(&parts)) {
            let what = format!("{ratio} names a ratio or a unit of a part that is not solved again");
            return Err(config::Error::value("ratio", &what, "name that part as well, or shorten the ratio"));
        }
        // A part copied from the active attempt keeps its ratio.
        let with_own = |all: LayerRatio, &part: &Part| match ratio {
            Some(own) => all.with_part(part, own.of(part), own.unit_of(part).or(all.unit_of(part))),
            None => all,
        };
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
    pub ratio: Option<LayerRatio>,
    pub parts: Option<Vec<Part>>,
    pub solver: SolverChanges,
}

/// The units that a ratio removes from a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// The unit of the attention; None if no unit is removed.
    unit: Option<AttentionUnit>,
    attention: usize,
    mlp: usize,
}

impl Counts {
    /// Removes `attention` units and `mlp` channels.
    pub fn new(unit: AttentionUnit, attention: usize, mlp: usize) -> Self {
        Self { unit: (attention > 0).then_some(unit), attention, mlp }
    }
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
    /// the active attempts, indexed by layer, at least for all layers above. `counts` gives the units that a ratio removes from the
    /// layer; None if unknown.
    pub fn is_stale(
        &self,
        active: impl IntoIterator<Item = Option<usize>>,
        planned: Option<LayerRatio>,
        counts: impl Fn(LayerRatio) -> Option<Counts>,
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
    (!ratios.is_empty()).then(|| LayerRatio::new(mean(Part::Attention), mean(Part::Mlp)))
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
        let counts = |ratio: LayerRatio| {
            let unit = ratio.unit.unwrap_or(AttentionUnit::KvGroup);
            Some(Counts::new(unit, (ratio.attention * 8.0) as usize, (ratio.mlp * 100.0) as usize))
        };
        let stale = |planned: LayerRatio| {
            let attempt = attempt(&[], 0.25);
            attempt.is_stale([], Some(planned), counts)
        };
        assert!(!stale(LayerRatio::new(0.3, 0.25)));
        assert!(stale(LayerRatio::new(0.3, 0.26)));
        assert!(stale(LayerRatio::new(0.4, 0.25)));
        assert!(!stale(LayerRatio::both(0.25).in_units(Some(AttentionUnit::KvGroup))));
        assert!(stale(LayerRatio::both(0.25).in_units(Some(AttentionUnit::QueryHead))));
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
