//! The predicted error of every part at its planned count, from its error curve or from its elimination path.

use crate::{
    explorer::{Layer, State, view::status},
    prune::Part,
};

/// Bounds of the exponent with which an error continues beyond its last known point.
const EXPONENTS: (f64, f64) = (1.0, 6.0);
/// The exponent if there is a single point.
const EXPONENT: f64 = 2.0;

/// How far beyond the last known point plans go, as a multiple of it.
const FURTHEST: f64 = 1.5;

/// The error of a part at every number of removed units.
#[derive(Clone, Debug, PartialEq)]
pub struct Costs {
    /// Units removed, and the error over E‖y‖², ascending from (0, 0).
    points: Vec<(f64, f64)>,
    /// Factor from an error over E‖y‖² to the cost.
    factor: f64,
}

/// A predicted cost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Predicted {
    pub cost: f64,
    /// True beyond the last known point.
    pub extrapolated: bool,
}

/// The denominator of the costs. Costs of different parts can be compared and added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// E‖h_dense‖² behind the part without the largest dimensions, whose massive activations would hide all errors. It is
    /// known after the streams were compared.
    Stream,
    /// E‖y‖² of the part itself.
    Own,
}

impl Basis {
    /// The stream, if it is known for every pruned layer.
    pub fn of(state: &State) -> Self {
        let mut active = state.layers.iter().filter_map(|layer| layer.active()).peekable();
        let known = active.peek().is_some()
            && active.all(|active| {
                let energies = [Part::Attention, Part::Mlp]
                    .into_iter()
                    .all(|part| active.record(part).removed.is_empty() || active.energy(part).is_some());
                active.stream_errors.is_some() && energies
            });
        if known { Self::Stream } else { Self::Own }
    }

    pub fn formula(self) -> &'static str {
        match self {
            Self::Stream => "Σ E‖Δy‖² / E‖h_rest‖²",
            Self::Own => "Σ E‖Δy‖² / E‖y‖²",
        }
    }

    fn factor(self, layer: &Layer, part: Part) -> Option<f64> {
        match self {
            Self::Own => Some(1.0),
            Self::Stream => {
                let active = layer.active()?;
                let norm = active.stream_errors.as_ref()?.behind(part).norm_rest;
                Some(active.energy(part)? / norm).filter(|factor| factor.is_finite())
            }
        }
    }
}

impl Costs {
    /// The costs of a part that has `units` planned units; None if neither a curve nor an elimination path is known.
    /// If those count another unit of the attention, the same fractions are compared.
    pub fn of(layer: &Layer, part: Part, units: usize, basis: Basis) -> Option<Self> {
        let factor = basis.factor(layer, part)?;
        let (points, counted): (Vec<_>, usize) = match layer.curve(part) {
            Some(curve) => {
                let points = curve.points.iter().map(|point| (point.removed as f64, point.relative_error));
                (points.collect(), curve.units)
            }
            None => (path(layer, part)?, layer.active()?.record(part).units),
        };
        let scale = units as f64 / counted.max(1) as f64;
        Self::new(points.into_iter().map(|(removed, error)| (removed * scale, error)).collect(), factor)
    }

    fn new(mut points: Vec<(f64, f64)>, factor: f64) -> Option<Self> {
        points.retain(|(removed, error)| *removed > 0.0 && error.is_finite());
        points.insert(0, (0.0, 0.0));
        (points.len() > 1).then_some(Self { points, factor })
    }

    /// The cost with this many units removed.
    pub fn at(&self, removed: f64) -> Predicted {
        let next = self.points.partition_point(|point| point.0 < removed);
        let (last, highest) = self.points[self.points.len() - 1];
        let error = match self.points.get(next) {
            None => highest * (removed / last).powf(self.exponent()),
            Some(&(_, error)) if next == 0 => error,
            Some(&(after, error)) => {
                let (before, lower) = self.points[next - 1];
                lower + (error - lower) * (removed - before) / (after - before).max(1e-12)
            }
        };
        Predicted { cost: error * self.factor, extrapolated: next == self.points.len() }
    }

    /// The number of removed units up to which a prediction is used for plans.
    pub fn limit(&self) -> f64 {
        FURTHEST * self.points[self.points.len() - 1].0
    }

    /// The growth at the end of the known points, as an exponent of the number of removed units.
    fn exponent(&self) -> f64 {
        let (last, highest) = self.points[self.points.len() - 1];
        let half = self.points.iter().find(|point| point.0 >= last / 2.0 && point.1 > 0.0);
        let exponent =
            half.filter(|half| half.0 < last).map(|half| (highest / half.1).ln() / (last / half.0).ln());
        exponent.filter(|exponent| exponent.is_finite()).unwrap_or(EXPONENT).clamp(EXPONENTS.0, EXPONENTS.1)
    }
}

/// Cumulative errors of the active attempt over E‖y‖², up to the cut.
fn path(layer: &Layer, part: Part) -> Option<Vec<(f64, f64)>> {
    let active = layer.active()?;
    let energy = active.energy(part)?;
    let record = active.record(part);
    let (mut removed, mut error) = (0, 0.0);
    let sums = record.group_sizes.iter().zip(&record.step_errors).map(|(size, step)| {
        (removed, error) = (removed + size, error + step);
        (removed as f64, error / energy)
    });
    Some(sums.collect())
}

/// Predicted costs of all parts, planned and as pruned.
pub struct Prediction {
    pub basis: Basis,
    /// Indexed by layer: attention and MLP. None if the costs are unknown. A part that loses nothing costs 0.
    pub parts: Vec<[Option<Predicted>; 2]>,
    /// Sums over the parts with known costs at the planned counts and at those of the active attempts.
    pub planned: f64,
    pub active: f64,
    /// Whether a planned count is beyond the known points.
    pub extrapolated: bool,
}

/// None before anything is pruned.
pub fn prediction(state: &State) -> Option<Prediction> {
    let basis = Basis::of(state);
    let (mut planned, mut active, mut extrapolated, mut any) = (0.0, 0.0, false, false);
    let mut parts = Vec::with_capacity(state.layers.len());
    for (index, layer) in state.layers.iter().enumerate() {
        let goal = state.goal(index);
        parts.push([(Part::Attention, goal.attention), (Part::Mlp, goal.mlp)].map(|(part, removed)| {
            let units = status::planned(state, index, part).0;
            let costs = Costs::of(layer, part, units, basis);
            let Some(costs) = costs else {
                return (removed == 0).then_some(Predicted { cost: 0.0, extrapolated: false });
            };
            any = true;
            let predicted = costs.at(removed as f64);
            planned += predicted.cost;
            extrapolated |= predicted.extrapolated;
            active += layer.active().map_or(0.0, |active| {
                let record = active.record(part);
                costs.at((record.removed.len() * units) as f64 / record.units.max(1) as f64).cost
            });
            Some(predicted)
        }));
    }
    any.then_some(Prediction { basis, parts, planned, active, extrapolated })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cost_is_interpolated_and_continues_beyond_the_last_point() {
        // error = (removed / 10)²
        let points = (1..=8).map(|n| (f64::from(n), (f64::from(n) / 10.0).powi(2))).collect();
        let costs = Costs::new(points, 2.0).unwrap();
        let near = |removed: f64, wanted: f64| {
            let found = costs.at(removed).cost;
            assert!((found - wanted).abs() < 1e-9, "{removed}: {found}, not {wanted}");
        };
        near(0.0, 0.0);
        near(4.0, 0.32);
        near(3.5, 0.25);
        near(10.0, 2.0);
        assert!(costs.at(8.1).extrapolated && !costs.at(8.0).extrapolated);
        assert_eq!(Costs::new(Vec::new(), 1.0), None);
    }
}
