//! Allocation of a budget: the number of units to remove from each part at the lowest total cost, by dynamic
//! programming.

/// Maximum number of table cells. Larger budgets are counted in coarser units.
const CELLS: u64 = 1 << 16;

/// The options for one part.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// (units removed, parameters removed with them, cost), ascending.
    pub options: Vec<(usize, u64, f64)>,
}

/// The number of units to remove from each part: a combination with the lowest total cost, out of all that
/// remove at least `budget` parameters. None if no combination reaches the budget.
///
/// If the budget has more parameters than the table has cells, parameters are rounded down to coarser units,
/// so the budget is still met. Time and memory are proportional to choices · cells.
pub fn allocate(choices: &[Choice], budget: u64) -> Option<Vec<usize>> {
    let unit = budget.div_ceil(CELLS).max(1);
    let last = usize::try_from(budget.div_ceil(unit)).ok()?;
    // The lowest cost for every number of removed parameters; the last cell means "enough".
    let mut least = vec![f64::INFINITY; last + 1];
    least[0] = 0.0;
    let mut taken: Vec<Vec<(u32, u32)>> = Vec::with_capacity(choices.len());
    for choice in choices {
        let mut next = vec![f64::INFINITY; last + 1];
        let mut by = vec![(0, 0); last + 1];
        for (at, &(_, parameters, cost)) in choice.options.iter().enumerate() {
            let wide = usize::try_from(parameters / unit).unwrap_or(last).min(last);
            for (cell, &before) in least.iter().enumerate().filter(|(_, before)| before.is_finite()) {
                let into = (cell + wide).min(last);
                if before + cost < next[into] {
                    next[into] = before + cost;
                    by[into] = (at as u32, cell as u32);
                }
            }
        }
        least = next;
        taken.push(by);
    }
    if least[last].is_infinite() {
        return None;
    }
    let mut cell = last;
    let mut left: Vec<usize> = Vec::with_capacity(choices.len());
    for (choice, by) in choices.iter().zip(&taken).rev() {
        let (at, before) = by[cell];
        left.push(choice.options[at as usize].0);
        cell = before as usize;
    }
    left.reverse();
    Some(left)
}

/// The cost of removing `removed` units, linearly interpolated between measured counts. It never decreases,
/// because a measured decrease is noise. `measured`: (units, cost), ascending; None beyond the last count.
pub fn interpolated(measured: &[(usize, f64)], removed: usize) -> Option<f64> {
    let (mut below, mut least) = ((0, 0.0), 0.0_f64);
    for &(units, cost) in measured {
        least = least.max(cost);
        if units == removed {
            return Some(least);
        }
        if units > removed {
            let share = (removed - below.0) as f64 / (units - below.0) as f64;
            return Some(below.1 + share * (least - below.1));
        }
        below = (units, least);
    }
    (removed == 0).then_some(0.0)
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    fn totals(choices: &[Choice], taken: &[usize]) -> (u64, f64) {
        choices.iter().zip(taken).fold((0, 0.0), |(parameters, cost), (choice, units)| {
            let option = choice.options.iter().find(|(left, _, _)| left == units).unwrap();
            (parameters + option.1, cost + option.2)
        })
    }

    /// The lowest cost over all combinations.
    fn brute_force(choices: &[Choice], budget: u64) -> Option<f64> {
        let ways = choices.iter().fold(vec![(0, 0.0)], |ways, choice| {
            let with = |&(parameters, cost): &(u64, f64)| {
                choice.options.iter().map(move |option| (parameters + option.1, cost + option.2))
            };
            ways.iter().flat_map(with).collect()
        });
        ways.into_iter().filter(|way| way.0 >= budget).map(|way| way.1).reduce(f64::min)
    }

    fn random(rng: &mut ChaCha8Rng, largest: u64) -> Vec<Choice> {
        let parts = rng.random_range(1..6);
        let choice = |rng: &mut ChaCha8Rng| {
            let per_unit = rng.random_range(1..=largest);
            let units = rng.random_range(1..6);
            let cost = |rng: &mut ChaCha8Rng| f64::from(rng.random_range(0..1000)) / 100.0;
            let options = (0..units)
                .map(|left| (left, left as u64 * per_unit, if left == 0 { 0.0 } else { cost(rng) }));
            Choice { options: options.collect() }
        };
        (0..parts).map(|_| choice(rng)).collect()
    }

    #[test]
    fn dynamic_programming_finds_the_same_cost_as_brute_force() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        for case in 0..300 {
            let choices = random(&mut rng, 40);
            let budget = rng.random_range(0..300);
            let found = allocate(&choices, budget);
            let expected = brute_force(&choices, budget);
            assert_eq!(found.is_some(), expected.is_some(), "case {case}");
            if let (Some(found), Some(expected)) = (found, expected) {
                let (parameters, cost) = totals(&choices, &found);
                assert!(
                    parameters >= budget && (cost - expected).abs() < 1e-9,
                    "case {case}: {cost} {expected}"
                );
            }
        }
    }

    #[test]
    fn a_budget_larger_than_the_table_is_still_met() {
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        for case in 0..50 {
            let choices = random(&mut rng, 1 << 24);
            let most: u64 = choices.iter().map(|choice| choice.options.last().unwrap().1).sum();
            let budget = most / 2;
            if let Some(found) = allocate(&choices, budget) {
                let (parameters, cost) = totals(&choices, &found);
                assert!(parameters >= budget, "case {case}");
                // It costs no more than the optimum for a slightly larger budget.
                let dearer = brute_force(&choices, budget + budget / 1000);
                assert!(dearer.is_none_or(|dearer| cost <= dearer + 1e-9), "case {case}");
            }
        }
    }

    #[test]
    fn costs_are_interpolated_linearly_and_never_decrease() {
        let measured = [(2, 1.0), (4, 0.5), (6, 3.0)];
        let costs: Vec<_> = (0..8).map(|removed| interpolated(&measured, removed)).collect();
        let expected = [0.0, 0.5, 1.0, 1.0, 1.0, 2.0, 3.0].map(Some);
        assert_eq!(costs[..7], expected);
        assert_eq!(costs[7], None);
    }
}
