//! The units that each of several attempts removes, and how these sets overlap.

use super::Side;
use crate::prune::Part;

/// Which attempts remove each unit.
pub struct Sets {
    /// One bit per attempt, the first one lowest, indexed by unit.
    of: Vec<u8>,
    attempts: usize,
}

/// A combination of attempts, and the units that exactly these attempts remove.
pub struct Combination {
    /// One bit per attempt.
    pub bits: u8,
    /// Ascending.
    pub units: Vec<usize>,
}

impl Sets {
    /// None if the attempts have units of different kinds, such as query heads and groups.
    pub fn of(sides: &[Side<'_>], part: Part) -> Option<Self> {
        let units = sides.first()?.result.record(part).units;
        let mut of = vec![0; units];
        for (at, side) in sides.iter().enumerate() {
            let record = side.result.record(part);
            if record.units != units {
                return None;
            }
            for &unit in &record.removed {
                if let Some(bits) = of.get_mut(unit) {
                    *bits |= 1 << at;
                }
            }
        }
        Some(Self { of, attempts: sides.len() })
    }

    /// All combinations that at least one unit has, those of many attempts first, and the units that all keep last.
    pub fn combinations(&self) -> Vec<Combination> {
        let all = 1_u8 << self.attempts;
        let mut units = vec![Vec::new(); usize::from(all)];
        for (unit, &bits) in self.of.iter().enumerate() {
            units[usize::from(bits)].push(unit);
        }
        let mut found: Vec<Combination> =
            (0..all).zip(units).map(|(bits, units)| Combination { bits, units }).collect();
        found.sort_by_key(|one| (one.bits == 0, std::cmp::Reverse(one.bits.count_ones()), one.bits));
        found.retain(|one| !one.units.is_empty());
        found
    }

    /// Number of units that an attempt removes.
    fn size(&self, attempt: usize) -> usize {
        self.of.iter().filter(|&&bits| bits & 1 << attempt != 0).count()
    }

    /// The attempts from the smallest set to the largest, if each set contains the one before.
    pub fn nested(&self) -> Option<Vec<usize>> {
        let mut order: Vec<usize> = (0..self.attempts).collect();
        order.sort_by_key(|&attempt| self.size(attempt));
        let contains = |small: usize, large: usize| {
            self.of.iter().all(|&bits| bits & 1 << small == 0 || bits & 1 << large != 0)
        };
        order.windows(2).all(|two| contains(two[0], two[1])).then_some(order)
    }

    /// True if all attempts remove the same units.
    pub fn are_equal(&self) -> bool {
        let all = (1 << self.attempts) - 1;
        self.of.iter().all(|&bits| bits == 0 || bits == all)
    }

    /// Numbers of units that all attempts remove, and that at least one removes.
    pub fn common(&self) -> (usize, usize) {
        let all = (1 << self.attempts) - 1;
        let count = |wanted: &dyn Fn(u8) -> bool| self.of.iter().filter(|&&bits| wanted(bits)).count();
        (count(&|bits| bits == all), count(&|bits| bits != 0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sets(of: &[u8], attempts: usize) -> Sets {
        Sets { of: of.to_vec(), attempts }
    }

    #[test]
    fn units_are_sorted_into_the_combinations_of_attempts_that_remove_them() {
        let sets = sets(&[0b000, 0b111, 0b001, 0b101, 0b111, 0b010], 3);
        let found: Vec<(u8, Vec<usize>)> =
            sets.combinations().into_iter().map(|one| (one.bits, one.units)).collect();
        assert_eq!(
            found,
            [(0b111, vec![1, 4]), (0b101, vec![3]), (0b001, vec![2]), (0b010, vec![5]), (0b000, vec![0])]
        );
        assert_eq!(sets.common(), (2, 5));
        assert!(sets.nested().is_none() && !sets.are_equal());
    }

    #[test]
    fn nested_sets_are_recognised_in_any_order() {
        assert_eq!(sets(&[0b111, 0b110, 0b100, 0], 3).nested(), Some(vec![0, 1, 2]));
        assert_eq!(sets(&[0b11, 0b01], 2).nested(), Some(vec![1, 0]));
        assert_eq!(sets(&[0b10, 0b01], 2).nested(), None);
        assert!(sets(&[0b11, 0], 2).are_equal());
        assert!(sets(&[0, 0], 2).are_equal());
    }
}
