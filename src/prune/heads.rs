//! Heads, one at a time: the one with the lowest score leaves.

use super::condition::condition;
use super::damping::Damped;
use super::down_date::ActiveBlock;
use super::elimination::{Method, Next, Removal};
use super::head_scores::head_scores;
use super::number::Number;
use crate::config::HeadScore;

pub(super) struct Heads<T> {
    block: ActiveBlock<T>,
    /// Columns of one head.
    width: usize,
    score: HeadScore,
    /// Heads that have left each group; the same number leaves them all.
    left: Vec<usize>,
}

impl<T> Heads<T> {
    pub(super) fn new(block: ActiveBlock<T>, width: usize, score: HeadScore, groups: usize) -> Self {
        Self { block, width, score, left: vec![0; groups] }
    }
}

impl<T: Number> Method for Heads<T> {
    fn first_scores(&self) -> Result<Vec<f64>, usize> {
        head_scores(&self.block, self.width, self.score)
    }

    fn condition(&self, damped: &Damped) -> f64 {
        condition(damped, self.block.p())
    }

    fn remove(&mut self, next: Next) -> Result<Removal, usize> {
        let (block, width) = (&mut self.block, self.width);
        block.settle();
        let scores = match next.first_scores {
            Some(scores) => scores.to_vec(),
            None => head_scores(block, width, self.score)?,
        };
        let groups = self.left.len();
        let (quota, per_group) = (next.goal / groups, next.damped.n() / width / groups);
        let units: Vec<usize> = block.slots().iter().step_by(width).map(|slot| slot / width).collect();
        let open = (0..units.len()).filter(|&at| self.left[units[at] / per_group] < quota);
        let lowest = |&a: &usize, &b: &usize| scores[a].total_cmp(&scores[b]).then(units[a].cmp(&units[b]));
        let at = open.min_by(lowest).expect("the goal isn't met, so a group has heads to lose");
        let leaving: Vec<usize> = (at * width..(at + 1) * width).collect();
        let error = block.remove(&leaving, next.damped)?;
        self.left[units[at] / per_group] += 1;
        Ok(Removal { units: vec![units[at]], error })
    }

    fn settle(&mut self) {
        self.block.settle();
    }

    fn compensated(&mut self) -> Option<(Vec<usize>, Vec<f64>)> {
        Some(self.block.compensated())
    }
}
