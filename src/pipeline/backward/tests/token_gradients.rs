//! Squared gradients at single tokens against the slow formula.

use super::{super::super::squared_gradients_by_token, *};

const SEED: u64 = 5;
const DRAWS: usize = 2;

/// Mean over parts of Σ_draws |g|² / E Σ_draws |g|², from the gradients of a whole walk.
fn slow(on: ModelOnWindows<'_>) -> Vec<f64> {
    let tokens = on.windows.tokens().len();
    let (parts, _) = walk(on, &Labels::Drawn { draws: DRAWS, seed: SEED });
    // The gradients of each part by draw, and its inputs.
    let of_part = |part: &[Vec<f32>]| {
        let square = |token: usize| {
            part[..DRAWS].iter().map(move |g| {
                let rows = g.len() / tokens;
                dot(&g[token * rows..][..rows], &g[token * rows..][..rows])
            })
        };
        let squares: Vec<f64> = (0..tokens).map(|token| square(token).sum()).collect();
        let mean = squares.iter().sum::<f64>() / tokens as f64;
        squares.iter().map(|square| square / mean).collect::<Vec<f64>>()
    };
    let parts: Vec<Vec<f64>> =
        parts.chunks(DRAWS + 1).filter(|part| !part[0].is_empty()).map(of_part).collect();
    (0..tokens).map(|token| parts.iter().map(|part| part[token]).sum::<f64>() / parts.len() as f64).collect()
}

#[test]
fn squared_gradients_by_token_are_those_of_the_slow_formula() {
    let mut model = RandomModel::of(&config(Family::Llama));
    model.architecture.layers[1] = LayerSize { heads: 0, kv_heads: 0, ..model.architecture.layers[1] };
    let windows = windows(5, 12, 1);
    let fast =
        squared_gradients_by_token(on(&model, &windows, 1 << 30), SEED, &mut |_| Continue(())).unwrap();
    let expected = slow(on(&model, &windows, 1 << 30));
    assert!((fast.iter().sum::<f64>() / fast.len() as f64 - 1.0).abs() < 1e-9);
    for (token, (fast, slow)) in fast.iter().zip(&expected).enumerate() {
        assert!((fast - slow).abs() < 1e-9 * slow, "{token}: {fast} is not {slow}");
    }
    // Batches of one window.
    let small = squared_gradients_by_token(on(&model, &windows, 1), SEED, &mut |_| Continue(())).unwrap();
    assert!(fast == small, "batches change no bit");
    let other = squared_gradients_by_token(on(&model, &windows, 1 << 30), 6, &mut |_| Continue(())).unwrap();
    assert!(fast != other, "the seed draws the labels");
}
