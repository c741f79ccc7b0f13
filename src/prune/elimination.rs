//! The elimination path: what leaves next, step by step.
//!
//! One inversion, then down-dates. The path can go on past its first goal, which gives the error of every ratio.

use faer::{ColRef, Par};
use rayon::prelude::*;

use super::condition::condition;
use super::damping::{Damped, dead_inputs};
use super::dense::Dense;
use super::down_date::ActiveBlock;
use super::greedy::Greedy;
use super::group_size::group_size;
use super::head_scores::head_scores;
use super::inverse::invert;
use super::{Error, HessianStats, Part, Units};
use crate::config::{GroupSize, HeadScore};

/// Rows or columns that are turned together when row-major becomes column-major or back.
const SIDE_BY_SIDE: usize = 64;

/// One weight on its way from all its units to those that stay.
pub struct Elimination<'a> {
    pub(super) part: &'a Part<'a>,
    pub(super) damped: Damped<'a>,
    pub(super) stats: HessianStats,
    pub(super) path: Vec<Removal>,
    /// Of every unit, before anything has left.
    pub(super) first_scores: Vec<f64>,
    /// tr(W G Wᵀ), once it was asked for.
    pub(super) energy: Option<f64>,
    damping: f64,
    /// Units to have left in the end.
    goal: usize,
    removed: usize,
    method: Method,
}

/// One step of the path: the units that left together.
#[derive(Clone, Debug, PartialEq)]
pub struct Removal {
    /// In the order of their scores.
    pub units: Vec<usize>,
    /// Rise of tr(ΔW G_λ ΔWᵀ) = E‖Δy‖² per token, λ‖ΔW‖² included.
    pub error: f64,
}

enum Method {
    Heads { block: ActiveBlock, width: usize, score: HeadScore, left: Vec<usize> },
    Batches { block: ActiveBlock, kind: GroupSize },
    OneByOne(Box<Greedy>),
}

impl<'a> Elimination<'a> {
    /// Inverts G_λ with this damping and scores every unit.
    ///
    /// Fails on what [`Part`] must not hold, and with [`Error::NotPositiveDefinite`] when a higher damping is needed.
    pub fn start(part: &'a Part<'a>, damping: f64) -> Result<Self, Error> {
        part.check()?;
        let damped = Damped::new(part.moment, damping);
        let all: Vec<usize> = (0..part.n()).collect();
        let failed = |input| Error::NotPositiveDefinite { damping, input };
        let mut p = damped.lower(&all);
        invert(p.view_mut(), Par::rayon(0)).map_err(failed)?;
        let w = columns_of(part);
        let (width, goal) = (part.units.width(), part.total(part.remove));
        let expected = goal * width;
        let method = match part.units {
            Units::Heads { score, per_group, .. } => {
                let group = per_group.unwrap_or(part.unit_count());
                let left = vec![0; part.unit_count() / group];
                Method::Heads {
                    block: ActiveBlock::new(p, w, width, expected, part.compensate),
                    width,
                    score,
                    left,
                }
            }
            Units::Channels { group_size: GroupSize::Exact } => {
                Method::OneByOne(Box::new(Greedy::new(p, &w, part.compensate)))
            }
            Units::Channels { group_size: kind } => {
                Method::Batches { block: ActiveBlock::new(p, w, width, expected, part.compensate), kind }
            }
        };
        let first_scores = match &method {
            Method::Heads { block, width, score, .. } => {
                head_scores(block, *width, *score).map_err(failed)?
            }
            Method::Batches { block, .. } => channel_scores(block),
            Method::OneByOne(greedy) => greedy.scores(),
        };
        let stats = HessianStats::new(part.moment, damping);
        Ok(Self {
            part,
            damped,
            stats,
            path: Vec::new(),
            first_scores,
            energy: None,
            damping,
            goal,
            removed: 0,
            method,
        })
    }

    /// Estimates the condition of G_λ, which is 0 in the statistics before. Nothing happens once a unit has left.
    pub fn estimate_condition(&mut self) {
        if self.path.is_empty() {
            let p = match &self.method {
                Method::Heads { block, .. } | Method::Batches { block, .. } => block.p(),
                Method::OneByOne(greedy) => greedy.p(),
            };
            self.stats.condition = condition(&self.damped, p);
        }
    }

    /// Statistics of H = 2G.
    pub fn stats(&self) -> &HessianStats {
        &self.stats
    }

    /// The steps so far.
    pub fn path(&self) -> &[Removal] {
        &self.path
    }

    /// Goes on until this many units have left, in the sense of [`Part::remove`]. Fails when none would stay.
    pub fn aim(&mut self, remove: usize) -> Result<(), Error> {
        self.part.check_remove(remove)?;
        self.goal = self.part.total(remove);
        Ok(())
    }

    /// Removes what costs least, lowest index first among equals; nothing once the goal is met.
    ///
    /// Fails with [`Error::NotPositiveDefinite`] where rounding has eaten P; a higher damping helps.
    pub fn step(&mut self) -> Result<Option<&Removal>, Error> {
        if self.removed >= self.goal {
            return Ok(None);
        }
        let (goal, removed, step) = (self.goal, self.removed, self.path.len());
        let first = (step == 0).then_some(&self.first_scores);
        let (damping, damped) = (self.damping, &self.damped);
        let failed = |input| Error::NotPositiveDefinite { damping, input };
        let removal = match &mut self.method {
            Method::Heads { block, width, score, left } => {
                let quota = goal / left.len();
                remove_head(block, *width, *score, left, quota, first, damped)
            }
            Method::Batches { block, kind } => {
                remove_batch(block, group_size(*kind, goal, removed, step), first, damped)
            }
            Method::OneByOne(greedy) => greedy.remove_one(damped),
        };
        let removal = removal.map_err(failed)?;
        self.removed += removal.units.len();
        self.path.push(removal);
        Ok(self.path.last())
    }

    /// Applies what the last step left to do. Without it the next step does.
    pub fn settle(&mut self) {
        match &mut self.method {
            Method::Heads { block, .. } | Method::Batches { block, .. } => block.settle(),
            Method::OneByOne(greedy) => greedy.settle(),
        }
    }

    /// The columns that are active and W on them as the down-dates have left it: [rows, active], row-major.
    /// Nothing where channels leave one by one; W is not carried along there.
    pub fn compensated(&mut self) -> Option<(Vec<usize>, Vec<f64>)> {
        let block = match &mut self.method {
            Method::Heads { block, .. } | Method::Batches { block, .. } => block,
            Method::OneByOne(_) => return None,
        };
        block.settle();
        let mut order: Vec<usize> = (0..block.slots().len()).collect();
        order.sort_unstable_by_key(|&slot| block.slots()[slot]);
        let columns: Vec<usize> = order.iter().map(|&slot| block.slots()[slot]).collect();
        let w = block.w();
        let mut weight = vec![0.0; w.nrows() * order.len()];
        weight.par_chunks_mut(SIDE_BY_SIDE * order.len()).enumerate().for_each(|(chunk, rows)| {
            let first = chunk * SIDE_BY_SIDE;
            for (k, &slot) in order.iter().enumerate() {
                let w_k = w.col(slot).subrows(first, rows.len() / order.len());
                for (i, &value) in w_k.iter().enumerate() {
                    rows[i * order.len() + k] = value;
                }
            }
        });
        Some((columns, weight))
    }

    /// Units that have left, in their order.
    pub(super) fn removed(&self) -> Vec<usize> {
        self.path.iter().flat_map(|removal| removal.units.iter().copied()).collect()
    }

    /// Gives the memory of P and W back; the path is over.
    pub(super) fn close(self) -> (Damped<'a>, HessianStats, Vec<Removal>, Vec<f64>) {
        (self.damped, self.stats, self.path, self.first_scores)
    }
}

/// W as f64, column after column; columns of dead inputs are 0.
fn columns_of(part: &Part) -> Dense {
    let n = part.n();
    let dead = dead_inputs(part.moment);
    let mut w = Dense::zeros(part.rows, n);
    w.view_mut().par_col_chunks_mut(SIDE_BY_SIDE).enumerate().for_each(|(chunk, mut columns)| {
        let first = chunk * SIDE_BY_SIDE;
        for (i, row) in part.weight.chunks_exact(n).enumerate() {
            for (k, &value) in row[first..first + columns.ncols()].iter().enumerate() {
                columns[(i, k)] = if dead[first + k] { 0.0 } else { f64::from(value) };
            }
        }
    });
    w
}

fn remove_head(
    block: &mut ActiveBlock,
    width: usize,
    score: HeadScore,
    left: &mut [usize],
    quota: usize,
    first: Option<&Vec<f64>>,
    damped: &Damped,
) -> Result<Removal, usize> {
    block.settle();
    let scores = match first {
        Some(scores) => scores.clone(),
        None => head_scores(block, width, score)?,
    };
    let per_group = damped.n() / width / left.len();
    let units: Vec<usize> = block.slots().iter().step_by(width).map(|slot| slot / width).collect();
    let open = (0..units.len()).filter(|&at| left[units[at] / per_group] < quota);
    let lowest = |&a: &usize, &b: &usize| scores[a].total_cmp(&scores[b]).then(units[a].cmp(&units[b]));
    let at = open.min_by(lowest).expect("the goal isn't met, so a group has heads to lose");
    let leaving: Vec<usize> = (at * width..(at + 1) * width).collect();
    let error = block.remove(&leaving, damped)?;
    left[units[at] / per_group] += 1;
    Ok(Removal { units: vec![units[at]], error })
}

/// ‖W_j‖² / P_jj of every active column.
fn channel_scores(block: &ActiveBlock) -> Vec<f64> {
    let score = |(j, w_j): (usize, ColRef<'_, f64>)| w_j.squared_norm_l2() / block.corner(j)[(0, 0)];
    block.w().par_col_iter().enumerate().map(score).collect()
}

fn remove_batch(
    block: &mut ActiveBlock,
    size: usize,
    first: Option<&Vec<f64>>,
    damped: &Damped,
) -> Result<Removal, usize> {
    block.settle();
    let scores = first.cloned().unwrap_or_else(|| channel_scores(block));
    let slots = block.slots();
    let mut order: Vec<usize> = (0..slots.len()).collect();
    order.sort_unstable_by(|&a, &b| scores[a].total_cmp(&scores[b]).then(slots[a].cmp(&slots[b])));
    order.truncate(size);
    let units = order.iter().map(|&slot| slots[slot]).collect();
    order.sort_unstable();
    let error = block.remove(&order, damped)?;
    Ok(Removal { units, error })
}
