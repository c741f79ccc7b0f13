//! The changes of a weight at several counts along its elimination path.

use std::ops::ControlFlow;

use super::outcome::raising_damping;
use super::refit::{originals, refit};
use super::{Elimination, Error, Progress, PruneProblem};

/// A weight with some units removed and the others updated, compared with the original.
#[derive(Clone, Debug, PartialEq)]
pub struct PathChange {
    /// Number of removed units over all groups.
    pub removed: usize,
    /// ΔW [rows, n], row-major: −W in removed columns, the update in kept ones.
    pub change: Vec<f32>,
}

/// The path of one part: its errors, and the changes of the weight at the requested counts.
#[derive(Clone, Debug, PartialEq)]
pub struct PathChanges {
    /// (units removed over all groups, sum of the step errors: an increase in E‖Δy‖² per token), from (0, 0).
    pub errors: Vec<(usize, f64)>,
    /// One for each count, in ascending order.
    pub changes: Vec<PathChange>,
}

/// Follows the elimination path through `counts`, which are ascending and counted as in [`PruneProblem::remove`]. The path
/// does not depend on [`PruneProblem::remove`].
///
/// # Errors
/// As for [`super::prune()`].
pub fn path_changes(
    part: &PruneProblem,
    counts: &[usize],
    observe: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<PathChanges, Error> {
    let last = counts.last().copied().unwrap_or(0);
    let part = PruneProblem { remove: last, scheduled: None, ..part.clone() };
    raising_damping(&part, observe, |part, damping, observe| follow(part, damping, counts, observe))
}

fn follow(
    part: &PruneProblem,
    damping: f64,
    counts: &[usize],
    observe: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<PathChanges, Error> {
    let mut elimination = Elimination::start(part, damping)?;
    let mut followed = PathChanges { errors: vec![(0, 0.0)], changes: Vec::new() };
    let (mut removed, mut sum, mut step) = (0, 0.0, 0);
    for &count in counts.iter().filter(|&&count| count > 0) {
        elimination.aim(count)?;
        while let Some(removal) = elimination.step()? {
            removed += removal.units.len();
            sum += removal.error;
            followed.errors.push((removed, sum));
            elimination.report(step, observe)?;
            step += 1;
        }
        followed.changes.push(PathChange { removed, change: change(part, damping, &mut elimination)? });
    }
    Ok(followed)
}

/// ΔW [rows, n] after the steps so far.
fn change(part: &PruneProblem, damping: f64, elimination: &mut Elimination<'_>) -> Result<Vec<f32>, Error> {
    let n = part.n();
    elimination.settle();
    let (kept, weight) = match elimination.compensated() {
        Some(compensated) => compensated,
        None => {
            let width = part.units.width();
            let mut gone = vec![false; n];
            for unit in elimination.removed() {
                gone[unit * width..(unit + 1) * width].fill(true);
            }
            let columns = |of: bool| (0..n).filter(|&column| gone[column] == of).collect::<Vec<_>>();
            let kept = columns(false);
            let weight = if part.compensate {
                refit(part, &elimination.damped, &kept, &columns(true))
                    .map_err(|input| Error::NotPositiveDefinite { damping, input })?
            } else {
                originals(part, &kept)
            };
            (kept, weight)
        }
    };
    let mut change: Vec<f32> = part.weight.iter().map(|w| -w).collect();
    for (change, fitted) in change.chunks_exact_mut(n).zip(weight.chunks_exact(kept.len().max(1))) {
        for (&column, &fitted) in kept.iter().zip(fitted) {
            change[column] = (f64::from(change[column]) + fitted) as f32;
        }
    }
    Ok(change)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prune::slow::random_f32;
    use crate::prune::{GroupSize, HeadScore, Moment, SecondMoment, SolverDtype, Units};

    const ROWS: usize = 6;
    const N: usize = 60;

    fn moment() -> Moment {
        let mut moment = SecondMoment::new(N);
        moment.add(&random_f32(5, 200 * N)).unwrap();
        moment.finish().unwrap()
    }

    /// tr(ΔW G_λ ΔWᵀ)
    fn slow_error(change: &[f32], moment: &Moment, damping: f64) -> f64 {
        let lambda = damping * (0..N).map(|j| moment.at(j, j)).sum::<f64>() / N as f64;
        let g = |i: usize, j: usize| moment.at(i, j) + if i == j { lambda } else { 0.0 };
        let product = |row: &[f32]| -> f64 {
            (0..N)
                .flat_map(|i| (0..N).map(move |j| (i, j)))
                .map(|(i, j)| f64::from(row[i]) * g(i, j) * f64::from(row[j]))
                .sum()
        };
        change.chunks_exact(N).map(product).sum()
    }

    #[test]
    fn the_error_of_each_change_is_that_of_the_path() {
        let (weight, moment) = (random_f32(6, ROWS * N), moment());
        let channels = [GroupSize::Dynamic, GroupSize::Exact, GroupSize::Fixed(7)]
            .map(|group_size| (Units::Channels { group_size }, vec![3, 20, 41]));
        let heads = [None, Some(4)]
            .map(|per_group| (Units::Heads { width: 5, score: HeadScore::Exact, per_group }, vec![1, 2, 3]));
        for (units, counts) in channels.into_iter().chain(heads) {
            for compensate in [true, false] {
                let dtype = SolverDtype::F64;
                let part = PruneProblem {
                    compensate,
                    solver_dtype: dtype,
                    ..PruneProblem::new(&weight, ROWS, &moment, units, 1)
                };
                let found = path_changes(&part, &counts, &mut |_| ControlFlow::Continue(())).unwrap();
                assert_eq!(found.changes.len(), counts.len(), "{units:?}");
                for change in &found.changes {
                    let error = found.errors.iter().find(|point| point.0 == change.removed).unwrap().1;
                    let slow = slow_error(&change.change, &moment, part.damping);
                    assert!((slow / error - 1.0).abs() < 1e-5, "{units:?} {compensate}: {error}, {slow}");
                }
            }
        }
    }
}
