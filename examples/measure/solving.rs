//! Solves of random weights.

use std::ops::ControlFlow;

use slimgpt::prune::{Elimination, GroupSize, prune};

use crate::{
    Fallible,
    common::problem::{HEAD, Problem, channels, heads},
    timed,
    work::{Answer, Removed, Solve},
};

/// The last problem, because making one takes as long as solving it.
#[derive(Default)]
pub struct Problems(Option<Problem>);

impl Problems {
    pub fn solve(&mut self, solve: &Solve) -> Fallible<Answer> {
        let Solve { rows, n, units, percent, statistics } = *solve;
        let problem = match self.0.take() {
            Some(problem) if problem.rows == rows && problem.moment.n() == n => problem,
            Some(_) | None => Problem::random(rows, n),
        };
        let problem = self.0.insert(problem);
        let units = match units {
            Removed::Heads => heads(HEAD.min(n / 8)),
            Removed::Channels => channels(GroupSize::default()),
            Removed::ChannelsOneByOne => channels(GroupSize::Exact),
        };
        let part = problem.part(units, removed_units(n, units.width(), percent));
        if statistics {
            return timed(|| Ok(prune(&part, &mut |_| ControlFlow::Continue(()))?));
        }
        // From the second moment to the kept weights.
        timed(|| {
            let mut elimination = Elimination::start(&part, part.damping)?;
            while elimination.step()?.is_some() {}
            Ok(elimination.finish()?)
        })
    }
}

impl Solve {
    /// The number of removed columns.
    pub fn removed(&self) -> usize {
        let width = match self.units {
            Removed::Heads => HEAD.min(self.n / 8),
            Removed::Channels | Removed::ChannelsOneByOne => 1,
        };
        removed_units(self.n, width, self.percent) * width
    }
}

fn removed_units(n: usize, width: usize, percent: usize) -> usize {
    n / width * percent / 100
}
