//! Channels in batches: those with the lowest scores leave together (Dynamic Group Size).

use super::condition::condition;
use super::damping::Damped;
use super::down_date::ActiveBlock;
use super::elimination::{Method, Next, Removal};
use super::group_size::group_size;
use super::number::{Number, columns_squared};
use crate::config::GroupSize;

pub(super) struct Batches<T> {
    block: ActiveBlock<T>,
    kind: GroupSize,
}

impl<T> Batches<T> {
    pub(super) fn new(block: ActiveBlock<T>, kind: GroupSize) -> Self {
        Self { block, kind }
    }
}

impl<T: Number> Batches<T> {
    /// ‖W_j‖² / P_jj of every active column.
    fn scores(&self) -> Vec<f64> {
        let squared = columns_squared(self.block.w()).into_iter().enumerate();
        squared.map(|(slot, squared)| squared / self.block.corner(slot)[(0, 0)].into()).collect()
    }
}

impl<T: Number> Method for Batches<T> {
    fn first_scores(&self) -> Result<Vec<f64>, usize> {
        Ok(self.scores())
    }

    fn condition(&self, damped: &Damped) -> f64 {
        condition(damped, self.block.p())
    }

    fn remove(&mut self, next: Next) -> Result<Removal, usize> {
        self.block.settle();
        let scores = next.first_scores.map_or_else(|| self.scores(), <[f64]>::to_vec);
        let slots = self.block.slots();
        let mut order: Vec<usize> = (0..slots.len()).collect();
        order.sort_unstable_by(|&a, &b| scores[a].total_cmp(&scores[b]).then(slots[a].cmp(&slots[b])));
        order.truncate(group_size(self.kind, next.goal, next.removed, next.step));
        let units = order.iter().map(|&slot| slots[slot]).collect();
        order.sort_unstable();
        let error = self.block.remove(&order, next.damped)?;
        Ok(Removal { units, error })
    }

    fn settle(&mut self) {
        self.block.settle();
    }

    fn compensated(&mut self) -> Option<(Vec<usize>, Vec<f64>)> {
        Some(self.block.compensated())
    }
}
