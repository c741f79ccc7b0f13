//! A picture of one step, small enough to record: neighbouring units and columns share cells.

use faer::{Mat, MatRef};
use serde::{Deserialize, Serialize};

use super::glance::{Asked, Glance};
use crate::prune::HeadScore;

/// Maximum number of rows and columns of the map of P.
const CELLS: usize = 48;
/// Maximum number of rows and columns of the maps of P[R, R] and its factor.
const BLOCK: usize = 32;
/// Maximum number of rows of the strips of W.
const ROWS: usize = 8;
/// Maximum number of columns of the weight at which P is computed.
pub(super) const SAMPLED: usize = 512;
/// Maximum number of units whose scores are listed one by one, and number of groups of neighbours otherwise.
const LISTED: usize = 512;
const GROUPS: usize = 256;

/// One step of the elimination. Its size does not depend on the size of the weight.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepPicture {
    /// Units before pruning.
    pub units: usize,
    /// Units removed before the step, and units to remove in total.
    pub removed: usize,
    #[allow(missing_docs, reason = "explained with `removed`")]
    pub goal: usize,
    /// Units that leave, in order of score.
    pub leaving: Vec<usize>,
    /// Increase in E‖Δy‖² per token.
    pub error: f64,
    /// The unit with the lowest score after the step among those that may leave; None at the goal.
    pub next: Option<usize>,
    /// Scores before the step, indexed by unit; None for removed units. Of more than 512 units, neighbours
    /// share an entry, which is their lowest score.
    pub scores: Vec<Option<f32>>,
    /// Scores after the step, in the same form.
    pub scores_after: Vec<Option<f32>>,
    /// The step as every rule sees it.
    pub rules: Vec<RulePicture>,
    /// P of the columns that leave.
    pub block: BlockPicture,
    /// P = G_λ⁻¹.
    pub inverse: InversePicture,
    /// W and what compensation changed.
    pub weight: WeightPicture,
}

/// The choice of one rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RulePicture {
    /// The rule.
    pub rule: HeadScore,
    /// The unit that it would remove.
    pub pick: usize,
    /// The cost by its own formula; for a batch of channels, that of the whole batch.
    pub cost: f64,
    /// The true cost of its choice.
    pub exact: f64,
    /// Its scores before the step, as in [`StepPicture::scores`]. Empty for channels, for which all rules agree.
    pub scores: Vec<Option<f32>>,
}

/// P[R, R] = L Lᵀ of the columns R that leave. Neighbouring columns share a cell.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BlockPicture {
    /// Columns that leave.
    pub columns: usize,
    /// Rows of the maps.
    pub cells: usize,
    /// Root mean square of the entries of P[R, R] in a cell: lower half by rows, diagonal included.
    pub p: Vec<f32>,
    /// The same for L.
    pub l: Vec<f32>,
    /// The smallest and the largest L_jj.
    pub pivots: [f64; 2],
}

/// P over units, or over groups of neighbouring units.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InversePicture {
    /// Rows of the maps.
    pub cells: usize,
    /// Columns of the weight at which P was computed, evenly spread.
    pub sampled: usize,
    /// Columns of the weight.
    pub columns: usize,
    /// Units of every cell that are active before the step.
    pub active: Vec<u32>,
    /// Units of every cell that leave.
    pub leaving: Vec<u32>,
    /// Root mean square of the entries of P in a cell before the step: lower half by rows, diagonal included.
    pub before: Vec<f32>,
    /// The same after the step.
    pub after: Vec<f32>,
    /// Σ P_jj over the columns that stay, before and after.
    pub trace: [f64; 2],
}

/// W over the cells of the map of P.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WeightPicture {
    /// ‖W_c‖ of every cell before the step.
    pub norms: Vec<f32>,
    /// ‖ΔW_c‖ of the compensation.
    pub changes: Vec<f32>,
    /// Rows of the strips: groups of neighbouring columns of a cell. 0 in recordings of earlier versions.
    #[serde(default)]
    pub rows: usize,
    /// Root mean square of ‖W_j‖ over the columns of each group before the step: [cells, rows].
    #[serde(default)]
    pub strips: Vec<f32>,
    /// The same for ‖ΔW_j‖ of the compensation.
    #[serde(default)]
    pub strip_changes: Vec<f32>,
    /// ‖W_A‖ and ‖ΔW_A‖ of all columns that stay.
    pub norm: f64,
    #[allow(missing_docs, reason = "explained with `norm`")]
    pub change: f64,
    /// The unit that changed most in proportion, and ‖ΔW_c‖ / ‖W_c‖ of it. None if nothing changed.
    pub most: Option<(usize, f64)>,
}

/// Units and sampled columns of every cell.
pub(in crate::prune) struct Binned {
    cells: usize,
    units: usize,
    /// The sampled columns, ascending.
    pub sampled: Vec<usize>,
    /// The cell of every sampled column.
    cell_of: Vec<usize>,
}

impl Binned {
    pub fn new(units: usize, width: usize) -> Self {
        let cells = units.clamp(1, CELLS);
        let (mut sampled, mut cell_of) = (Vec::new(), Vec::new());
        for cell in 0..cells {
            let columns = cell * units / cells * width..(cell + 1) * units / cells * width;
            let step = (columns.len() * cells).div_ceil(SAMPLED).max(1);
            for column in columns.step_by(step) {
                sampled.push(column);
                cell_of.push(cell);
            }
        }
        Self { cells, units, sampled, cell_of }
    }

    /// The cell of a unit.
    fn cell(&self, unit: usize) -> usize {
        (((unit + 1) * self.cells - 1) / self.units.max(1)).min(self.cells - 1)
    }

    /// Root mean squares of the entries of a symmetric matrix over the sampled columns that are active.
    fn map(&self, p: MatRef<'_, f64>, active: &[bool]) -> Vec<f32> {
        let mut sums = vec![(0.0, 0u32); self.cells * (self.cells + 1) / 2];
        for j in 0..p.ncols() {
            for i in (j..p.nrows()).filter(|&i| active[i] && active[j]) {
                let at = half(self.cell_of[i], self.cell_of[j]);
                let both = if i == j { 1 } else { 2 };
                // A pair within one cell counts twice, as in the whole matrix.
                let times = if self.cell_of[i] == self.cell_of[j] { both } else { 1 };
                sums[at].0 += f64::from(times) * p[(i, j)] * p[(i, j)];
                sums[at].1 += times;
            }
        }
        sums.into_iter().map(|(sum, count)| root_mean(sum, count)).collect()
    }
}

/// The place of row i and column j ≤ i in a lower half by rows.
fn half(i: usize, j: usize) -> usize {
    i * (i + 1) / 2 + j
}

fn root_mean(sum: f64, count: u32) -> f32 {
    if count == 0 { 0.0 } else { short((sum / f64::from(count)).sqrt()) }
}

/// A number with four digits, which keeps recordings small.
fn short(value: f64) -> f32 {
    if value == 0.0 || !value.is_finite() {
        return 0.0;
    }
    let unit = 10f64.powi(3 - value.abs().log10().floor() as i32);
    ((value * unit).round() / unit) as f32
}

/// The scores as a list that is never long.
fn listed(scores: &[Option<f64>]) -> Vec<Option<f32>> {
    let lowest = |group: &[Option<f64>]| {
        let lowest = group.iter().flatten().copied().min_by(f64::total_cmp);
        lowest.filter(|score| score.is_finite()).map(|score| score as f32)
    };
    let (units, groups) = (scores.len(), if scores.len() > LISTED { GROUPS } else { scores.len() });
    (0..groups).map(|at| lowest(&scores[at * units / groups..(at + 1) * units / groups])).collect()
}

/// The picture of a step.
pub(in crate::prune) fn picture(binned: &Binned, asked: &Asked, glance: &Glance) -> StepPicture {
    let rules = glance.rules.iter().map(|rule| RulePicture {
        rule: rule.rule,
        pick: rule.pick,
        cost: rule.cost,
        exact: rule.exact,
        scores: listed(&rule.scores),
    });
    StepPicture {
        units: binned.units,
        removed: asked.removed - asked.units.len(),
        goal: asked.goal,
        leaving: asked.units.to_vec(),
        error: asked.error,
        next: glance.next,
        scores: listed(&glance.scores),
        scores_after: listed(&glance.scores_after),
        rules: rules.collect(),
        block: block(&glance.l),
        inverse: inverse(binned, asked, glance),
        weight: weight(binned, asked, glance),
    }
}

fn block(l: &Mat<f64>) -> BlockPicture {
    let columns = l.nrows();
    let cells = columns.min(BLOCK);
    let p = l * l.transpose();
    let map = |of: &Mat<f64>| -> Vec<f32> {
        let range = |cell: usize| cell * columns / cells..(cell + 1) * columns / cells;
        let cell = |a: usize, b: usize| {
            let (mut sum, mut count) = (0.0, 0);
            for i in range(a) {
                for j in range(b) {
                    sum += of[(i, j)] * of[(i, j)];
                    count += 1;
                }
            }
            root_mean(sum, count)
        };
        (0..cells).flat_map(|a| (0..=a).map(move |b| (a, b))).map(|(a, b)| cell(a, b)).collect()
    };
    let pivots = (0..columns).map(|j| l[(j, j)]);
    let pivots = [pivots.clone().fold(f64::INFINITY, f64::min), pivots.fold(0.0, f64::max)];
    BlockPicture { columns, cells, p: map(&p), l: map(l), pivots }
}

fn inverse(binned: &Binned, asked: &Asked, glance: &Glance) -> InversePicture {
    let width = glance.width();
    let mut leaves = vec![false; binned.units];
    for &unit in asked.units {
        leaves[unit] = true;
    }
    let (mut active, mut leaving) = (vec![0; binned.cells], vec![0; binned.cells]);
    for (unit, score) in glance.scores.iter().enumerate() {
        active[binned.cell(unit)] += u32::from(score.is_some());
        leaving[binned.cell(unit)] += u32::from(leaves[unit]);
    }
    let before: Vec<bool> =
        binned.sampled.iter().map(|column| glance.scores[column / width].is_some()).collect();
    let after: Vec<bool> =
        binned.sampled.iter().zip(&before).map(|(column, &was)| was && !leaves[column / width]).collect();
    InversePicture {
        cells: binned.cells,
        sampled: binned.sampled.len(),
        columns: asked.n,
        active,
        leaving,
        before: binned.map(glance.sampled[0].as_ref(), &before),
        after: binned.map(glance.sampled[1].as_ref(), &after),
        trace: glance.trace,
    }
}

fn weight(binned: &Binned, asked: &Asked, glance: &Glance) -> WeightPicture {
    let width = glance.width();
    let mut leaves = vec![false; binned.units];
    for &unit in asked.units {
        leaves[unit] = true;
    }
    let (mut norms, mut changes) = (vec![0.0; binned.cells], vec![0.0; binned.cells]);
    let (mut norm, mut change, mut most) = (0.0, 0.0, None);
    for unit in 0..binned.units {
        let columns = unit * width..(unit + 1) * width;
        let sum = |of: &[f64]| of[columns.clone()].iter().sum::<f64>();
        let (own, changed) = (sum(&glance.weight), sum(&glance.change));
        norms[binned.cell(unit)] += own;
        changes[binned.cell(unit)] += changed;
        if leaves[unit] {
            continue;
        }
        (norm, change) = (norm + own, change + changed);
        let share = if own > 0.0 { (changed / own).sqrt() } else { 0.0 };
        if share > most.map_or(0.0, |(_, most)| most) {
            most = Some((unit, share));
        }
    }
    let (rows, strips, strip_changes) = strips(binned, glance);
    let roots = |of: Vec<f64>| of.into_iter().map(|sum: f64| short(sum.sqrt())).collect();
    WeightPicture {
        norms: roots(norms),
        changes: roots(changes),
        rows,
        strips,
        strip_changes,
        norm: norm.sqrt(),
        change: change.sqrt(),
        most,
    }
}

/// Sizes and changes of groups of neighbouring columns: rows per cell, and both as [cells, rows].
fn strips(binned: &Binned, glance: &Glance) -> (usize, Vec<f32>, Vec<f32>) {
    let width = glance.width();
    let columns = |cell: usize| {
        cell * binned.units / binned.cells * width..(cell + 1) * binned.units / binned.cells * width
    };
    let rows = (0..binned.cells).map(|cell| columns(cell).len()).min().unwrap_or(0).min(ROWS);
    let group = |cell: usize, row: usize| {
        let of = columns(cell);
        of.start + row * of.len() / rows..of.start + (row + 1) * of.len() / rows
    };
    let groups: Vec<_> = (0..binned.cells).flat_map(|cell| (0..rows).map(move |row| (cell, row))).collect();
    let sizes = |of: &[f64]| {
        let size = |&(cell, row): &(usize, usize)| {
            let squares = &of[group(cell, row)];
            root_mean(squares.iter().sum(), squares.len() as u32)
        };
        groups.iter().map(size).collect()
    };
    (rows, sizes(&glance.weight), sizes(&glance.change))
}
