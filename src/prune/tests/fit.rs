//! Tests of the fit of the kept columns, against the path and the slow formula.

use std::time::Instant;

use faer::{Accum, Mat};

use super::*;
use crate::product::multiply;
use crate::prune::inverse::cholesky;
use crate::prune::number::Number;
use crate::prune::triangles::{solve_lower, solve_upper};

#[test]
fn the_refit_equals_the_result_of_the_down_dates() {
    for (seed, (units, remove)) in every_kind().into_iter().enumerate() {
        let case = Case::new(seed as u64 + 40, 32);
        let part = case.part(units, remove);
        let mut elimination = Elimination::start(&part, 0.01).unwrap();
        while elimination.step().unwrap().is_some() {}
        let compensated = elimination.compensated();
        let outcome = elimination.finish().unwrap();
        let kept = columns(&outcome.kept, units.width());
        if let Some((active, weight)) = compensated {
            assert_eq!(active, kept);
            weight.iter().zip(&outcome.weight).for_each(|(&a, &b)| assert_near(a, b));
        }
        let slow = slow::refit(&case.w(), &case.damped(), &kept).concat();
        outcome.weight.iter().zip(&slow).for_each(|(&a, &b)| assert_near(a, b));
    }
}

#[test]
fn the_fit_is_the_same_with_either_order_of_products() {
    // Fewer removed columns than rows of W, the same number, and more.
    for remove in [1, ROWS, 3 * ROWS] {
        let case = Case::new(300, 5 * ROWS);
        let outcome = run(&case.part(channels(GroupSize::Dynamic), remove));
        let slow = slow::refit(&case.w(), &case.damped(), &outcome.kept).concat();
        outcome.weight.iter().zip(&slow).for_each(|(&a, &b)| assert_near(a, b));
    }
}

/// The alternative to one fit in f64: factor G_AA in f32, and refine the solution with residuals in f64. Both solve
/// G_AA Y = G_AR.
#[test]
#[ignore = "takes a minute; prints the times of a fit in f64 and of one with refinement"]
fn refinement_of_an_f32_fit_is_no_faster_than_a_fit_in_f64() {
    for (kept, gone) in [(3072, 1024), (1229, 307), (1440, 96)] {
        let decay = |i: usize, j: usize| 0.6f64.powi(i.abs_diff(j) as i32);
        let g = Mat::from_fn(kept, kept, |i, j| decay(i, j) + if i == j { 0.01 } else { 0.0 });
        let right = Mat::from_fn(kept, gone, |i, j| ((i * 31 + j * 17) % 23) as f64 / 23.0 - 0.4);
        let in_f64 = || divided(g.clone(), right.clone()).1;
        let refined = || {
            let (l, first) = divided(rounded(&g), rounded(&right));
            let mut y = Mat::from_fn(kept, gone, |i, j| f64::from(first[(i, j)]));
            let mut residual = right.clone();
            multiply(residual.as_mut(), Accum::Add, g.as_ref(), y.as_ref(), -1.0);
            let mut step = rounded(&residual);
            divide(&l, &mut step);
            y += Mat::from_fn(kept, gone, |i, j| f64::from(step[(i, j)]));
            y
        };
        let ((exact, in_f64), (y, refined)) = (best_of_five(&in_f64), best_of_five(&refined));
        let error = (&y - &exact).norm_l2() / exact.norm_l2();
        println!("{kept} kept, {gone} removed: {:.2} × the time, error {error:.1e}", refined / in_f64);
        assert!(error < 1e-9);
    }
}

/// The result and the shortest time in seconds.
fn best_of_five(work: &dyn Fn() -> Mat<f64>) -> (Mat<f64>, f64) {
    let timed = || {
        let began = Instant::now();
        (work(), began.elapsed().as_secs_f64())
    };
    let runs = (0..5).map(|_| timed());
    runs.min_by(|a, b| a.1.total_cmp(&b.1)).unwrap()
}

fn rounded(a: &Mat<f64>) -> Mat<f32> {
    Mat::from_fn(a.nrows(), a.ncols(), |i, j| a[(i, j)] as f32)
}

/// The Cholesky factor of g, and g⁻¹ right.
fn divided<T: Number>(mut g: Mat<T>, mut right: Mat<T>) -> (Mat<T>, Mat<T>) {
    cholesky(g.as_mut()).unwrap();
    divide(&g, &mut right);
    (g, right)
}

fn divide<T: Number>(l: &Mat<T>, right: &mut Mat<T>) {
    solve_lower(l.as_ref(), right.as_mut());
    solve_upper(l.transpose(), right.as_mut());
}
