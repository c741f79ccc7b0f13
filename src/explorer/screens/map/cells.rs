//! The cells of the map: units or groups of neighbouring units, and their values.

use std::ops::Range;

use crate::{
    explorer::{PartView, State, screens::compare::ComparedSession, view::status},
    prune::Part,
};

/// Columns of the screen that the labels, borders and gaps take.
const AROUND: usize = 14;
/// Maximum number of cells in a row, and of units of a cell whose scores are averaged. They limit the time of a frame.
const MOST: usize = 96;
const SAMPLED: usize = 3;

/// What the colours mean.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Quantity {
    #[default]
    Score,
    Cost,
    Order,
    /// The share of the compared sessions that removed a unit.
    Sessions,
}

impl Quantity {
    pub const ALL: [Self; 4] = [Self::Score, Self::Cost, Self::Order, Self::Sessions];

    pub fn name(self) -> &'static str {
        match self {
            Self::Score => "score",
            Self::Cost => "cost",
            Self::Order => "order of removal",
            Self::Sessions => "sessions that removed it",
        }
    }

    /// The next quantity; sessions only if some are compared.
    pub fn next(self, compares: bool) -> Self {
        let known = Self::ALL.len() - usize::from(!compares);
        Self::ALL[(self as usize + 1) % known]
    }
}

/// The columns of one part of the map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    /// The largest number of units of any layer.
    pub units: usize,
    pub cells: usize,
    /// Columns of the screen per cell.
    pub wide: usize,
}

impl Grid {
    /// The grid of a part for the size of the terminal.
    pub fn of(state: &State, part: Part) -> Self {
        let units = |part: Part| {
            let of_layer = |layer: usize| {
                let solved = Known::of(state, layer, part).map(|known| known.units);
                solved.unwrap_or(status::planned(state, layer, part).0)
            };
            (0..state.layers.len()).map(of_layer).max().unwrap_or(0)
        };
        let columns = usize::from(state.size.0).saturating_sub(AROUND).max(2);
        let heads = Self::within(units(Part::Attention), columns / 2);
        match part {
            Part::Attention => heads,
            Part::Mlp => Self::within(units(Part::Mlp), columns - heads.cells * heads.wide),
        }
    }

    /// As many cells as fit, at most one per unit. They are up to three columns wide, and wider if [`MOST`] cells would leave
    /// columns empty.
    fn within(units: usize, columns: usize) -> Self {
        let least = columns.div_ceil(MOST).max(1);
        let cells = units.min(columns / least).clamp(1, MOST);
        Self { units, cells, wide: (columns / cells).clamp(1, least.max(3)) }
    }

    /// The units of a cell.
    pub fn units_of(&self, cell: usize) -> Range<usize> {
        cell * self.units / self.cells..(cell + 1) * self.units / self.cells
    }

    /// The cell of a unit.
    pub fn cell_of(&self, unit: usize) -> usize {
        // Division of short numbers is several times faster, and the map divides once per removed unit.
        let (unit, cells, units) = (unit as u32, self.cells as u32, self.units.max(1) as u32);
        (((unit + 1) * cells - 1) / units).min(cells - 1) as usize
    }
}

/// The known values of one part of a layer.
pub struct Known<'a> {
    pub units: usize,
    view: PartView<'a>,
    energy: f64,
    /// The removed units of the compared sessions that have the same units in this layer.
    others: Vec<&'a [usize]>,
}

/// One cell of a layer.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cell {
    /// None if no unit of the cell has a value.
    pub value: Option<f64>,
    /// Removed units and all units.
    pub removed: usize,
    pub units: usize,
}

impl<'a> Known<'a> {
    /// None for a layer that has neither an active attempt nor one in progress.
    pub fn of(state: &'a State, layer: usize, part: Part) -> Option<Self> {
        let view = state.layers.get(layer)?.view(part).filter(|view| view.units > 0)?;
        let energy = view.seen.and_then(|seen| seen.energy).filter(|&energy| energy > 0.0).unwrap_or(1.0);
        let of = |session: &'a ComparedSession| {
            let removed = session.removed.as_ref()?.get(layer)?.as_ref()?.of(part);
            (removed.units == view.units).then_some(&removed.removed[..])
        };
        let others = state.compared_sessions().filter_map(of).collect();
        Some(Self { units: view.units, view, energy, others })
    }

    pub fn score(&self, unit: usize) -> Option<f64> {
        let score = f64::from(*self.view.seen?.scores.get(unit)?);
        (score.is_finite() && score > 0.0).then_some(score)
    }

    /// Every removed unit in order, with its cost: the error of its step, shared equally, over E‖y‖².
    pub fn removals(&self) -> impl Iterator<Item = (usize, f64)> + '_ {
        let steps = self.view.step_errors.iter().zip(self.view.group_sizes);
        let costs = steps
            .flat_map(|(&error, &size)| std::iter::repeat_n(error / size.max(1) as f64 / self.energy, size));
        self.view.removed.iter().copied().zip(costs)
    }

    /// Number of removed units.
    pub fn removed(&self) -> usize {
        self.view.removed.len()
    }

    /// The usual range of the values of single units; None if there are none.
    pub fn range(&self, quantity: Quantity) -> Option<(f64, f64)> {
        match quantity {
            Quantity::Order | Quantity::Sessions => Some((0.0, 1.0)),
            Quantity::Score => {
                let order = &self.view.seen?.order;
                // A few extreme units would hide all others.
                let at = |share: usize| self.score(*order.get(order.len().max(1) * share / 100)? as usize);
                Some((at(5).or_else(|| at(50))?, at(95)?))
            }
            Quantity::Cost => {
                let steps = self.view.step_errors.iter().zip(self.view.group_sizes);
                let costs = steps.map(|(&error, &size)| error / size.max(1) as f64 / self.energy);
                let costs = costs.filter(|cost| *cost > 0.0 && cost.is_finite());
                costs.fold(None, |range, cost| {
                    let (low, high) = range.unwrap_or((cost, cost));
                    Some((low.min(cost), high.max(cost)))
                })
            }
        }
    }

    /// Number of sessions, the open one included, whose removed units are known.
    pub fn sessions(&self) -> usize {
        1 + self.others.len()
    }

    /// Number of these sessions that removed a unit.
    pub fn removed_in(&self, unit: usize) -> usize {
        let of = |removed: &[usize]| usize::from(removed.contains(&unit));
        of(self.view.removed) + self.others.iter().map(|removed| of(removed)).sum::<usize>()
    }

    /// All cells. Scores are averaged in logarithms over evenly spread units of a cell; the order is a share of all
    /// removals.
    pub fn row(&self, quantity: Quantity, grid: &Grid) -> Vec<Cell> {
        let mut cells: Vec<Cell> = (0..grid.cells)
            .map(|cell| {
                let units = grid.units_of(cell);
                Cell { units: units.end.min(self.units).saturating_sub(units.start), ..Cell::default() }
            })
            .collect();
        let mut sums = vec![0.0; grid.cells];
        let mut costs = self.removals();
        for (place, &unit) in self.view.removed.iter().enumerate() {
            let at = grid.cell_of(unit);
            cells[at].removed += 1;
            sums[at] += match quantity {
                Quantity::Score => 0.0,
                Quantity::Sessions => 1.0,
                Quantity::Cost => costs.next().map_or(0.0, |(_, cost)| cost),
                Quantity::Order => place as f64,
            };
        }
        if quantity == Quantity::Sessions {
            for &unit in self.others.iter().copied().flatten() {
                sums[grid.cell_of(unit)] += 1.0;
            }
        }
        let all = self.removed().max(1) as f64;
        for (at, cell) in cells.iter_mut().enumerate() {
            let some = (cell.removed > 0).then_some(sums[at]);
            cell.value = match quantity {
                Quantity::Score => self.mean_score(grid.units_of(at)),
                Quantity::Sessions => {
                    (sums[at] > 0.0).then(|| sums[at] / cell.units.max(1) as f64 / self.sessions() as f64)
                }
                Quantity::Cost => some.map(|sum| sum / cell.removed as f64),
                Quantity::Order => some.map(|sum| sum / cell.removed as f64 / all),
            };
        }
        cells
    }

    /// The geometric mean of the scores of evenly spread units.
    fn mean_score(&self, units: Range<usize>) -> Option<f64> {
        let step = units.len().div_ceil(SAMPLED).max(1);
        let scores = units.step_by(step).filter_map(|unit| self.score(unit));
        let (sum, count) = scores.fold((0.0, 0u32), |(sum, count), score| (sum + score.ln(), count + 1));
        (count > 0).then(|| (sum / f64::from(count)).exp())
    }
}
