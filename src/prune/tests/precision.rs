//! Tests of solving in f32 against solving in f64.

use super::*;

#[test]
fn the_path_costs_the_same_in_f32_as_in_f64() {
    let group_sizes = [GroupSize::Dynamic, GroupSize::Exact, GroupSize::Fixed(1)].map(channels);
    let scores = [HeadScore::Exact, HeadScore::GroupedCholesky, HeadScore::Diagonal];
    for units in group_sizes.into_iter().chain(scores.map(|score| heads(10, score))) {
        for compensate in [true, false] {
            let case = Case::new(310, 200);
            let part = PruneProblem { compensate, ..case.part(units, 90 / units.width()) };
            let solved = |solver_dtype| run(&PruneProblem { solver_dtype, ..part.clone() });
            let (single, double) = (solved(SolverDtype::F32), solved(SolverDtype::F64));
            assert_eq!(single.removed, double.removed, "{units:?}");
            let near = |a: f64, b: f64| assert!((a - b).abs() <= 1e-4 * b, "{units:?}: {a} is not {b}");
            near(single.relative_error, double.relative_error);
            single.first_scores.iter().zip(&double.first_scores).for_each(|(&a, &b)| near(a, b));
            single.step_errors.iter().zip(&double.step_errors).for_each(|(&a, &b)| near(a, b));
            near(single.hessian.condition, double.hessian.condition);
            assert!(single.weight == double.weight, "the fit is in f64");
        }
    }
}

#[test]
fn a_moment_that_f32_cannot_factor_is_solved_in_f64_with_the_same_damping() {
    // The last input is the sum of the others, except for a billionth.
    let n = 12;
    let mut mix: Rows = (0..n).map(|i| (0..n).map(|j| f64::from(u8::from(i == j))).collect()).collect();
    mix[n - 1] = (0..n).map(|j| if j == n - 1 { 1e-5 } else { 1.0 }).collect();
    let g = |i: usize, j: usize| (0..n).map(|k| mix[i][k] * mix[j][k]).sum::<f64>();
    let moment = Moment::from_row_major(n, (0..n * n).map(|k| g(k / n, k % n)).collect()).unwrap();
    let weight = slow::random_f32(320, ROWS * n);
    let case = Case::new(0, n);
    let part = PruneProblem {
        moment: &moment,
        weight: &weight,
        damping: 0.0,
        ..case.part(heads(1, HeadScore::Exact), 4)
    };
    let mut reasons = Vec::new();
    let single = PruneProblem { solver_dtype: SolverDtype::F32, ..part.clone() };
    let outcome = prune(&single, &mut |progress| {
        if let Progress::PrecisionRaised { reason } = progress {
            reasons.push(reason);
        }
        ControlFlow::Continue(())
    });
    let outcome = outcome.unwrap();
    assert!(reasons.len() == 1 && reasons[0].contains("not positive definite"), "{reasons:?}");
    assert_eq!(outcome.hessian.damping_used, 0.0);
    assert!(outcome == run(&PruneProblem { solver_dtype: SolverDtype::F64, ..part }));
}
