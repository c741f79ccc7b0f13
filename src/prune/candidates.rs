//! The state of a set of removed units: its exact error, and the candidates for swaps.

use faer::{Accum, Mat, MatRef};
use rayon::prelude::*;

use super::damping::{Damped, dead_inputs};
use super::dense::Dense;
use super::inverse::{cholesky, invert_lower};
use super::number::dot;
use super::shared_work::{each_column, numbers};
use super::swaps::Swap;
use super::sweep_operator::{SweepOperator, trace_of_quotient};
use super::triangles::{solve_lower, solve_upper};
use super::uncompensated::Uncompensated;
use super::{PruneProblem, Units};
use crate::product::{multiply, multiply_tile};

/// Maximum number of columns considered together. The limit is lower for channels, because every swap updates
/// all of them, and higher for heads, because they are few.
const MOST_CHANNELS: usize = 1024;
const MOST_OF_HEADS: usize = 4096;
/// Maximum number of columns of these units considered together.
pub(super) fn candidates(units: Units) -> u64 {
    match units {
        Units::Channels { .. } => MOST_CHANNELS as u64,
        Units::Heads { .. } => MOST_OF_HEADS as u64,
    }
}

/// Columns processed together.
const PANEL: usize = 512;

/// The error of a set of removed units, and the data for choosing candidates.
pub(super) enum Fit<'p> {
    Fitted(Fitted<'p>),
    Uncompensated(Totals<'p>),
}

/// The candidates for swaps. Swaps refer to positions in `units`.
pub(super) struct Field {
    pub units: Vec<usize>,
    /// True if all units are candidates.
    pub whole: bool,
    state: State,
}

enum State {
    SweepOperator(SweepOperator),
    Uncompensated(Uncompensated),
}

impl<'p> Fit<'p> {
    /// tr(ΔW G_λ ΔWᵀ)
    pub(super) fn error(&self) -> f64 {
        match self {
            Self::Fitted(fit) => fit.error,
            Self::Uncompensated(totals) => totals.error,
        }
    }

    pub(super) fn candidates(self) -> Field {
        match self {
            Self::Fitted(fit) => fit.candidates(),
            Self::Uncompensated(totals) => totals.candidates(),
        }
    }
}

impl Field {
    pub(super) fn best(&self, allowed: impl Fn(usize, usize) -> bool + Sync) -> Option<Swap> {
        match &self.state {
            State::SweepOperator(operator) => operator.best(allowed),
            State::Uncompensated(uncompensated) => uncompensated.best(allowed),
        }
    }

    /// Applies the swap; false if rounding errors prevent it.
    pub(super) fn swap(&mut self, swap: Swap) -> bool {
        match &mut self.state {
            State::SweepOperator(operator) => operator.swap(swap.back, swap.out),
            State::Uncompensated(uncompensated) => {
                uncompensated.swap(swap.back, swap.out);
                true
            }
        }
    }
}

/// Removed and kept units, with their columns.
struct Sides<'p> {
    part: &'p PruneProblem<'p>,
    damped: &'p Damped<'p>,
    width: usize,
    gone: Vec<usize>,
    kept: Vec<usize>,
}

impl<'p> Sides<'p> {
    fn new(part: &'p PruneProblem<'p>, damped: &'p Damped<'p>, removed: &[usize]) -> Self {
        let mut out = vec![false; part.unit_count()];
        for &unit in removed {
            out[unit] = true;
        }
        let (gone, kept) = super::sweep_operator::sides(&out);
        Self { part, damped, width: part.units.width(), gone, kept }
    }

    fn columns(&self, units: &[usize]) -> Vec<usize> {
        units.iter().flat_map(|unit| unit * self.width..(unit + 1) * self.width).collect()
    }

    /// Columns of W [rows, columns], with zeros for dead inputs.
    fn w(&self, columns: &[usize]) -> Dense<f64> {
        let (n, dead) = (self.part.n(), dead_inputs(self.part));
        let mut w = Dense::zeros(self.part.rows, columns.len());
        each_column(w.view_mut(), &|at, w| {
            let j = columns[at];
            let column = self.part.weight[j..].iter().step_by(n);
            w.iter_mut().zip(column).for_each(|(w, &value)| *w = if dead[j] { 0.0 } else { value.into() });
        });
        w
    }

    /// The numbers of removed and kept units considered together, and whether they include all units.
    fn room(&self) -> (usize, usize, bool) {
        let (gone, kept) = (self.gone.len(), self.kept.len());
        let most = (candidates(self.part.units) as usize / self.width).max(2);
        if gone + kept <= most {
            return (gone, kept, true);
        }
        let of_gone = gone.min((most / 2).max(most.saturating_sub(kept)));
        (of_gone, kept.min(most - of_gone), false)
    }

    /// Units per panel.
    fn at_once(&self) -> usize {
        (PANEL / self.width).max(1)
    }
}

/// The positions of the `count` lowest values, in ascending order.
fn lowest(values: &[f64], count: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    order.truncate(count);
    order.sort_unstable();
    order
}

/// Kept columns that compensate for the removed ones.
pub(super) struct Fitted<'p> {
    sides: Sides<'p>,
    error: f64,
    /// L [kept, kept], lower half, G_AA = L Lᵀ.
    l: Dense<f64>,
    /// X = L⁻¹ G_AR [kept, gone]; K = G_RR − Xᵀ X.
    x: Dense<f64>,
    /// E = W_R Xᵀ [rows, kept]; Ŵ_R = W_R G_RR − E X and Ŵ_A = W_A + E L⁻¹.
    e: Dense<f64>,
    /// [rows, gone]
    w_gone: Dense<f64>,
    /// The (negative) change of the error from restoring each removed unit.
    back: Vec<f64>,
}

/// The error of the best weights without these units. Fails with a column if G_λ of the kept columns is not
/// positive definite.
pub(super) fn fitted<'p>(
    part: &'p PruneProblem<'p>,
    damped: &'p Damped<'p>,
    removed: &[usize],
) -> Result<Fitted<'p>, usize> {
    let sides = Sides::new(part, damped, removed);
    let (gone, kept) = (sides.columns(&sides.gone), sides.columns(&sides.kept));
    let mut l: Dense<f64> = damped.lower(&kept);
    cholesky(l.view_mut()).map_err(|k| kept[k])?;
    let mut x = damped.between(&kept, &gone);
    solve_lower(l.view(), x.view_mut());
    let w_gone = sides.w(&gone);
    let mut e = Dense::zeros(part.rows, kept.len());
    multiply(e.view_mut(), Accum::Replace, w_gone.view(), x.view().transpose(), 1.0);
    let mut fit = Fitted { sides, error: 0.0, l, x, e, w_gone, back: Vec::new() };
    let whole = fit.sides.room().2;
    for first in (0..fit.sides.gone.len()).step_by(fit.sides.at_once()) {
        let end = (first + fit.sides.at_once()).min(fit.sides.gone.len());
        fit.add_panel(&gone, first..end, whole);
    }
    Ok(fit)
}

impl Fitted<'_> {
    /// Adds the error of some removed units and, unless `error_alone`, the change from restoring each.
    fn add_panel(&mut self, gone: &[usize], units: std::ops::Range<usize>, error_alone: bool) {
        let w = self.sides.width;
        let (first, count) = (units.start * w, units.len() * w);
        let of = &gone[first..first + count];
        let x = self.x.view().subcols(first, count);
        let v = self.v(gone, of, x);
        let costs = numbers(count, &|j| dot(v.column(j), self.w_gone.column(first + j)));
        self.error += costs.iter().sum::<f64>();
        if error_alone {
            return;
        }
        let back = (0..units.len()).into_par_iter().map(|unit| {
            let (v, x) = (v.view().subcols(unit * w, w), x.subcols(unit * w, w));
            let mut k = self.sides.damped.block(&of[unit * w..][..w], &of[unit * w..][..w]);
            take_square(k.as_mut(), x, -1.0);
            // A unit that cannot be factored is not a candidate.
            quotient(k, square(v)).map_or(0.0, |back| -back)
        });
        let back: Vec<f64> = back.collect();
        self.back.extend(back);
    }

    /// Ŵ [rows, columns] of some of the removed columns, given their X in `x`.
    fn v(&self, gone: &[usize], of: &[usize], x: MatRef<'_, f64>) -> Dense<f64> {
        let g = self.sides.damped.block(gone, of);
        let mut v = Dense::zeros(self.sides.part.rows, of.len());
        multiply(v.view_mut(), Accum::Replace, self.w_gone.view(), g.as_ref(), 1.0);
        multiply(v.view_mut(), Accum::Add, self.e.view(), x, -1.0);
        v
    }

    fn candidates(mut self) -> Field {
        let (of_gone, of_kept, whole) = self.sides.room();
        let w = self.sides.width;
        let gone = self.sides.columns(&self.sides.gone);
        let back = if whole { (0..of_gone).collect() } else { lowest(&self.back, of_gone) };
        let places: Vec<usize> = self.sides.columns(&back);
        let columns: Vec<usize> = places.iter().map(|&place| gone[place]).collect();
        let x = gather(self.x.view(), &places);
        let v = self.v(&gone, &columns, x.view());

        let kept = self.sides.columns(&self.sides.kept);
        let mut w_kept = std::mem::replace(&mut self.e, Dense::zeros(0, 0));
        solve_upper(self.l.view().transpose(), w_kept.view_mut().transpose_mut());
        add(&mut w_kept, &self.sides.w(&kept));
        invert_lower(self.l.view_mut());
        let out = if whole { (0..of_kept).collect() } else { lowest(&self.costs(&w_kept), of_kept) };
        let places: Vec<usize> = self.sides.columns(&out);

        let y = gather_lower(&self.l, &places);
        let fitted = gather(w_kept.view(), &places);
        drop(w_kept);
        let (m_gone, m) = (columns.len(), columns.len() + places.len());
        let (mut s, mut q): (Dense<f64>, Dense<f64>) = (Dense::zeros(m, m), Dense::zeros(m, m));
        let g = self.sides.damped.block(&columns, &columns);
        let (mut rr, mut ra, mut ar, mut aa) = s.view_mut().split_at_mut(m_gone, m_gone);
        rr.copy_from(&g);
        multiply(rr, Accum::Add, x.view().transpose(), x.view(), -1.0);
        multiply(ra.as_mut(), Accum::Replace, x.view().transpose(), y.view(), 1.0);
        ar.copy_from(ra.transpose());
        multiply(aa.as_mut(), Accum::Replace, y.view().transpose(), y.view(), -1.0);
        let (rr, mut ra, mut ar, aa) = q.view_mut().split_at_mut(m_gone, m_gone);
        multiply(rr, Accum::Replace, v.view().transpose(), v.view(), 1.0);
        multiply(ra.as_mut(), Accum::Replace, v.view().transpose(), fitted.view(), 1.0);
        ar.copy_from(ra.transpose());
        multiply(aa, Accum::Replace, fitted.view().transpose(), fitted.view(), 1.0);

        let units =
            back.iter().map(|&at| self.sides.gone[at]).chain(out.iter().map(|&at| self.sides.kept[at]));
        let out = (0..back.len() + out.len()).map(|at| at < back.len()).collect();
        Field {
            units: units.collect(),
            whole,
            state: State::SweepOperator(SweepOperator { width: w, out, s, q }),
        }
    }

    /// The cost of removing each kept unit. L has already been replaced by L⁻¹.
    fn costs(&self, w_kept: &Dense<f64>) -> Vec<f64> {
        let w = self.sides.width;
        let cost = |unit: usize| {
            let first = unit * w;
            let mut f: Mat<f64> = Mat::zeros(w, w);
            for j in 0..w {
                for i in 0..=j {
                    // The entries above the diagonal of L⁻¹ are never written.
                    let below = |k: usize| &self.l.column(first + k)[first + j..];
                    f[(j, i)] = dot(below(i), below(j));
                }
            }
            let q = square(w_kept.view().subcols(first, w));
            quotient(f, q).unwrap_or(f64::INFINITY)
        };
        numbers(self.sides.kept.len(), &cost)
    }
}

/// Kept columns without updates.
pub(super) struct Totals<'p> {
    sides: Sides<'p>,
    error: f64,
    /// h, indexed by unit.
    with_removed: Vec<f64>,
    /// H_uu, indexed by unit.
    own: Vec<f64>,
}

/// The error of the unchanged weights without these units.
pub(super) fn uncompensated<'p>(
    part: &'p PruneProblem<'p>,
    damped: &'p Damped<'p>,
    removed: &[usize],
) -> Totals<'p> {
    let sides = Sides::new(part, damped, removed);
    let gone = sides.columns(&sides.gone);
    let w_gone = sides.w(&gone);
    let (mut with_removed, mut own) = (Vec::new(), Vec::new());
    let all: Vec<usize> = (0..part.unit_count()).collect();
    let w = sides.width;
    for units in all.chunks(sides.at_once()) {
        let columns = sides.columns(units);
        let of = sides.w(&columns);
        let g = damped.block(&gone, &columns);
        let mut v: Dense<f64> = Dense::zeros(part.rows, columns.len());
        multiply(v.view_mut(), Accum::Replace, w_gone.view(), g.as_ref(), 1.0);
        let h = |unit: usize| (unit * w..(unit + 1) * w).map(|j| dot(v.column(j), of.column(j))).sum::<f64>();
        with_removed.extend(numbers(units.len(), &h));
        let h = |unit: usize| {
            let of_unit = &columns[unit * w..(unit + 1) * w];
            let c = square(of.view().subcols(unit * w, w));
            together(c.as_ref(), damped.block(of_unit, of_unit).as_ref())
        };
        own.extend(numbers(units.len(), &h));
    }
    let error = sides.gone.iter().map(|&unit| with_removed[unit]).sum();
    Totals { sides, error, with_removed, own }
}

impl Totals<'_> {
    fn candidates(self) -> Field {
        let (of_gone, of_kept, whole) = self.sides.room();
        let change = |unit: usize, times: f64| times * 2.0 * self.with_removed[unit] + self.own[unit];
        let back: Vec<f64> = self.sides.gone.iter().map(|&unit| change(unit, -1.0)).collect();
        let costs: Vec<f64> = self.sides.kept.iter().map(|&unit| change(unit, 1.0)).collect();
        let (back, out) = (lowest(&back, of_gone), lowest(&costs, of_kept));
        let units =
            back.iter().map(|&at| self.sides.gone[at]).chain(out.iter().map(|&at| self.sides.kept[at]));
        let units: Vec<usize> = units.collect();
        let (columns, w) = (self.sides.columns(&units), self.sides.width);
        let (of, g) = (self.sides.w(&columns), self.sides.damped.block(&columns, &columns));
        let mut c: Mat<f64> = Mat::zeros(columns.len(), columns.len());
        multiply(c.as_mut(), Accum::Replace, of.view().transpose(), of.view(), 1.0);
        let mut h: Dense<f64> = Dense::zeros(units.len(), units.len());
        each_column(h.view_mut(), &|j, column| {
            for (i, h) in column.iter_mut().enumerate() {
                let block = |of: &'_ Mat<f64>| of.submatrix(i * w, j * w, w, w).to_owned();
                *h = together(block(&c).as_ref(), block(&g).as_ref());
            }
        });
        let with_removed = units.iter().map(|&unit| self.with_removed[unit]).collect();
        let out = (0..units.len()).map(|at| at < back.len()).collect();
        Field { units, whole, state: State::Uncompensated(Uncompensated { out, h, with_removed }) }
    }
}

/// Copies some columns of a matrix.
fn gather(from: MatRef<'_, f64>, columns: &[usize]) -> Dense<f64> {
    let mut to = Dense::zeros(from.nrows(), columns.len());
    each_column(to.view_mut(), &|at, mut to| to.copy_from(from.col(columns[at])));
    to
}

/// Copies some columns of a lower triangle, with zeros above its diagonal.
fn gather_lower(from: &Dense<f64>, columns: &[usize]) -> Dense<f64> {
    let mut to = Dense::zeros(from.columns(), columns.len());
    for (at, &j) in columns.iter().enumerate() {
        to.column_mut(at)[j..].copy_from_slice(&from.column(j)[j..]);
    }
    to
}

/// to ← to + from
fn add(to: &mut Dense<f64>, from: &Dense<f64>) {
    each_column(to.view_mut(), &|j, mut to| to += from.view().col(j));
}

/// Aᵀ A of a few columns.
fn square(a: MatRef<'_, f64>) -> Mat<f64> {
    let mut square = Mat::zeros(a.ncols(), a.ncols());
    take_square(square.as_mut(), a, 1.0);
    square
}

/// m ← m + factor · Aᵀ A
fn take_square(m: faer::MatMut<'_, f64>, a: MatRef<'_, f64>, factor: f64) {
    multiply_tile(m, Accum::Add, a.transpose(), a, factor);
}

/// tr(K⁻¹ Q), K given by its lower half; None if it is not positive definite.
fn quotient(mut k: Mat<f64>, q: Mat<f64>) -> Option<f64> {
    cholesky(k.as_mut()).ok()?;
    Some(trace_of_quotient(&k, q))
}

/// Σ a_ij b_ij
fn together(a: MatRef<'_, f64>, b: MatRef<'_, f64>) -> f64 {
    (0..a.ncols()).map(|j| (0..a.nrows()).map(|i| a[(i, j)] * b[(i, j)]).sum::<f64>()).sum()
}
