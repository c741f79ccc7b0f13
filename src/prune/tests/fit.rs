//! Tests of the fit of the kept columns, against the path and the slow formula.

use super::*;

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
