//! G_λ = G + λI: dead inputs, and the damping that makes G_λ invertible.

use faer::{Mat, MatMut, MatRef};

use super::dense::Dense;
use super::number::Number;
use super::shared_work::{each_block, each_column};
use super::{Error, Moment, PruneProblem};

/// The highest damping to try.
const HIGHEST: f64 = 1.0;
/// The damping to try after 0.
const LOWEST: f64 = 1e-6;

/// G_λ without a copy of G. Inputs with G_jj = 0 are dead and count as G_jj = 1. λ = damping · mean(diag G).
pub(super) struct Damped<'a> {
    moment: &'a Moment,
    /// The diagonal of G_λ.
    diag: Vec<f64>,
    pub(super) lambda: f64,
}

impl<'a> Damped<'a> {
    pub(super) fn new(moment: &'a Moment, damping: f64) -> Self {
        let n = moment.n();
        let alive = |j| if moment.at(j, j) == 0.0 { 1.0 } else { moment.at(j, j) };
        let mut diag: Vec<f64> = (0..n).map(alive).collect();
        let lambda = damping * diag.iter().sum::<f64>() / n as f64;
        for value in &mut diag {
            *value += lambda;
        }
        Self { moment, diag, lambda }
    }

    pub(super) fn n(&self) -> usize {
        self.diag.len()
    }

    #[inline]
    pub(super) fn at(&self, i: usize, j: usize) -> f64 {
        if i == j { self.diag[i] } else { self.moment.at(i, j) }
    }

    /// The lower half of G, without damping.
    pub(super) fn undamped(&self) -> MatRef<'_, f64> {
        self.moment.view()
    }

    pub(super) fn diag(&self) -> &[f64] {
        &self.diag
    }

    /// The lower half of G_λ[of, of]; `of` is ascending.
    pub(super) fn lower<T: Number>(&self, of: &[usize]) -> Dense<T> {
        let mut lower = Dense::zeros(of.len(), of.len());
        each_column(lower.view_mut(), &|j, out| {
            let (first, rest) = (of[j], &of[j..]);
            let column = self.moment.column_below(first);
            let out = out.try_as_col_major_mut().expect("a column of a column-major matrix").as_slice_mut();
            if rest[rest.len() - 1] - first + 1 == rest.len() {
                out[j..].iter_mut().zip(column).for_each(|(out, &g)| *out = T::of(g));
            } else {
                out[j..].iter_mut().zip(rest).for_each(|(out, &i)| *out = T::of(column[i - first]));
            }
        });
        for (j, &of) in of.iter().enumerate() {
            lower[(j, j)] = T::of(self.diag[of]);
        }
        lower
    }

    /// G_λ[rows, columns]; the two sets may overlap.
    pub(super) fn block(&self, rows: &[usize], columns: &[usize]) -> Mat<f64> {
        let mut block = Mat::zeros(rows.len(), columns.len());
        gather(rows, columns, block.as_mut(), |i, j| self.at(i, j));
        block
    }

    /// G[rows, columns] of two disjoint sets.
    pub(super) fn between(&self, rows: &[usize], columns: &[usize]) -> Dense<f64> {
        let mut block = Dense::zeros(rows.len(), columns.len());
        gather(rows, columns, block.view_mut(), |i, j| self.moment.at(i, j));
        block
    }
}

/// out[r, c] ← at(rows[r], columns[c])
fn gather(rows: &[usize], columns: &[usize], out: MatMut<'_, f64>, at: impl Fn(usize, usize) -> f64 + Sync) {
    each_block(out, |first_row, first, out| {
        let (rows, columns) = (&rows[first_row..], &columns[first..]);
        for r in 0..out[0].len() {
            for (out, &j) in out.iter_mut().zip(columns) {
                out[r] = at(rows[r], j);
            }
        }
    });
}

/// For every input, whether it is always 0.
pub(super) fn dead_inputs(part: &PruneProblem) -> Vec<bool> {
    (0..part.n()).map(|j| part.moment.at(j, j) == 0.0).collect()
}

/// The damping to try after a factorisation failed with `cause`: ten times as much, at most 1.
pub(super) fn raise(damping: f64, cause: Error) -> Result<f64, Error> {
    if damping >= HIGHEST {
        return Err(cause);
    }
    Ok(if damping == 0.0 { LOWEST } else { (damping * 10.0).min(HIGHEST) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prune::{GroupSize, Units};

    #[test]
    fn dead_inputs_count_as_one_in_the_mean() {
        let moment = Moment::from_row_major(2, vec![0.0, 0.0, 0.0, 3.0]).unwrap();
        let damped = Damped::new(&moment, 0.01);
        assert_eq!(damped.lambda, 0.02);
        assert_eq!(damped.diag(), [1.02, 3.02]);
        let units = Units::Channels { group_size: GroupSize::Exact };
        let part = PruneProblem::new(&[1.0, 1.0], 1, &moment, units, 1);
        assert_eq!(dead_inputs(&part), [true, false]);
    }

    #[test]
    fn damping_grows_tenfold_from_a_millionth_to_one() {
        let cause = || Error::NotPositiveDefinite { damping: 1.0, input: 0 };
        assert_eq!(raise(0.0, cause()), Ok(1e-6));
        assert_eq!(raise(0.01, cause()), Ok(0.1));
        assert_eq!(raise(0.3, cause()), Ok(1.0));
        assert_eq!(raise(1.0, cause()), Err(cause()));
    }
}
