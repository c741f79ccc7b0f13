//! Channels one at a time, with the updates of P and of C = Wᵀ W applied in blocks.
//!
//! Removing column q with u = P_q / √P_qq takes u uᵀ from P and u yᵀ + y uᵀ from C, y = C_q / √P_qq − ½ e u, where
//! e = C_qq / P_qq is what it costs. A step needs the diagonals and one column of each matrix only: what the
//! block began with, less the few u and y since. The weights themselves come from the refit.

use faer::linalg::matmul::matmul;
use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::{Accum, Col, ColRef, MatRef, Par};

use super::damping::Damped;
use super::dense::Dense;
use super::elimination::Removal;
use super::exchange::{exchange_rows, exchange_symmetric, pairs_to_the_back};

/// Steps whose updates are applied together.
const BLOCK: usize = 64;

pub(super) struct Greedy {
    /// Lower half of [active, active] in front, as the block began.
    p: Dense,
    /// The same of C; without compensation it stays what it was, over all n slots.
    c: Dense,
    /// The column of the weight that lies in each slot.
    slots: Vec<usize>,
    active: usize,
    /// [n, BLOCK], one column a step of this block.
    u: Dense,
    y: Dense,
    /// Slots that left in this block.
    gone: Vec<usize>,
    /// Whether each slot is there still.
    present: Vec<bool>,
    /// P_jj and C_jj as of this step.
    p_diag: Vec<f64>,
    c_diag: Vec<f64>,
    compensate: bool,
}

impl Greedy {
    /// p: lower half of [n, n]; w: [rows, n].
    pub(super) fn new(p: Dense, w: &Dense, compensate: bool) -> Self {
        let n = p.columns();
        let mut c = Dense::zeros(n, n);
        triangular::matmul(
            c.view_mut(),
            BlockStructure::TriangularLower,
            Accum::Replace,
            w.view().transpose(),
            BlockStructure::Rectangular,
            w.view(),
            BlockStructure::Rectangular,
            1.0,
            Par::rayon(0),
        );
        Self {
            p_diag: p.diagonal(),
            c_diag: c.diagonal(),
            p,
            c,
            slots: (0..n).collect(),
            active: n,
            u: Dense::zeros(n, BLOCK),
            y: Dense::zeros(n, BLOCK),
            gone: Vec::with_capacity(BLOCK),
            present: vec![true; n],
            compensate,
        }
    }

    /// The lower half of P as the block began.
    pub(super) fn p(&self) -> MatRef<'_, f64> {
        self.p.view()
    }

    /// ‖W_j‖² / P_jj of every slot.
    pub(super) fn scores(&self) -> Vec<f64> {
        self.p_diag.iter().zip(&self.c_diag).map(|(p, c)| c.max(0.0) / p).collect()
    }

    /// Removes the column with the lowest score. Fails with it where rounding has left P indefinite.
    pub(super) fn remove_one(&mut self, damped: &Damped) -> Result<Removal, usize> {
        if self.gone.len() == BLOCK {
            self.settle();
        }
        let score = |slot: usize| self.c_diag[slot].max(0.0) / self.p_diag[slot];
        let present = (0..self.active).filter(|&slot| self.present[slot]);
        let cheapest = present.map(|slot| (score(slot), self.slots[slot], slot)).min_by(|a, b| {
            let by_score = a.0.total_cmp(&b.0);
            by_score.then(a.1.cmp(&b.1))
        });
        let (error, unit, q) = cheapest.expect("the goal leaves at least one column");
        if !(self.p_diag[q] > 0.0 && error.is_finite()) {
            return Err(unit);
        }
        let error = if self.compensate { error } else { self.rise_without_compensation(q, damped) };
        self.record(q, error);
        self.present[q] = false;
        self.gone.push(q);
        Ok(Removal { units: vec![unit], error })
    }

    /// Writes u and y of column q and brings the diagonals up to date.
    fn record(&mut self, q: usize, error: f64) {
        let (step, active) = (self.gone.len(), self.active);
        let scale = 1.0 / self.p_diag[q].sqrt();
        let u_before = self.u.view().submatrix(0, 0, active, step);
        let y_before = self.y.view().submatrix(0, 0, active, step);

        let mut u = half_column(&self.p, q, active);
        subtract(&mut u, u_before, u_before.row(q).transpose());
        for (u, p) in u.iter_mut().zip(&mut self.p_diag) {
            *u *= scale;
            *p -= *u * *u;
        }
        if self.compensate {
            let mut y = half_column(&self.c, q, active);
            subtract(&mut y, u_before, y_before.row(q).transpose());
            subtract(&mut y, y_before, u_before.row(q).transpose());
            for ((y, u), c) in y.iter_mut().zip(u.iter()).zip(&mut self.c_diag) {
                *y = *y * scale - 0.5 * error * u;
                *c -= 2.0 * u * *y;
            }
            self.y.view_mut().col_mut(step).subrows_mut(0, active).copy_from(y);
        }
        self.u.view_mut().col_mut(step).subrows_mut(0, active).copy_from(u);
    }

    /// Applies the block to P and C, with what is left brought to the front.
    pub(super) fn settle(&mut self) {
        let (n, steps) = (self.slots.len(), self.gone.len());
        self.gone.sort_unstable();
        let pairs = pairs_to_the_back(&self.gone, self.active);
        exchange_symmetric(&mut self.p, &pairs, self.active);
        exchange_symmetric(&mut self.c, &pairs, if self.compensate { self.active } else { n });
        exchange_rows(&mut self.u, &pairs, steps);
        exchange_rows(&mut self.y, &pairs, steps);
        for &(i, j) in &pairs {
            self.slots.swap(i, j);
            self.present.swap(i, j);
            self.c_diag.swap(i, j);
        }
        self.gone.clear();
        self.active -= steps;
        let u = self.u.view().submatrix(0, 0, self.active, steps);
        let y = self.y.view().submatrix(0, 0, self.active, steps);
        take(&mut self.p, u, u);
        self.p_diag = self.p.diagonal();
        if self.compensate {
            take(&mut self.c, u, y);
            take(&mut self.c, y, u);
            self.c_diag = self.c.diagonal();
        }
    }

    /// C_qq G_qq + 2 Σ_s C_qs G_qs over the columns s that left before.
    fn rise_without_compensation(&self, q: usize, damped: &Damped) -> f64 {
        let before = self.gone.iter().copied().chain(self.active..self.slots.len());
        let with = |s: usize| self.c[(q.max(s), q.min(s))] * damped.at(self.slots[q], self.slots[s]);
        with(q) + 2.0 * before.map(with).sum::<f64>()
    }
}

/// Column q of the leading block of a symmetric matrix.
fn half_column(half: &Dense, q: usize, active: usize) -> Col<f64> {
    Col::from_fn(active, |i| half[(i.max(q), i.min(q))])
}

/// column ← column − matrix · factors
fn subtract(column: &mut Col<f64>, matrix: MatRef<'_, f64>, factors: ColRef<'_, f64>) {
    matmul(column.as_mat_mut(), Accum::Add, matrix, factors.as_mat(), -1.0, Par::Seq);
}

/// half ← half − a bᵀ on the leading block that a and b reach, lower half.
fn take(half: &mut Dense, a: MatRef<'_, f64>, b: MatRef<'_, f64>) {
    let size = a.nrows();
    triangular::matmul(
        half.view_mut().submatrix_mut(0, 0, size, size),
        BlockStructure::TriangularLower,
        Accum::Add,
        a,
        BlockStructure::Rectangular,
        b.transpose(),
        BlockStructure::Rectangular,
        -1.0,
        Par::rayon(0),
    );
}
