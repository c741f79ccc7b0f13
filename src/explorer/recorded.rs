//! Pictures of the elimination steps of a part, as many as fit into bounded memory.

use std::collections::BTreeMap;

use crate::prune::{Part, StepPicture};

/// Maximum number of pictures of a part, and number of newest ones that are never dropped.
const MOST: usize = 128;
const NEWEST: usize = 16;

/// The recorded steps of one part of a layer.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordedSteps {
    pub part: Part,
    /// Number of the attempt whose path they belong to.
    pub attempt: usize,
    /// Indexed by the number of the step.
    steps: BTreeMap<usize, Box<StepPicture>>,
    /// Number of steps seen, recorded or not.
    seen: usize,
}

impl RecordedSteps {
    pub fn new(part: Part, attempt: usize) -> Self {
        Self { part, attempt, steps: BTreeMap::new(), seen: 0 }
    }

    /// Adds a step. If there are too many, the oldest one is dropped that lies close to its neighbours.
    pub fn add(&mut self, step: usize, picture: Box<StepPicture>) {
        self.seen = self.seen.max(step + 1);
        self.steps.insert(step, picture);
        if self.steps.len() > MOST {
            let dropped = self.closest();
            self.steps.remove(&dropped);
        }
    }

    /// The step with the nearest neighbours, other than the first and the newest ones.
    fn closest(&self) -> usize {
        let numbers: Vec<usize> = self.steps.keys().copied().collect();
        let inner = &numbers[..numbers.len() - NEWEST];
        let gap = |three: &[usize]| three[2] - three[0];
        let closest = inner.windows(3).min_by_key(|three| gap(three));
        closest.map_or(numbers[0], |three| three[1])
    }

    pub fn get(&self, step: usize) -> Option<&StepPicture> {
        self.steps.get(&step).map(|picture| &**picture)
    }

    /// Numbers of the recorded steps, ascending.
    pub fn numbers(&self) -> impl DoubleEndedIterator<Item = usize> + '_ {
        self.steps.keys().copied()
    }

    pub fn first(&self) -> Option<usize> {
        self.numbers().next()
    }

    pub fn last(&self) -> Option<usize> {
        self.numbers().next_back()
    }

    /// The next recorded step after this one.
    pub fn after(&self, step: usize) -> Option<usize> {
        self.steps.range(step + 1..).next().map(|(&step, _)| step)
    }

    /// The recorded step before this one.
    pub fn before(&self, step: usize) -> Option<usize> {
        self.steps.range(..step).next_back().map(|(&step, _)| step)
    }

    /// Number of recorded steps, and number of all steps up to the last recorded one.
    pub fn counts(&self) -> (usize, usize) {
        (self.steps.len(), self.seen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explorer::tests::pictures::picture;

    #[test]
    fn thousands_of_steps_are_thinned_evenly_and_keep_the_first_and_the_newest() {
        let mut recorded = RecordedSteps::new(Part::Mlp, 0);
        for step in 0..5000 {
            recorded.add(step, Box::new(picture(8, step)));
        }
        let numbers: Vec<usize> = recorded.numbers().collect();
        assert_eq!((recorded.counts(), numbers.len()), ((MOST, 5000), MOST));
        assert_eq!((numbers[0], numbers[MOST - NEWEST]), (0, 5000 - NEWEST));
        let widest = numbers.windows(2).map(|two| two[1] - two[0]).max().unwrap();
        assert!(widest < 5000 / MOST * 4, "{numbers:?}");
        assert_eq!((recorded.before(0), recorded.after(4999)), (None, None));
    }
}
