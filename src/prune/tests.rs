//! Tests of the method on random weights, against the slow formulas.

use std::ops::ControlFlow;

use super::damping::Damped;
use super::slow::{self, Rows};
use super::*;
use crate::prune::{GroupSize, HeadScore, Refine, Score, SolverDtype};

mod baselines;
mod fit;
mod precision;
mod swaps;

const ROWS: usize = 10;

struct Case {
    weight: Vec<f32>,
    moment: Moment,
    n: usize,
}

impl Case {
    fn new(seed: u64, n: usize) -> Self {
        let weight = slow::random_f32(seed, ROWS * n);
        Self { weight, moment: slow::moment(seed + 7, n, 3 * n), n }
    }

    /// A case with inputs that are always 0.
    fn with_dead(seed: u64, n: usize, dead: &[usize]) -> Self {
        let case = Self::new(seed, n);
        let values = case.g().concat().into_iter().enumerate();
        let kill = |(k, value)| if dead.contains(&(k / n)) || dead.contains(&(k % n)) { 0.0 } else { value };
        let moment = Moment::from_row_major(n, values.map(kill).collect()).unwrap();
        Self { moment, ..case }
    }

    fn part(&self, units: Units, remove: usize) -> PruneProblem<'_> {
        let (weight, moment) = (&self.weight[..], &self.moment);
        PruneProblem::new(weight, ROWS, moment, units, remove)
    }

    fn w(&self) -> Rows {
        let values: Vec<f64> = self.weight.iter().map(|&value| f64::from(value)).collect();
        slow::rows(self.n, &values)
    }

    fn g(&self) -> Rows {
        (0..self.n).map(|i| (0..self.n).map(|j| self.moment.at(i, j)).collect()).collect()
    }

    fn damped(&self) -> Damped<'_> {
        Damped::new(&self.moment, 0.01)
    }
}

fn heads(width: usize, score: HeadScore) -> Units {
    Units::Heads { width, score, per_group: None }
}

fn channels(group_size: GroupSize) -> Units {
    Units::Channels { group_size }
}

fn run(part: &PruneProblem) -> Outcome {
    prune(part, &mut |_| ControlFlow::Continue(())).unwrap()
}

fn columns(units: &[usize], width: usize) -> Vec<usize> {
    units.iter().flat_map(|unit| unit * width..(unit + 1) * width).collect()
}

fn assert_near(found: f64, expected: f64) {
    assert!((found - expected).abs() <= 1e-8 * expected.abs().max(1.0), "{found} for {expected}");
}

fn every_kind() -> Vec<(Units, usize)> {
    vec![
        (heads(4, HeadScore::Exact), 5),
        (heads(4, HeadScore::GroupedCholesky), 3),
        (heads(8, HeadScore::Diagonal), 2),
        (channels(GroupSize::Dynamic), 21),
        (channels(GroupSize::Reference), 30),
        (channels(GroupSize::Fixed(3)), 11),
        (channels(GroupSize::Exact), 25),
    ]
}

#[test]
fn step_errors_add_up_to_the_error_of_the_layer() {
    for compensate in [true, false] {
        for (seed, (units, remove)) in every_kind().into_iter().enumerate() {
            let case = Case::new(seed as u64, 32);
            let outcome = run(&PruneProblem { compensate, ..case.part(units, remove) });
            let kept = columns(&outcome.kept, units.width());
            let fitted = slow::rows(kept.len(), &outcome.weight);
            let error = slow::change_error(&case.w(), &case.damped(), &kept, &fitted);
            assert_near(outcome.step_errors.iter().sum(), error);
            let g: Rows = case.g();
            assert_near(outcome.relative_error, error / slow::energy(&case.w(), &g));
        }
    }
}

#[test]
fn every_step_has_the_error_of_its_definition() {
    for (seed, (units, remove)) in every_kind().into_iter().enumerate() {
        let case = Case::new(seed as u64 + 20, 32);
        let part = case.part(units, remove);
        let mut elimination = Elimination::start(&part, 0.01).unwrap();
        let mut active: Vec<usize> = (0..case.n).collect();
        while let Some(removal) = elimination.step().unwrap() {
            let leaving = columns(&removal.units, units.width());
            assert_near(removal.error, slow::cost(&case.w(), &case.damped(), &active, &leaving));
            active.retain(|column| !leaving.contains(column));
        }
    }
}

#[test]
fn blocks_of_single_removals_equal_batches_of_one() {
    // More steps than fit into one block.
    for compensate in [true, false] {
        let case = Case::new(60, 150);
        let part = |kind| PruneProblem { compensate, ..case.part(channels(kind), 140) };
        let (blocks, plain) = (run(&part(GroupSize::Exact)), run(&part(GroupSize::Fixed(1))));
        assert_eq!(blocks.removed, plain.removed);
        blocks.step_errors.iter().zip(&plain.step_errors).for_each(|(&a, &b)| assert_near(a, b));
        blocks.first_scores.iter().zip(&plain.first_scores).for_each(|(&a, &b)| assert_near(a, b));
        assert_eq!(blocks.weight, plain.weight);
    }
}

#[test]
fn the_exact_score_is_the_cost_of_the_first_step() {
    for units in [heads(4, HeadScore::Exact), channels(GroupSize::Exact), channels(GroupSize::Fixed(1))] {
        let case = Case::new(80, 32);
        let outcome = run(&case.part(units, 3));
        let lowest = outcome.first_scores.iter().copied().fold(f64::INFINITY, f64::min);
        assert_near(outcome.step_errors[0], lowest);
        assert_near(outcome.first_scores[outcome.removed[0]], lowest);
    }
}

#[test]
fn every_head_score_is_its_formula() {
    let (width, case) = (4, Case::new(81, 16));
    let all: Vec<usize> = (0..case.n).collect();
    let p = slow::inverse(&slow::sub(&case.damped(), &all, &all));
    for head in 0..4 {
        let c: Vec<usize> = columns(&[head], width);
        let w_c = slow::columns(&case.w(), &c);
        let b: Rows = c.iter().map(|&i| c.iter().map(|&j| p[i][j]).collect()).collect();
        let norm = |j: usize| w_c.iter().map(|row| row[j] * row[j]).sum::<f64>();
        // L_jj² is B_jj minus the contribution of the earlier columns: 1 / ([B[..=j, ..=j]⁻¹]_jj)
        let l_squared = |j: usize| {
            let leading: Rows = b[..=j].iter().map(|row| row[..=j].to_vec()).collect();
            1.0 / slow::inverse(&leading)[j][j]
        };
        let first = |score| run(&case.part(heads(width, score), 1)).first_scores[head];
        assert_near(first(HeadScore::Exact), slow::energy(&w_c, &slow::inverse(&b)));
        assert_near(first(HeadScore::GroupedCholesky), (0..width).map(|j| norm(j) / l_squared(j)).sum());
        assert_near(first(HeadScore::Diagonal), (0..width).map(|j| norm(j) / b[j][j]).sum());
    }
}

#[test]
fn the_same_number_of_query_heads_is_removed_from_every_group() {
    let case = Case::new(82, 48);
    let units = Units::Heads { width: 2, score: HeadScore::Exact, per_group: Some(6) };
    for remove in 0..6 {
        let outcome = run(&case.part(units, remove));
        for group in 0..4 {
            let of_group = outcome.removed.iter().filter(|&&unit| unit / 6 == group);
            assert_eq!(of_group.count(), remove);
        }
        assert_eq!(outcome.kept.len(), 4 * (6 - remove));
    }
    assert_eq!(
        prune(&case.part(units, 6), &mut |_| ControlFlow::Continue(())),
        Err(Error::NothingLeft { units: 6, remove: 6 })
    );
}

#[test]
fn with_one_group_query_heads_are_plain_heads() {
    let case = Case::new(83, 32);
    let grouped = Units::Heads { width: 4, score: HeadScore::Exact, per_group: Some(8) };
    assert_eq!(run(&case.part(grouped, 5)), run(&case.part(heads(4, HeadScore::Exact), 5)));
}

#[test]
fn dead_inputs_are_removed_first_without_cost() {
    let case = Case::with_dead(84, 32, &[3, 17, 30]);
    for kind in [GroupSize::Exact, GroupSize::Fixed(1), GroupSize::Fixed(4)] {
        let outcome = run(&case.part(channels(kind), 10));
        assert_eq!(outcome.removed[..3], [3, 17, 30]);
        assert_eq!(outcome.hessian.dead, 3);
        if kind != GroupSize::Fixed(4) {
            assert_eq!(outcome.step_errors[..3], [0.0; 3]);
        }
    }
    let outcome = run(&case.part(channels(GroupSize::Exact), 2));
    let dead = outcome.kept.iter().position(|&unit| unit == 30).unwrap();
    assert!((0..ROWS).all(|row| outcome.weight[row * outcome.kept.len() + dead] == 0.0));
    assert_eq!(outcome.relative_error, 0.0);
}

#[test]
fn damping_rises_until_a_singular_moment_can_be_factored() {
    let n = 12;
    // There are fewer tokens than inputs, and every input occurs twice.
    let half = slow::random(85, 3 * n / 2);
    let x: Rows = half.chunks(n / 2).map(|x| [x, x].concat()).collect();
    let entry = |k: usize| x.iter().map(|x| x[k / n] * x[k % n]).sum::<f64>() / 3.0;
    let case = Case {
        weight: slow::random_f32(86, ROWS * n),
        moment: Moment::from_row_major(n, (0..n * n).map(entry).collect()).unwrap(),
        n,
    };
    for kind in [GroupSize::Exact, GroupSize::Fixed(2)] {
        let mut raised = Vec::new();
        let outcome =
            prune(&PruneProblem { damping: 0.0, ..case.part(channels(kind), 6) }, &mut |progress| {
                if let Progress::DampingRaised { from, to, reason } = progress {
                    assert!(reason.contains("not positive definite"));
                    raised.push((from, to));
                }
                ControlFlow::Continue(())
            })
            .unwrap();
        assert_eq!(raised[0], (0.0, 1e-6));
        assert_eq!(outcome.hessian.damping_used, raised[raised.len() - 1].1);
        assert!(outcome.weight.iter().all(|value| value.is_finite()));
    }
}

#[test]
fn an_indefinite_moment_fails_after_a_damping_of_one() {
    let n = 4;
    let values = (0..n * n).map(|k| if k % (n + 1) == 0 { 1.0 } else { 5.0 }).collect();
    let moment = Moment::from_row_major(n, values).unwrap();
    let case = Case { weight: vec![1.0; ROWS * n], moment, n };
    let mut tried = Vec::new();
    let error = prune(&case.part(channels(GroupSize::Dynamic), 1), &mut |progress| {
        if let Progress::DampingRaised { to, .. } = progress {
            tried.push(to);
        }
        ControlFlow::Continue(())
    });
    assert_eq!(error, Err(Error::NotPositiveDefinite { damping: 1.0, input: 1 }));
    assert_eq!(tried, [0.1, 1.0]);
}

#[test]
fn shapes_that_do_not_fit_are_refused() {
    let case = Case::new(87, 12);
    let check = |part: PruneProblem| prune(&part, &mut |_| ControlFlow::Continue(())).unwrap_err();
    let part = || case.part(channels(GroupSize::Dynamic), 2);
    assert_eq!(
        check(case.part(channels(GroupSize::Exact), 12)),
        Error::NothingLeft { units: 12, remove: 12 }
    );
    assert_eq!(check(case.part(heads(5, HeadScore::Exact), 1)), Error::UnitWidth { columns: 12, width: 5 });
    assert!(matches!(check(case.part(heads(0, HeadScore::Exact), 1)), Error::UnitWidth { .. }));
    assert_eq!(check(case.part(channels(GroupSize::Fixed(0)), 1)), Error::EmptyGroup);
    let units = Units::Heads { width: 2, score: HeadScore::Exact, per_group: Some(4) };
    assert_eq!(check(case.part(units, 1)), Error::HeadGroups { units: 6, per_group: 4 });
    assert!(matches!(check(PruneProblem { damping: f64::NAN, ..part() }), Error::Damping(_)));
    assert!(matches!(check(PruneProblem { rows: 3, ..part() }), Error::Shape { what: "weight", .. }));
    assert!(matches!(
        check(PruneProblem { target: Some(&[1.0]), ..part() }),
        Error::Shape { what: "target", .. }
    ));
    let mut weight = case.weight.clone();
    weight[2 * 12 + 5] = f32::INFINITY;
    let infinite = check(PruneProblem { weight: &weight, ..part() });
    assert_eq!(infinite, Error::NotFinite { what: "weight", row: 2, column: 5, value: f64::INFINITY });
}

#[test]
fn a_break_cancels_between_two_steps() {
    let case = Case::new(88, 24);
    let mut steps = 0;
    let cancelled = prune(&case.part(channels(GroupSize::Exact), 10), &mut |progress| {
        if let Progress::Removed { step, .. } = progress {
            steps = step + 1;
        }
        if steps == 4 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert_eq!((cancelled, steps), (Err(Error::Cancelled { steps: 4 }), 4));
}

#[test]
fn removing_nothing_changes_nothing() {
    let case = Case::new(89, 16);
    let outcome = run(&case.part(heads(4, HeadScore::Exact), 0));
    let weight: Vec<f64> = case.weight.iter().map(|&value| f64::from(value)).collect();
    assert_eq!((outcome.weight, outcome.relative_error), (weight, 0.0));
    assert_eq!((outcome.kept, outcome.first_scores.len()), (vec![0, 1, 2, 3], 4));
    assert!(outcome.hessian.condition >= 1.0);
}

#[test]
fn without_compensation_the_kept_columns_are_the_originals() {
    let case = Case::new(90, 32);
    for (units, remove) in every_kind() {
        let outcome = run(&PruneProblem { compensate: false, ..case.part(units, remove) });
        let kept = columns(&outcome.kept, units.width());
        assert_eq!(outcome.weight, slow::columns(&case.w(), &kept).concat());
    }
}

#[test]
fn a_target_pulls_the_kept_columns_towards_it() {
    let case = Case::new(91, 20);
    let target = slow::random(92, ROWS * case.n);
    let part = case.part(channels(GroupSize::Fixed(4)), 8);
    let outcome = run(&PruneProblem { target: Some(&target), ..part.clone() });
    assert_eq!(outcome.kept, run(&part).kept);
    let damped = case.damped();
    let obs = slow::refit(&case.w(), &damped, &outcome.kept);
    let mut wanted = slow::columns(&slow::rows(case.n, &target), &outcome.kept);
    for (wanted, obs) in wanted.iter_mut().flatten().zip(obs.iter().flatten()) {
        *wanted += damped.lambda * obs;
    }
    let inverse = slow::inverse(&slow::sub(&damped, &outcome.kept, &outcome.kept));
    let expected = slow::times(&wanted, &inverse).concat();
    outcome.weight.iter().zip(&expected).for_each(|(&a, &b)| assert_near(a, b));
}

#[test]
fn the_layers_own_output_as_target_changes_nothing() {
    // T = W G: the dense stream is the pruned one
    let case = Case::new(93, 20);
    let g: Rows = case.g();
    let target = slow::times(&case.w(), &g).concat();
    let part = case.part(channels(GroupSize::Fixed(4)), 8);
    let (own, plain) = (run(&PruneProblem { target: Some(&target), ..part.clone() }), run(&part));
    let damped = case.damped();
    let inverse = slow::inverse(&slow::sub(&damped, &plain.kept, &plain.kept));
    // The only difference: λ pulls towards W_OBS, not towards W.
    let w_kept = slow::columns(&case.w(), &plain.kept).concat();
    let pull: Vec<f64> = w_kept.iter().zip(&plain.weight).map(|(w, obs)| damped.lambda * (obs - w)).collect();
    let pull = slow::times(&slow::rows(plain.kept.len(), &pull), &inverse).concat();
    for ((&own, &plain), pull) in own.weight.iter().zip(&plain.weight).zip(pull) {
        assert_near(own, plain + pull);
    }
}

#[test]
fn equal_inputs_give_equal_bits() {
    let case = Case::new(94, 150);
    for (units, remove) in [(heads(10, HeadScore::Exact), 8), (channels(GroupSize::Exact), 100)] {
        let part = case.part(units, remove);
        assert!(run(&part) == run(&part));
    }
}

#[test]
fn any_number_of_threads_gives_equal_bits() {
    let case = Case::new(96, 320);
    for (units, remove) in [(heads(40, HeadScore::Exact), 4), (channels(GroupSize::Dynamic), 150)] {
        let part = case.part(units, remove);
        let of = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| run(&part))
        };
        assert!(of(1) == of(3), "{units:?}");
    }
}

#[test]
fn the_lowest_index_is_removed_first_on_a_tie() {
    let n = 8;
    let values = (0..n * n).map(|k| if k % (n + 1) == 0 { 1.0 } else { 0.0 }).collect();
    let moment = Moment::from_row_major(n, values).unwrap();
    let case = Case { weight: vec![1.0; ROWS * n], moment, n };
    for kind in [GroupSize::Exact, GroupSize::Fixed(1), GroupSize::Fixed(3)] {
        assert_eq!(run(&case.part(channels(kind), 5)).removed, [0, 1, 2, 3, 4]);
    }
    assert_eq!(run(&case.part(heads(2, HeadScore::Exact), 3)).removed, [0, 1, 2]);
}

#[test]
fn the_path_continues_past_its_first_goal() {
    let case = Case::new(95, 32);
    for (units, first, last) in [(heads(4, HeadScore::Exact), 2, 6), (channels(GroupSize::Exact), 5, 20)] {
        let part = case.part(units, first);
        let mut elimination = Elimination::start(&part, part.damping).unwrap();
        while elimination.step().unwrap().is_some() {}
        assert_eq!(elimination.path().len(), first);
        elimination.aim(last).unwrap();
        while elimination.step().unwrap().is_some() {}
        let (on, at_once) = (elimination.finish().unwrap(), run(&case.part(units, last)));
        assert_eq!((on.removed, on.step_errors), (at_once.removed, at_once.step_errors));
        assert_eq!(on.weight, at_once.weight);
    }
}

#[test]
fn the_statistics_are_those_of_twice_the_moment() {
    let values = vec![1.0, 0.0, 0.0, 0.0, 3.0, 0.0, 0.0, 0.0, 0.0];
    let moment = Moment::from_row_major(3, values).unwrap();
    let case = Case { weight: vec![1.0; ROWS * 3], moment, n: 3 };
    let stats = run(&case.part(channels(GroupSize::Exact), 1)).hessian;
    assert_eq!((stats.trace, stats.diag_min, stats.diag_max, stats.dead), (8.0, 0.0, 6.0, 1));
    assert_eq!((stats.diag_mean, stats.damping_used), (8.0 / 3.0, 0.01));
}

#[test]
fn the_error_of_a_scheduled_count_equals_that_of_its_own_run_and_changes_nothing() {
    let case = Case::new(41, 48);
    let all = [
        (heads(4, HeadScore::Exact), 5, 3),
        (heads(4, HeadScore::Exact), 5, 8),
        (Units::Channels { group_size: GroupSize::Exact }, 20, 13),
        (Units::Channels { group_size: GroupSize::Exact }, 20, 31),
        (Units::Channels { group_size: GroupSize::Fixed(4) }, 20, 40),
    ];
    for (units, remove, scheduled) in all {
        let solve = |part: PruneProblem| prune(&part, &mut |_| ControlFlow::Continue(())).unwrap();
        let plain = solve(case.part(units, remove));
        let with_scheduled = solve(PruneProblem { scheduled: Some(scheduled), ..case.part(units, remove) });
        let own = solve(case.part(units, scheduled)).relative_error;
        let found = with_scheduled.scheduled.unwrap();
        assert_eq!(found.removed, scheduled);
        assert!((found.relative_error - own).abs() <= 1e-9 * own, "{units:?}: {found:?} is not {own}");
        assert_eq!(Outcome { scheduled: None, ..with_scheduled }, plain);
    }
}

#[test]
fn the_error_between_two_batches_is_interpolated_linearly() {
    let case = Case::new(43, 40);
    let units = Units::Channels { group_size: GroupSize::Fixed(10) };
    let part = PruneProblem { scheduled: Some(14), ..case.part(units, 20) };
    let outcome = prune(&part, &mut |_| ControlFlow::Continue(())).unwrap();
    let sum: f64 = outcome.step_errors.iter().sum();
    let expected = (outcome.step_errors[0] + 0.4 * outcome.step_errors[1]) / sum * outcome.relative_error;
    let found = outcome.scheduled.unwrap().relative_error;
    assert!((found - expected).abs() <= 1e-12, "{found} is not {expected}");
}
