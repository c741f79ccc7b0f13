//! Shares a change of the number of parameters among parts of layers at equal marginal cost.

use super::predict::{Basis, Costs};
use crate::{
    explorer::{State, goal, schedule::Schedule},
    prune::{LayerRatio, Part},
};

/// Ratios on which costs are compared.
const STEPS: usize = 400;
/// Highest ratio of the grid.
const HIGHEST: f64 = 0.95;
/// Bisection steps for the marginal cost, and for the ratio of one layer.
const BISECTIONS: usize = 60;

/// What is balanced as a whole: one part of a layer, or both at one ratio.
pub struct Item {
    pub layer: usize,
    part: Option<Part>,
    /// In ascending order.
    grid: Vec<Point>,
    /// Index of the point of the present plan.
    present: usize,
}

/// A ratio with its predicted cost and its removed parameters.
#[derive(Clone, Copy, Debug)]
struct Point {
    ratio: f64,
    cost: f64,
    removed: f64,
}

/// Which points an item may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Ratios from that of the plan up.
    Raise,
    /// Ratios from that of the plan down.
    Lower,
    /// All ratios. The plan begins at 0.
    FromZero,
}

impl Item {
    /// None if the cost is unknown. The present ratio is one of its points, also beyond the predictable ones.
    pub fn new(
        state: &State,
        (layer, part): (usize, Option<Part>),
        present: LayerRatio,
        basis: Basis,
    ) -> Option<Self> {
        let known = &state.layers[layer];
        let parts = part.map_or(vec![Part::Attention, Part::Mlp], |part| vec![part]);
        let parts = parts.into_iter().filter(|&part| state.settings.prunes(part));
        let unit = known.shape.unit(state.settings.objective.attention_unit, present);
        let named = present.unit;
        let units = |part: Part| match part {
            Part::Attention => known.shape.attention_units(unit),
            Part::Mlp => known.shape.channels,
        };
        let costs: Vec<(Part, Costs)> = parts
            .map(|part| Some((part, Costs::of(known, part, units(part), basis)?)))
            .collect::<Option<_>>()?;
        if costs.is_empty() {
            return None;
        }
        let now = part.map_or(present.mlp, |part| present.of(part));
        let mut ratios: Vec<f64> = (0..=STEPS).map(|step| HIGHEST * step as f64 / STEPS as f64).collect();
        ratios.push(now);
        ratios.sort_by(f64::total_cmp);
        let mut grid: Vec<Point> = Vec::new();
        let mut present = None;
        for ratio in ratios {
            let both = part.map_or(LayerRatio::both(ratio), |part| LayerRatio::ZERO.with(part, ratio));
            let both = both.in_units(named);
            let counts = goal(&known.shape, both, &state.settings);
            let count = |part: Part| match part {
                Part::Attention => counts.attention as f64,
                Part::Mlp => counts.mlp as f64,
            };
            // Far beyond the known points, a prediction is a guess. The present ratio stays possible.
            let beyond = costs.iter().any(|(part, costs)| count(*part) > costs.limit());
            if beyond && ratio > now {
                break;
            }
            let cost: f64 = costs.iter().map(|(part, costs)| costs.at(count(*part)).cost).sum();
            let point = Point { ratio, cost, removed: counts.parameters as f64 };
            match grid.last_mut() {
                // Ratios with the same counts are one point.
                Some(last) if last.removed >= point.removed => {
                    if ratio == now {
                        last.ratio = ratio;
                    }
                }
                Some(_) | None => grid.push(point),
            }
            if ratio == now && present.is_none() {
                present = Some(grid.len() - 1);
            }
        }
        Some(Self { layer, part, grid, present: present? })
    }

    /// The ratio of this item in a layer's ratio.
    fn part_ratio(&self, ratio: LayerRatio) -> f64 {
        self.part.map_or(ratio.mlp, |part| ratio.of(part))
    }

    /// Sets the ratio of this item.
    pub fn put(&self, schedule: &mut Schedule, ratio: f64) {
        if self.part_ratio(schedule.ratios[self.layer]) != ratio {
            schedule.set(self.layer, self.part, ratio);
        }
    }

    fn range(&self, direction: Direction) -> std::ops::RangeInclusive<usize> {
        match direction {
            Direction::Raise => self.present..=self.grid.len() - 1,
            Direction::Lower => 0..=self.present,
            Direction::FromZero => 0..=self.grid.len() - 1,
        }
    }

    /// The point with the smallest cost if a removed parameter earns this price. Where marginal costs equal the price, no
    /// other choice of all items has the same total at a lower cost.
    fn cheapest(&self, price: f64, direction: Direction) -> Point {
        let value = |point: &Point| point.cost - price * point.removed;
        let better = |best: Point, point: &Point| if value(point) < value(&best) { *point } else { best };
        let range = self.range(direction);
        let first = self.grid[*range.start()];
        self.grid[range].iter().fold(first, better)
    }
}

/// Changes the items so that `missing` more parameters are removed (fewer, if it is negative), at equal marginal cost. The
/// items have their present ratios, or 0. False if they cannot.
pub fn fill(
    items: &[Item],
    direction: Direction,
    missing: f64,
    of: &dyn Fn(usize, LayerRatio) -> u64,
    schedule: &mut Schedule,
) -> bool {
    let start: f64 = match direction {
        Direction::Raise | Direction::Lower => items.iter().map(|item| item.grid[item.present].removed).sum(),
        Direction::FromZero => items.iter().map(|item| item.grid[0].removed).sum(),
    };
    let wanted = start + missing;
    let total = |price: f64| items.iter().map(|item| item.cheapest(price, direction).removed).sum::<f64>();
    let end = |high: bool| -> f64 {
        items
            .iter()
            .map(|item| {
                let range = item.range(direction);
                item.grid[if high { *range.end() } else { *range.start() }].removed
            })
            .sum()
    };
    if wanted < end(false) - 0.5 || wanted > end(true) + 0.5 {
        return false;
    }
    let (mut low, mut high) = (0.0, 1e-30);
    while total(high) < wanted && high < 1e12 {
        high *= 8.0;
    }
    for _ in 0..BISECTIONS {
        let middle = (low + high) / 2.0;
        if total(middle) < wanted { low = middle } else { high = middle }
    }
    let mut left = wanted - total(low);
    for item in items {
        item.put(schedule, item.cheapest(low, direction).ratio);
    }
    // Between the two prices, one item may jump over many units. The rest of the change takes a part of such a jump.
    let mut jumps: Vec<(&Item, f64, f64)> = items
        .iter()
        .map(|item| (item, item.cheapest(low, direction).ratio, item.cheapest(high, direction).ratio))
        .collect();
    jumps.sort_by(|a, b| (b.2 - b.1).total_cmp(&(a.2 - a.1)));
    for (item, from, _) in jumps {
        if left < 1.0 {
            break;
        }
        let highest = item.grid[*item.range(direction).end()].ratio;
        left -= extend(item, (from, highest), left, of, schedule);
    }
    // The cheapest points are often just before an attention unit leaves, which is then too large for the rest.
    if left >= 1.0 {
        exchange(items, direction, left, of, schedule);
    }
    true
}

/// Removes the unit that is too large for the rest where it costs least, and gives the excess back elsewhere. Keeps the plan if
/// that is no nearer to the total.
fn exchange(
    items: &[Item],
    direction: Direction,
    left: f64,
    of: &dyn Fn(usize, LayerRatio) -> u64,
    schedule: &mut Schedule,
) {
    let removed = |schedule: &Schedule, layer: usize| of(layer, schedule.ratios[layer]) as f64;
    let raised = |item: &Item| -> Option<(f64, f64, Schedule)> {
        let before = removed(schedule, item.layer);
        let now = item.part_ratio(schedule.ratios[item.layer]);
        let range = &item.grid[item.range(direction)];
        let cost = range.iter().take_while(|point| point.ratio <= now).last().map_or(0.0, |point| point.cost);
        range.iter().filter(|point| point.ratio > now).find_map(|point| {
            let mut trial = schedule.clone();
            item.put(&mut trial, point.ratio);
            let gained = removed(&trial, item.layer) - before;
            (gained > left).then(|| ((point.cost - cost) / gained, gained, trial))
        })
    };
    let all = items.iter().enumerate().filter_map(|(at, item)| Some((at, raised(item)?)));
    let Some((at, (_, gained, mut trial))) = all.min_by(|a, b| a.1.0.total_cmp(&b.1.0)) else { return };
    let mut excess = gained - left;
    for (_, item) in items.iter().enumerate().rev().filter(|(other, _)| *other != at) {
        if excess < 1.0 {
            break;
        }
        let lowest = item.grid[*item.range(direction).start()].ratio;
        excess -= reduce(item, lowest, excess, of, &mut trial);
    }
    if excess < left {
        *schedule = trial;
    }
}

/// Lowers an item as far as at most `room` parameters are given back. Returns their number.
fn reduce(
    item: &Item,
    lowest: f64,
    room: f64,
    of: &dyn Fn(usize, LayerRatio) -> u64,
    schedule: &mut Schedule,
) -> f64 {
    let from = item.part_ratio(schedule.ratios[item.layer]);
    let mut trial = schedule.clone();
    let mut removed = |ratio: f64| {
        item.put(&mut trial, ratio);
        of(item.layer, trial.ratios[item.layer]) as f64
    };
    let before = removed(from);
    let (mut low, mut high) = (lowest.min(from), from);
    for _ in 0..BISECTIONS {
        let middle = (low + high) / 2.0;
        if before - removed(middle) <= room { high = middle } else { low = middle }
    }
    let given = before - removed(high);
    if given > 0.0 {
        item.put(schedule, high);
    }
    given
}

/// Raises an item as far as at most `room` more parameters are removed. Returns their number.
fn extend(
    item: &Item,
    (from, highest): (f64, f64),
    room: f64,
    of: &dyn Fn(usize, LayerRatio) -> u64,
    schedule: &mut Schedule,
) -> f64 {
    let layer = item.layer;
    let mut trial = schedule.clone();
    let mut removed = |ratio: f64| {
        item.put(&mut trial, ratio);
        of(layer, trial.ratios[layer]) as f64
    };
    let before = removed(from);
    let (mut low, mut high) = (from, highest);
    if removed(high) - before <= room {
        low = high;
    }
    for _ in 0..BISECTIONS {
        let middle = (low + high) / 2.0;
        if removed(middle) - before <= room { low = middle } else { high = middle }
    }
    let gained = removed(low) - before;
    if gained > 0.0 {
        item.put(schedule, low);
        return gained;
    }
    0.0
}
