//! Pruning one weight from start to end.

use std::ops::ControlFlow;

use super::damping::raise;
use super::energy::{energy_after_fit, is_known_at_start};
use super::refit::{originals, refit};
use super::swaps::refine;
use super::{Elimination, Error, HessianStats, Look, MomentPicture, PruneProblem, Refined, Scheduled};
use crate::prune::{Refine, SolverDtype};

/// Progress of pruning one weight.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the comment of each variant explains its fields")]
pub enum Progress<'a> {
    /// The factorisation failed, and the elimination starts again with damping `to` instead of `from`.
    DampingRaised { from: f64, to: f64, reason: String },
    /// The factorisation failed in f32, and the elimination starts again in f64 with the same damping.
    PrecisionRaised { reason: String },
    /// The inverse is ready. `scores` contains the score of every unit before any removal; `energy` is tr(W G
    /// Wᵀ) = E‖y‖², the denominator of relative errors. It is None if it is computed after the fit, which costs
    /// less for large weights.
    Statistics { stats: &'a HessianStats, picture: MomentPicture, scores: &'a [f64], energy: Option<f64> },
    /// Step `step` (from 0) removed `group_size` units at the cost of `error`. `look` draws a picture of it.
    Removed { step: usize, units: &'a [usize], error: f64, group_size: usize, look: Look<'a> },
    /// `swaps` pairs of units have been swapped, out of `removed` removed units; `error` is the current
    /// error.
    Swapped { swaps: usize, removed: usize, error: f64 },
}

/// A pruned weight.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// Kept units in ascending order.
    pub kept: Vec<usize>,
    /// Removed units in order of removal. A unit removed by a swap takes the position of the restored unit.
    pub removed: Vec<usize>,
    /// Increase in tr(ΔW G_λ ΔWᵀ) = E‖Δy‖² per token (λ‖ΔW‖² included) in every step of the path.
    pub step_errors: Vec<f64>,
    /// Number of units removed in every step.
    pub group_sizes: Vec<usize>,
    /// The sum of the step errors divided by tr(W G Wᵀ) = E‖y‖², where G is undamped; 0 if nothing was
    /// removed or the output is always 0. After swaps it is the remaining error.
    pub relative_error: f64,
    /// tr(W G Wᵀ) = E‖y‖²; 0 if nothing was removed.
    pub energy: f64,
    /// The result of the swaps, if they were requested and units were removed.
    pub refined: Option<Refined>,
    /// The relative error at [`PruneProblem::scheduled`], if that count differs and the path reaches it.
    pub scheduled: Option<Scheduled>,
    /// Fitted weights [rows, columns of the kept units], row-major.
    pub weight: Vec<f64>,
    /// Statistics of H = 2G.
    pub hessian: HessianStats,
    /// The score of every unit before any removal.
    pub first_scores: Vec<f64>,
}

/// Removes the units with the lowest cost and fits the kept columns (arXiv 2412.18110, Algorithm 1).
/// `observe` receives the progress; its `Break` cancels the work between two steps.
/// If G_λ cannot be factored in f32, it is factored in f64; if that fails, the damping is raised tenfold, up
/// to 1.
///
/// # Errors
/// If shapes do not fit or a value is NaN or ∞; [`Error::NotPositiveDefinite`] if no damping suffices, and
/// [`Error::Cancelled`].
pub fn prune(
    part: &PruneProblem,
    observe: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<Outcome, Error> {
    raising_damping(part, observe, with_damping)
}

/// Solves with the part's damping. If G_λ cannot be factored, continues in f64, then with a higher damping.
pub(super) fn raising_damping<T>(
    part: &PruneProblem,
    observe: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    solve: impl Fn(&PruneProblem, f64, &mut dyn FnMut(Progress) -> ControlFlow<()>) -> Result<T, Error>,
) -> Result<T, Error> {
    part.check()?;
    let mut part = part.clone();
    let mut damping = part.damping;
    loop {
        match solve(&part, damping, observe) {
            Err(cause @ Error::NotPositiveDefinite { .. }) if part.in_f32() => {
                part.solver_dtype = SolverDtype::F64;
                emit(observe, 0, Progress::PrecisionRaised { reason: cause.to_string() })?;
            }
            Err(cause @ Error::NotPositiveDefinite { .. }) => {
                let (from, reason) = (damping, cause.to_string());
                damping = raise(damping, cause)?;
                emit(observe, 0, Progress::DampingRaised { from, to: damping, reason })?;
            }
            solved => return solved,
        }
    }
}

fn with_damping(
    part: &PruneProblem,
    damping: f64,
    observe: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<Outcome, Error> {
    solve(part, damping, is_known_at_start(part), observe)
}

fn solve(
    part: &PruneProblem,
    damping: f64,
    energy_at_start: bool,
    observe: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<Outcome, Error> {
    let mut elimination = Elimination::start(part, damping)?;
    elimination.estimate_condition();
    let picture = MomentPicture::new(part.moment, part.unit_count());
    let energy = energy_at_start.then(|| elimination.energy());
    let (stats, scores) = (elimination.stats(), &elimination.first_scores[..]);
    emit(observe, 0, Progress::Statistics { stats, picture, scores, energy })?;
    let mut step = 0;
    while elimination.step()?.is_some() {
        elimination.report(step, observe)?;
        step += 1;
    }
    let scheduled = part.scheduled.filter(|&count| count != part.remove);
    let scheduled = scheduled.and_then(|count| elimination.error_at(count));
    let outcome = elimination.finish_observed(energy.is_none(), observe)?;
    let scheduled = scheduled.map(|(removed, error)| {
        let relative_error = if outcome.energy > 0.0 { error / outcome.energy } else { 0.0 };
        Scheduled { removed, relative_error }
    });
    Ok(Outcome { scheduled, ..outcome })
}

pub(super) fn emit(
    observe: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    steps: usize,
    progress: Progress,
) -> Result<(), Error> {
    match observe(progress) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(Error::Cancelled { steps }),
    }
}

impl Elimination<'_> {
    /// The total number of removed units and the error of the path there, for a number counted as in
    /// [`PruneProblem::remove`]. The error is linearly interpolated between two batches, or computed by
    /// continuing past the end; the path itself is unchanged. None if the path stops earlier.
    fn error_at(&mut self, remove: usize) -> Option<(usize, f64)> {
        let (length, goal) = (self.path.len(), self.part.total(remove));
        if self.aim(remove).is_ok() {
            while self.step().ok()?.is_some() {}
        }
        let (mut left, mut error) = (goal, 0.0);
        for removal in &self.path {
            let units = removal.units.len();
            error += removal.error * left.min(units) as f64 / units as f64;
            left -= left.min(units);
        }
        self.path.truncate(length);
        (left == 0).then_some((goal, error))
    }

    /// Fits the kept columns. The relative error is 0 unless [`Elimination::energy`] was called.
    ///
    /// # Errors
    /// [`Error::NotPositiveDefinite`] if G_λ of the kept columns cannot be factored.
    pub fn finish(self) -> Result<Outcome, Error> {
        self.finish_observed(false, &mut |_| ControlFlow::Continue(()))
    }

    /// Like [`Self::finish`], but reports the swaps that precede the fit. If `with_energy`, E‖y‖² is computed
    /// from the fit.
    fn finish_observed(
        self,
        with_energy: bool,
        observe: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Outcome, Error> {
        let part = self.part;
        let mut removed = self.removed();
        let mut whole = if removed.is_empty() { 0.0 } else { self.energy.unwrap_or(0.0) };
        let (damped, hessian, path, first_scores) = self.close();
        let step_errors: Vec<f64> = path.iter().map(|removal| removal.error).collect();
        let relative = |error: f64| if whole > 0.0 { error / whole } else { 0.0 };
        let mut relative_error = relative(step_errors.iter().sum());
        let mut refined = None;
        if part.refine == Refine::Swaps && !removed.is_empty() {
            let refinement = refine(part, &damped, (removed, hessian.damping_used, path.len()), observe)?;
            let (swaps, error_before) = (refinement.swaps, relative(refinement.error_before));
            let error_after = relative(refinement.error_after);
            relative_error = if swaps > 0 { error_after } else { relative_error };
            refined = Some(Refined { swaps, error_before, error_after });
            removed = refinement.removed;
        }
        let mut left = vec![false; part.unit_count()];
        for &unit in &removed {
            left[unit] = true;
        }
        let kept: Vec<usize> = (0..left.len()).filter(|&unit| !left[unit]).collect();
        let width = part.units.width();
        let columns = |gone: bool| -> Vec<usize> {
            (0..part.n()).filter(|&column| left[column / width] == gone).collect()
        };
        let weight = if removed.is_empty() || !part.compensate {
            originals(part, &columns(false))
        } else {
            refit(part, &damped, &columns(false), &columns(true))
                .map_err(|input| Error::NotPositiveDefinite { damping: hessian.damping_used, input })?
        };
        if with_energy {
            let (fit, error) = ((&columns(false)[..], &weight[..]), step_errors.iter().sum());
            whole = if part.in_f32() {
                energy_after_fit::<f32>(part, &damped, fit, error)
            } else {
                energy_after_fit::<f64>(part, &damped, fit, error)
            };
            relative_error = if whole > 0.0 { error / whole } else { 0.0 };
        }
        let group_sizes = path.iter().map(|removal| removal.units.len()).collect();
        let scheduled = None;
        Ok(Outcome {
            kept,
            removed,
            step_errors,
            group_sizes,
            relative_error,
            energy: whole,
            refined,
            scheduled,
            weight,
            hessian,
            first_scores,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prune::GroupSize;
    use crate::prune::{Moment, Units};

    #[test]
    fn raised_damping_is_reported_before_the_restart() {
        let moment = Moment::from_row_major(2, vec![1.0, 0.0, 0.0, 1.0]).unwrap();
        let units = Units::Channels { group_size: GroupSize::Exact };
        let weight = &[1.0, 2.0][..];
        let part = PruneProblem {
            solver_dtype: SolverDtype::F32,
            ..PruneProblem::new(weight, 1, &moment, units, 1)
        };
        let mut reports = Vec::new();
        let mut observe = |progress: Progress| {
            reports.push(match progress {
                Progress::DampingRaised { from, to, .. } => format!("raised {from} {to}"),
                Progress::Removed { step, .. } => format!("step {step}"),
                Progress::Swapped { swaps, .. } => format!("swap {swaps}"),
                Progress::PrecisionRaised { .. } => "in f64".into(),
                Progress::Statistics { .. } => "statistics".into(),
            });
            ControlFlow::Continue(())
        };
        // Simulates rounding that makes P indefinite after a batch. No small moment causes this reliably.
        let last = raising_damping(&part, &mut observe, |_, damping, observe| {
            let look = Look::new(false, &|| None);
            let removed = Progress::Removed { step: 0, units: &[1], error: 0.0, group_size: 1, look };
            emit(observe, 1, removed)?;
            if damping < 1.0 { Err(Error::NotPositiveDefinite { damping, input: 0 }) } else { Ok(damping) }
        });
        assert_eq!(last, Ok(1.0));
        assert_eq!(
            reports,
            ["step 0", "in f64", "step 0", "raised 0.01 0.1", "step 0", "raised 0.1 1", "step 0"]
        );
    }

    #[test]
    fn the_fit_gives_the_same_relative_errors_as_the_energy_at_the_start() {
        use crate::prune::slow;
        let (rows, n) = (12, 40);
        let moment = {
            let mut g: Vec<f64> = slow::rows(n, &{
                let moment = slow::moment(1, n, 60);
                (0..n * n).map(|k| moment.at((k / n).max(k % n), (k / n).min(k % n))).collect::<Vec<_>>()
            })
            .concat();
            // A dead input.
            (0..n).for_each(|k| (g[5 * n + k], g[k * n + 5]) = (0.0, 0.0));
            Moment::from_row_major(n, g).unwrap()
        };
        let weight = slow::random_f32(3, rows * n);
        let units = Units::Channels { group_size: GroupSize::default() };
        for dtype in [SolverDtype::F32, SolverDtype::F64] {
            let part = PruneProblem {
                damping: 0.05,
                scheduled: Some(13),
                solver_dtype: dtype,
                ..PruneProblem::new(&weight, rows, &moment, units, 17)
            };
            let [at_start, after] = [true, false].map(|at_start| {
                let outcome =
                    solve(&part, part.damping, at_start, &mut |_| ControlFlow::Continue(())).unwrap();
                [outcome.energy, outcome.relative_error, outcome.scheduled.unwrap().relative_error]
            });
            let tolerance = if part.in_f32() { 1e-5 } else { 1e-12 };
            for (at_start, after) in at_start.iter().zip(after) {
                assert!((after / at_start - 1.0).abs() < tolerance, "{after} instead of {at_start}");
            }
        }
    }
}
