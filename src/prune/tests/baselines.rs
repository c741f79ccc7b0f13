//! Tests of the scores of baselines.

use super::*;
use crate::names::Named;

fn baselines() -> impl Iterator<Item = Score> {
    Score::ALL.iter().copied().filter(|score| score.is_baseline())
}

fn every_unit() -> [(Units, usize); 5] {
    let query_heads = Units::Heads { width: 2, score: HeadScore::Exact, per_group: Some(8) };
    [
        (heads(4, HeadScore::Exact), 5),
        (query_heads, 3),
        (channels(GroupSize::Dynamic), 21),
        (channels(GroupSize::Fixed(3)), 11),
        (channels(GroupSize::Exact), 25),
    ]
}

#[test]
fn units_with_the_lowest_scores_are_removed_and_scores_do_not_change() {
    for score in baselines() {
        let case = Case::new(500, 32);
        for (units, remove) in every_unit() {
            let outcome = run(&PruneProblem { score, ..case.part(units, remove) });
            let scores = &outcome.first_scores;
            match units {
                Units::Heads { per_group: Some(per_group), .. } => {
                    for group in scores.chunks(per_group).zip(0..) {
                        let (scores, first) = (group.0, group.1 * per_group);
                        let mut order: Vec<usize> = (0..per_group).collect();
                        order.sort_by(|&a, &b| scores[a].total_cmp(&scores[b]));
                        let left = outcome.removed.iter().filter(|&&unit| unit / per_group == group.1);
                        let left: Vec<usize> = left.map(|unit| unit - first).collect();
                        assert_eq!(left, order[..remove]);
                    }
                }
                Units::Heads { per_group: None, .. } | Units::Channels { .. } => {
                    let mut order: Vec<usize> = (0..scores.len()).collect();
                    order.sort_by(|&a, &b| scores[a].total_cmp(&scores[b]));
                    assert_eq!(outcome.removed, order[..remove], "{score:?}, {units:?}");
                }
            }
        }
    }
}

#[test]
fn errors_are_exact_and_the_kept_columns_are_fitted() {
    for score in baselines() {
        for compensate in [true, false] {
            let case = Case::new(501, 32);
            for (units, remove) in every_unit() {
                let outcome = run(&PruneProblem { score, compensate, ..case.part(units, remove) });
                let kept = columns(&outcome.kept, units.width());
                let fitted = slow::rows(kept.len(), &outcome.weight);
                let error = slow::change_error(&case.w(), &case.damped(), &kept, &fitted);
                assert_near(outcome.step_errors.iter().sum(), error);
                let expected = match compensate {
                    true => slow::refit(&case.w(), &case.damped(), &kept).concat(),
                    false => slow::columns(&case.w(), &kept).concat(),
                };
                outcome.weight.iter().zip(&expected).for_each(|(&a, &b)| assert_near(a, b));
            }
        }
    }
}

#[test]
fn a_random_order_depends_only_on_the_seed() {
    let case = Case::new(502, 40);
    let part =
        |seed| PruneProblem { score: Score::Random, seed, ..case.part(channels(GroupSize::Dynamic), 20) };
    assert!(run(&part(3)) == run(&part(3)));
    assert_ne!(run(&part(3)).removed, run(&part(4)).removed);
}

#[test]
fn a_constant_input_has_no_variance() {
    let mut moment = SecondMoment::new(2);
    moment.add(&[3.0, 1.0, 3.0, -1.0]).unwrap();
    let moment = moment.finish().unwrap();
    assert_eq!((moment.mean(0), moment.mean(1)), (3.0, 0.0));
    assert_eq!((moment.variance(0), moment.variance(1)), (0.0, 1.0));
    assert!(moment.clone().with_mean(vec![1.0]).is_err());
    assert!(moment.with_mean(vec![1.0, f64::NAN]).is_err());
}
