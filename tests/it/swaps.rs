//! Swaps in weights with too many columns to consider together: they run in rounds, and the reported error is that
//! of the fitted weights.
use std::ops::ControlFlow;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use slimgpt::prune::{GroupSize, HeadScore, Refine, Score, SolverDtype};
use slimgpt::prune::{Moment, PruneProblem, SecondMoment, Units, prune};

const ROWS: usize = 8;
const DAMPING: f64 = 0.01;

/// Correlated inputs of unequal sizes.
fn moment(n: usize) -> Moment {
    let mut draws = ChaCha8Rng::seed_from_u64(5);
    let sizes: Vec<f32> = (0..n).map(|_| draws.random_range(-1.0f32..1.0).exp()).collect();
    let mut moment = SecondMoment::new(n);
    let mut x = vec![0.0; n];
    for _ in 0..2 * n {
        let mut before = 0.0;
        for (x, size) in x.iter_mut().zip(&sizes) {
            before = 0.6 * before + draws.random_range(-1.0..1.0);
            *x = size * before;
        }
        moment.add(&x).unwrap();
    }
    moment.finish().unwrap()
}

/// tr(ΔW G_λ ΔWᵀ) / tr(W G Wᵀ) of the fitted weights [rows, kept columns], by plain loops.
fn relative_error(weight: &[f32], moment: &Moment, kept: &[usize], fitted: &[f64]) -> f64 {
    let n = moment.n();
    let lambda = DAMPING * (0..n).map(|j| moment.at(j, j)).sum::<f64>() / n as f64;
    let (mut error, mut whole) = (0.0, 0.0);
    for (row, fitted) in weight.chunks(n).zip(fitted.chunks(kept.len())) {
        let row: Vec<f64> = row.iter().map(|&w| f64::from(w)).collect();
        let mut change = row.clone();
        for (&j, fitted) in kept.iter().zip(fitted) {
            change[j] -= fitted;
        }
        for i in 0..n {
            for j in 0..n {
                let g = moment.at(i, j);
                whole += row[i] * g * row[j];
                error += change[i] * (g + if i == j { lambda } else { 0.0 }) * change[j];
            }
        }
    }
    error / whole
}

fn go_in_rounds(n: usize, units: Units, remove: usize) {
    let moment = moment(n);
    let mut draws = ChaCha8Rng::seed_from_u64(6);
    let weight: Vec<f32> = (0..ROWS * n).map(|_| draws.random_range(-1.0..1.0)).collect();
    for compensate in [true, false] {
        let part = PruneProblem {
            score: Score::Magnitude,
            refine: Refine::Swaps,
            damping: DAMPING,
            compensate,
            solver_dtype: SolverDtype::F64,
            ..PruneProblem::new(&weight, ROWS, &moment, units, remove)
        };
        let outcome = prune(&part, &mut |_| ControlFlow::Continue(())).unwrap();
        let told = outcome.refined.unwrap();
        assert!(told.swaps > 0 && told.error_after < told.error_before, "{told:?}");
        let width = units.width();
        let kept: Vec<usize> =
            outcome.kept.iter().flat_map(|unit| unit * width..(unit + 1) * width).collect();
        let found = relative_error(&weight, &moment, &kept, &outcome.weight);
        assert!((found / told.error_after - 1.0).abs() < 1e-8, "{found} is not {told:?}");
        assert_eq!(outcome.relative_error, told.error_after);
        assert_eq!(outcome.removed.len() + outcome.kept.len(), n / width);
        let path = outcome.step_errors.iter().sum::<f64>() / outcome.energy;
        assert!((path / told.error_before - 1.0).abs() < 1e-8, "{path} is not {told:?}");
    }
}

#[test]
fn channels_are_swapped_in_rounds() {
    go_in_rounds(1300, Units::Channels { group_size: GroupSize::Dynamic }, 300);
}

#[test]
fn heads_are_swapped_in_rounds() {
    go_in_rounds(4224, Units::Heads { width: 64, score: HeadScore::Exact, per_group: None }, 6);
}
