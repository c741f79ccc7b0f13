//! Tests of swaps of removed and kept units, against brute force over all pairs.

use super::*;
use crate::prune::candidates::{Fit, fitted, uncompensated};
use crate::prune::swaps::Swap;

fn every_unit() -> [(Units, usize); 5] {
    let query_heads = Units::Heads { width: 2, score: HeadScore::Exact, per_group: Some(4) };
    [
        (heads(4, HeadScore::Exact), 3),
        (heads(3, HeadScore::Diagonal), 6),
        (query_heads, 2),
        (channels(GroupSize::Dynamic), 9),
        (channels(GroupSize::Exact), 15),
    ]
}

/// tr(ΔW G_λ ΔWᵀ) without the other units, by definition.
fn error(case: &Case, compensate: bool, kept: &[usize]) -> f64 {
    let (w, damped) = (case.w(), case.damped());
    let fitted = if compensate { slow::refit(&w, &damped, kept) } else { slow::columns(&w, kept) };
    slow::change_error(&w, &damped, kept, &fitted)
}

/// All swaps of a removed and a kept unit: (back, out, error afterwards).
fn all_swaps(case: &Case, part: &PruneProblem, removed: &[usize]) -> Vec<(usize, usize, f64)> {
    let group = |unit: usize| match part.units {
        Units::Heads { per_group: Some(per_group), .. } => unit / per_group,
        Units::Heads { per_group: None, .. } | Units::Channels { .. } => 0,
    };
    let units = part.unit_count();
    let kept: Vec<usize> = (0..units).filter(|unit| !removed.contains(unit)).collect();
    let mut swaps = Vec::new();
    for &back in removed {
        for &out in kept.iter().filter(|&&out| group(out) == group(back)) {
            let stay: Vec<usize> =
                (0..units).filter(|&u| u != out && (u == back || kept.contains(&u))).collect();
            let stay = columns(&stay, part.units.width());
            swaps.push((back, out, error(case, part.compensate, &stay)));
        }
    }
    swaps
}

fn field<'p>(part: &'p PruneProblem<'p>, damped: &'p Damped<'p>, removed: &[usize]) -> Fit<'p> {
    if part.compensate {
        Fit::Fitted(fitted(part, damped, removed).unwrap())
    } else {
        Fit::Uncompensated(uncompensated(part, damped, removed))
    }
}

#[test]
fn the_best_swap_is_the_best_of_all_pairs_and_its_change_is_exact() {
    for compensate in [true, false] {
        for (seed, (units, remove)) in (600..).zip(every_unit()) {
            let mut case = Case::with_dead(seed, 24, &[5]);
            case.weight.iter_mut().skip(5).step_by(24).for_each(|w| *w = 0.0);
            // A random set is far from the best one, so many swaps lower the error.
            let part = PruneProblem { score: Score::Random, seed, compensate, ..case.part(units, remove) };
            let mut removed = run(&part).removed;
            let damped = case.damped();
            let fit = field(&part, &damped, &removed);
            let stay: Vec<usize> = (0..part.unit_count()).filter(|u| !removed.contains(u)).collect();
            let mut now = error(&case, compensate, &columns(&stay, units.width()));
            assert_near(fit.error(), now);
            let mut field = fit.candidates();
            assert!(field.whole);
            let group = |unit: usize| match units {
                Units::Heads { per_group: Some(per_group), .. } => unit / per_group,
                Units::Heads { per_group: None, .. } | Units::Channels { .. } => 0,
            };
            // Several swaps in a row check the state after each swap as well.
            for _ in 0..4 {
                let own = field.units.clone();
                let best = field.best(|back, out| group(own[back]) == group(own[out])).unwrap();
                let Swap { back, out, change } = best;
                let swaps = all_swaps(&case, &part, &removed);
                let least = swaps.iter().map(|swap| swap.2).fold(f64::INFINITY, f64::min);
                assert_near(now + change, least);
                let (back, out) = (own[back], own[out]);
                let of_pair = swaps.iter().find(|swap| (swap.0, swap.1) == (back, out)).unwrap().2;
                assert_near(now + change, of_pair);
                assert!(field.swap(best));
                removed.retain(|&unit| unit != back);
                removed.push(out);
                now += change;
            }
        }
    }
}

#[test]
fn swaps_never_raise_the_error_and_end_when_no_pair_lowers_it() {
    for score in [Score::Obs, Score::Magnitude, Score::Random] {
        for compensate in [true, false] {
            for (seed, (units, remove)) in (620..).zip(every_unit()) {
                let case = Case::new(seed, 24);
                let plain = PruneProblem { score, compensate, ..case.part(units, remove) };
                let (before, after) =
                    (run(&plain), run(&PruneProblem { refine: Refine::Swaps, ..plain.clone() }));
                let refined = after.refined.unwrap();
                assert_eq!(before.refined, None);
                assert_eq!(before.step_errors, after.step_errors);
                assert_near(refined.error_before, before.relative_error);
                assert!(refined.error_after <= refined.error_before);
                assert!((refined.swaps > 0) == (refined.error_after < refined.error_before));
                assert_near(after.relative_error, refined.error_after);
                assert_eq!(after.removed.len(), before.removed.len());
                // Error, weights and units must be consistent.
                let kept = columns(&after.kept, units.width());
                let fitted = slow::rows(kept.len(), &after.weight);
                let own = slow::change_error(&case.w(), &case.damped(), &kept, &fitted);
                let whole = slow::energy(&case.w(), &case.g());
                assert_near(after.relative_error, own / whole);
                for (back, out, behind) in all_swaps(&case, &plain, &after.removed) {
                    assert!(behind > own * (1.0 - 2e-6), "{score:?} {units:?}: {back} for {out}");
                }
            }
        }
    }
}

#[test]
fn swaps_bring_a_random_choice_near_the_greedy_one() {
    let case = Case::new(640, 40);
    let part = |score, refine| PruneProblem { score, refine, ..case.part(channels(GroupSize::Exact), 20) };
    let error = |score, refine| run(&part(score, refine)).relative_error;
    let (random, swapped) = (error(Score::Random, Refine::None), error(Score::Random, Refine::Swaps));
    let greedy = error(Score::Obs, Refine::None);
    assert!(swapped < 0.6 * random && swapped < 1.1 * greedy, "{random} {swapped} {greedy}");
}

#[test]
fn swaps_give_equal_bits() {
    let case = Case::new(641, 150);
    for (units, remove) in [(heads(10, HeadScore::Exact), 7), (channels(GroupSize::Dynamic), 70)] {
        let part =
            PruneProblem { score: Score::Magnitude, refine: Refine::Swaps, ..case.part(units, remove) };
        let outcome = run(&part);
        assert!(outcome.refined.unwrap().swaps > 0);
        assert!(outcome == run(&part));
    }
}

#[test]
fn a_swapped_unit_takes_the_position_of_the_restored_one() {
    let case = Case::new(642, 24);
    let plain = PruneProblem { score: Score::Random, ..case.part(channels(GroupSize::Exact), 8) };
    let (before, after) = (run(&plain), run(&PruneProblem { refine: Refine::Swaps, ..plain.clone() }));
    let same = before.removed.iter().zip(&after.removed).filter(|(a, b)| a == b).count();
    let shared = before.removed.iter().filter(|unit| after.removed.contains(unit)).count();
    assert_eq!(same, shared);
    assert!(same < 8);
    assert_eq!(after.group_sizes, before.group_sizes);
}

#[test]
fn a_break_ends_the_swaps() {
    let case = Case::new(643, 24);
    let part = PruneProblem {
        score: Score::Random,
        refine: Refine::Swaps,
        ..case.part(channels(GroupSize::Dynamic), 8)
    };
    let mut reports = Vec::new();
    let cancelled = prune(&part, &mut |progress| match progress {
        Progress::Swapped { swaps, removed, error } => {
            reports.push((removed, error));
            if swaps == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        }
        Progress::DampingRaised { .. }
        | Progress::PrecisionRaised { .. }
        | Progress::Statistics { .. }
        | Progress::Removed { .. } => ControlFlow::Continue(()),
    });
    assert!(matches!(cancelled, Err(Error::Cancelled { .. })));
    assert_eq!(reports.len(), 3);
    assert!(reports[1].1 > reports[2].1);
}

#[test]
fn without_removals_there_are_no_swaps() {
    let case = Case::new(644, 16);
    let part = PruneProblem { refine: Refine::Swaps, ..case.part(heads(4, HeadScore::Exact), 0) };
    assert_eq!(run(&part).refined, None);
}

/// `cargo test --release --lib swaps_of_a_large_weight -- --ignored --nocapture`
#[test]
#[ignore = "takes minutes; prints the time of the swaps and of the solve that they refine"]
fn swaps_of_a_large_weight() {
    for (rows, n, units) in [
        (1024, 2816, channels(GroupSize::Dynamic)),
        (4096, 4096, heads(128, HeadScore::Exact)),
        (4096, 11008, channels(GroupSize::Dynamic)),
    ] {
        // Each input is correlated with the previous one, and sizes differ.
        let (mut moment, mut x) = (SecondMoment::new(n), slow::random_f32(1, 1024 * n));
        let sizes = slow::random(2, n);
        for _ in 0..n.div_ceil(512) {
            for token in x.chunks_exact_mut(n) {
                let mut before = 0.0;
                for (x, size) in token.iter_mut().zip(&sizes) {
                    before = 0.6 * before + (*x * 977.0).sin();
                    *x = size.exp() as f32 * before;
                }
            }
            moment.add(&x).unwrap();
        }
        let moment = moment.finish().unwrap();
        let case = Case { weight: slow::random_f32(3, rows * n), moment, n };
        let remove = n / units.width() / 2;
        for score in [Score::Obs, Score::WandaSp] {
            let part = PruneProblem { rows, score, ..case.part(units, remove) };
            let began = std::time::Instant::now();
            let plain = run(&part);
            let solved = began.elapsed().as_secs_f64();
            let refined = run(&PruneProblem { refine: Refine::Swaps, ..part });
            let swaps = began.elapsed().as_secs_f64() - 2.0 * solved;
            let outcome = refined.refined.unwrap();
            println!(
                "{rows}×{n} {score:?}: solve {solved:.1} s, swaps {swaps:.1} s, {outcome:?}, path {}",
                plain.relative_error
            );
        }
    }
}
