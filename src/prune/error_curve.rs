//! The error at every ratio: the elimination path, continued to its end.

use std::ops::ControlFlow;

use super::outcome::raising_damping;
use super::{Elimination, Error, Progress, PruneProblem};

/// Number of goals between the planned number of units and the maximum. A curve has at least this many points
/// past the plan for any group size, or one per unit if fewer units are left.
const STAGES: usize = 24;
/// Maximum number of points on a curve, not counting one per stage.
const MOST_POINTS: usize = 512;

/// The error curve of a part: (units removed, sum of the step errors so far over E‖y‖²), from (0, 0) to the
/// maximum number of removed units.
///
/// Up to [`PruneProblem::remove`] it is the path of [`super::prune()`], batch by batch. From there it
/// continues in stages. Each has its own goal, so a group size that shrinks towards its goal still gives
/// points everywhere. Every error is the exact cost of this path. `observe` receives [`Progress::Removed`],
/// and [`Progress::DampingRaised`] when the path starts again.
///
/// # Errors
/// As for [`super::prune()`].
pub fn error_curve(
    part: &PruneProblem,
    observe: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<Vec<(usize, f64)>, Error> {
    raising_damping(part, observe, follow)
}

fn follow(
    part: &PruneProblem,
    damping: f64,
    observe: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<Vec<(usize, f64)>, Error> {
    let mut elimination = Elimination::start(part, damping)?;
    let energy = elimination.energy();
    let relative = |error: f64| if energy > 0.0 { error / energy } else { 0.0 };
    let apart = part.unit_count() / MOST_POINTS;
    let mut points = vec![(0, 0.0)];
    let (mut removed, mut sum, mut step, mut last) = (0, 0.0, 0, 0);
    for goal in goals(part.remove, part.most()) {
        elimination.aim(goal)?;
        let met = part.total(goal);
        while let Some(removal) = elimination.step()? {
            removed += removal.units.len();
            sum += removal.error;
            if removed >= met || removed - last >= apart {
                points.push((removed, relative(sum)));
                last = removed;
            }
            elimination.report(step, observe)?;
            step += 1;
        }
    }
    Ok(points)
}

/// The planned number first, then equal stages up to `most`. Some goals coincide if there are fewer units
/// than stages.
fn goals(asked: usize, most: usize) -> impl Iterator<Item = usize> {
    (0..=STAGES).map(move |stage| asked + (most - asked) * stage / STAGES)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prune::slow::random_f32;
    use crate::prune::{GroupSize, HeadScore};
    use crate::prune::{Moment, SecondMoment, Units, prune};

    const ROWS: usize = 6;
    const N: usize = 60;

    fn moment() -> Moment {
        let mut moment = SecondMoment::new(N);
        moment.add(&random_f32(5, 200 * N)).unwrap();
        moment.finish().unwrap()
    }

    fn part<'a>(weight: &'a [f32], moment: &'a Moment, units: Units, remove: usize) -> PruneProblem<'a> {
        PruneProblem::new(weight, ROWS, moment, units, remove)
    }

    #[test]
    fn a_curve_ascends_from_zero_to_all_but_one_unit_through_the_point_of_the_run() {
        let (weight, moment) = (random_f32(6, ROWS * N), moment());
        let fixed = [1, 7, 64].map(GroupSize::Fixed);
        for kind in [GroupSize::Dynamic, GroupSize::Reference, GroupSize::Exact].into_iter().chain(fixed) {
            for remove in [0, 1, 20, 50, N - 1] {
                let part = part(&weight, &moment, Units::Channels { group_size: kind }, remove);
                let curve = error_curve(&part, &mut |_| ControlFlow::Continue(())).unwrap();
                assert_eq!((curve[0], curve[curve.len() - 1].0), ((0, 0.0), N - 1));
                assert!(curve.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 <= pair[1].1));
                let past = curve.iter().filter(|point| point.0 > remove).count();
                assert!(past >= STAGES.min(N - 1 - remove), "{kind}: {past} points past {remove}");
                let own = prune(&part, &mut |_| ControlFlow::Continue(())).unwrap().relative_error;
                let through = curve.iter().find(|point| point.0 == remove).unwrap().1;
                assert!((through - own).abs() <= 1e-12 * own, "{kind}: {through} is not {own}");
            }
        }
    }

    #[test]
    fn every_group_keeps_a_head() {
        let (weight, moment) = (random_f32(7, ROWS * N), moment());
        let units = Units::Heads { width: 5, score: HeadScore::Exact, per_group: Some(4) };
        let curve =
            error_curve(&part(&weight, &moment, units, 1), &mut |_| ControlFlow::Continue(())).unwrap();
        assert_eq!(curve.iter().map(|point| point.0).collect::<Vec<_>>(), (0..=9).collect::<Vec<_>>());
    }

    #[test]
    fn a_curve_can_be_cancelled() {
        let (weight, moment) = (random_f32(8, ROWS * N), moment());
        let part = part(&weight, &moment, Units::Channels { group_size: GroupSize::Exact }, 10);
        let cancelled = error_curve(&part, &mut |_| ControlFlow::Break(()));
        assert_eq!(cancelled, Err(Error::Cancelled { steps: 1 }));
    }
}
