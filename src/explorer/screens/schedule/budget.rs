//! A locked number of parameters: a change of one layer is balanced by the others at equal marginal cost.

use super::predict::{Basis, Costs};
use crate::{
    explorer::{Locked, NoticeKind, State, goal, schedule::Schedule},
    prune::{LayerRatio, Part},
    words::parameters,
};

/// Ratios of the grid on which costs are compared.
const STEPS: usize = 200;
/// Highest ratio of the grid.
const HIGHEST: f64 = 0.95;
/// Bisection steps for the marginal cost.
const BISECTIONS: usize = 60;

/// What can be balanced together: one part of a layer, or both at one ratio.
struct Item {
    layer: usize,
    part: Option<Part>,
    /// Ratio, cost, and removed parameters, ascending.
    grid: Vec<(f64, f64, f64)>,
}

/// Everything that balancing needs from the state.
pub struct Balance {
    items: Vec<Item>,
    /// Parameters to remove in total.
    removed: f64,
    /// Parameters that a ratio removes from each layer.
    of: Box<dyn Fn(usize, LayerRatio) -> u64>,
}

/// Locks the planned number of parameters, or unlocks it.
pub fn toggle(state: &mut State) -> Vec<crate::explorer::Effect> {
    if state.screens.schedule.budget.take().is_some() {
        state.say(NoticeKind::Done, "The number of parameters is free again");
        return Vec::new();
    }
    if super::predict::prediction(state).is_none() {
        return state.refuse("no error is known yet: prune first, then the others can be balanced");
    }
    let planned = state.parameters_planned();
    state.screens.schedule.budget = Some(planned);
    let text = format!(
        "{} parameters are kept from now on: raising one layer lowers the others at equal marginal cost",
        parameters(planned)
    );
    state.say(NoticeKind::Done, text);
    Vec::new()
}

impl Balance {
    /// None if no budget is locked.
    pub fn of(state: &State, changed: usize) -> Option<Self> {
        let budget = state.screens.schedule.budget?;
        let model = state.model.as_ref()?;
        let removed = model.shape.parameters.saturating_sub(budget) as f64;
        let apart = state.schedule.is_apart() || state.screens.schedule.edited.is_some();
        let choices: &[Option<Part>] =
            if apart { &[Some(Part::Attention), Some(Part::Mlp)] } else { &[None] };
        let layers = state.settings.ratios.layers.resolve(state.layers.len()).unwrap_or(0..0);
        let free =
            layers.clone().filter(|&layer| layer != changed && state.schedule.locked(layer) == Locked::No);
        let basis = Basis::of(state);
        let items =
            free.flat_map(|layer| choices.iter().filter_map(move |&part| item(state, layer, part, basis)));
        let items = items.collect();
        let (settings, shapes) = (state.settings.clone(), model.shape.layers.clone());
        let of = Box::new(move |layer: usize, ratio| {
            if layers.contains(&layer) { goal(&shapes[layer], ratio, &settings).parameters } else { 0 }
        });
        Some(Self { items, removed, of })
    }

    /// Changes the ratios of the free layers so that the total stays.
    pub fn apply(&self, schedule: &mut Schedule) -> Result<(), String> {
        if self.items.is_empty() {
            return Err("no other layer can be balanced: their errors are unknown, or they are locked".into());
        }
        // The parts that are not balanced keep their ratios.
        let mut fixed: f64 = (0..schedule.ratios.len())
            .map(|layer| {
                let mut ratio = schedule.ratios[layer];
                for item in self.items.iter().filter(|item| item.layer == layer) {
                    ratio = item.part.map_or(LayerRatio::ZERO, |part| ratio.with(part, 0.0));
                }
                (self.of)(layer, ratio) as f64
            })
            .sum();
        fixed = self.removed - fixed;
        let most: f64 = self.items.iter().filter_map(|item| item.grid.last()).map(|point| point.2).sum();
        if fixed < 0.0 || fixed > most {
            return Err("the other layers cannot balance this: it would leave the budget".into());
        }
        let total = |price: f64| self.items.iter().map(|item| item.grid[item.cheapest(price)].2).sum::<f64>();
        let (mut low, mut high) = (0.0, 1e-12);
        while total(high) < fixed && high < 1e12 {
            high *= 4.0;
        }
        for _ in 0..BISECTIONS {
            let middle = (low + high) / 2.0;
            if total(middle) < fixed { low = middle } else { high = middle }
        }
        let price = if (total(low) - fixed).abs() < (total(high) - fixed).abs() { low } else { high };
        for item in &self.items {
            let (ratio, ..) = item.grid[item.cheapest(price)];
            schedule.set(item.layer, item.part, ratio);
        }
        Ok(())
    }
}

impl Item {
    /// The point with the smallest cost if a removed parameter earns this price. Where marginal costs equal the price, no
    /// other choice of all items has the same total at a lower cost.
    fn cheapest(&self, price: f64) -> usize {
        let value = |(_, cost, removed): &(f64, f64, f64)| cost - price * removed;
        let better =
            |best: usize, at: usize| if value(&self.grid[at]) <= value(&self.grid[best]) { at } else { best };
        (1..self.grid.len()).fold(0, better)
    }
}

fn item(state: &State, layer: usize, part: Option<Part>, basis: Basis) -> Option<Item> {
    let known = &state.layers[layer];
    let parts = part.map_or(vec![Part::Attention, Part::Mlp], |part| vec![part]);
    let parts = parts.into_iter().filter(|&part| state.settings.prunes(part));
    let costs: Vec<(Part, Costs)> =
        parts.map(|part| Some((part, Costs::of(known, part, basis)?))).collect::<Option<_>>()?;
    let mut grid: Vec<(f64, f64, f64)> = Vec::new();
    for step in 0..=STEPS {
        let ratio = HIGHEST * step as f64 / STEPS as f64;
        let both = part.map_or(LayerRatio::both(ratio), |part| LayerRatio::ZERO.with(part, ratio));
        let counts = goal(&known.shape, both, &state.settings);
        let beyond = |(part, costs): &(Part, Costs)| match part {
            Part::Attention => counts.attention as f64 > costs.limit(),
            Part::Mlp => counts.mlp as f64 > costs.limit(),
        };
        // Far beyond the known points, a prediction is a guess.
        if costs.iter().any(beyond) {
            break;
        }
        let cost = costs.iter().map(|(part, costs)| {
            let removed = match part {
                Part::Attention => counts.attention,
                Part::Mlp => counts.mlp,
            };
            costs.at(removed as f64).cost
        });
        let removed = counts.parameters as f64;
        // Ratios with the same counts are one point.
        if grid.last().is_none_or(|last| last.2 < removed) {
            grid.push((ratio, cost.sum(), removed));
        }
    }
    (!costs.is_empty() && grid.len() > 1).then_some(Item { layer, part, grid })
}
