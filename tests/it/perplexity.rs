//! Perplexity and KL divergence compared with plain sums over single windows.
use std::ops::ControlFlow;

use crate::program::Workspace;
use candle_core::{DType, Device};
use slimgpt::{
    demo,
    eval::Perplexity,
    model::{Checkpoint, Source},
};

fn inputs<'p>(
    checkpoint: &'p Checkpoint,
    tokens: &'p [u32],
    bos: Option<u32>,
    memory_budget: u64,
) -> Perplexity<'p> {
    let (device, dtype) = (&Device::Cpu, DType::F32);
    Perplexity { model: checkpoint, tokens, text: "text", seq_len: 48, bos, device, dtype, memory_budget }
}

fn measure(checkpoint: &Checkpoint, tokens: &[u32], bos: Option<u32>, memory_budget: u64) -> f64 {
    let perplexity = inputs(checkpoint, tokens, bos, memory_budget);
    perplexity.measure(&mut |_, _| ControlFlow::Continue(())).unwrap().perplexity
}

/// exp(mean −ln p) of tokens 2…L, window by window, in f64.
fn plain(checkpoint: &Checkpoint, tokens: &[u32], bos: Option<u32>) -> f64 {
    let decoder = checkpoint.decoder(64, &Device::Cpu, DType::F32).unwrap();
    let (mut nll, mut count) = (0.0, 0);
    for window in tokens.chunks_exact(48) {
        let input: Vec<u32> = bos.into_iter().chain(window.iter().copied()).collect();
        let logits: Vec<Vec<f32>> = decoder.logits(&[&input]).unwrap().squeeze(0).unwrap().to_vec2().unwrap();
        let shift = input.len() - window.len();
        for (position, &target) in window.iter().enumerate().skip(1) {
            let row = &logits[position + shift - 1];
            let sum: f64 = row.iter().map(|&logit| f64::from(logit).exp()).sum();
            nll -= f64::from(row[target as usize]) - sum.ln();
            count += 1;
        }
    }
    (nll / f64::from(count)).exp()
}

#[test]
fn perplexity_equals_its_definition_for_any_bos_and_batch_size() {
    let checkpoint = Checkpoint::open(Source::Embedded(demo::FILES)).unwrap();
    let text: String = demo::HELD_OUT.chars().take(6000).collect();
    let encoding = checkpoint.tokenizer().unwrap().encode(text, false).unwrap();
    let tokens = encoding.get_ids();
    for bos in [None, checkpoint.architecture().bos] {
        let expected = plain(&checkpoint, tokens, bos);
        let whole = measure(&checkpoint, tokens, bos, u64::MAX);
        for budget in [1, 100_000, 1 << 30] {
            let found = measure(&checkpoint, tokens, bos, budget);
            assert!(
                (found / expected - 1.0).abs() < 1e-5,
                "{found} is not {expected} (budget {budget}, BOS {bos:?})"
            );
            assert_eq!(
                found.to_bits(),
                whole.to_bits(),
                "logits in stretches (budget {budget}, BOS {bos:?})"
            );
        }
    }
}

#[test]
fn the_standard_error_is_that_of_the_mean_over_windows() {
    let checkpoint = Checkpoint::open(Source::Embedded(demo::FILES)).unwrap();
    let tokens: Vec<u32> = (0..64u32).map(|token| token * token % 41).collect();
    fn of<'p>(checkpoint: &'p Checkpoint, tokens: &'p [u32]) -> Perplexity<'p> {
        Perplexity {
            model: checkpoint,
            tokens,
            text: "text",
            seq_len: 8,
            bos: None,
            device: &Device::Cpu,
            dtype: DType::F32,
            memory_budget: 1 << 30,
        }
    }
    let measure =
        |tokens: &[u32]| of(&checkpoint, tokens).measure(&mut |_, _| ControlFlow::Continue(())).unwrap();
    let whole = measure(&tokens);
    let means: Vec<f64> = tokens.chunks(8).map(|window| measure(window).perplexity.ln()).collect();
    assert_eq!(measure(&tokens[..8]).standard_error, None, "one window has no spread");
    let mean = means.iter().sum::<f64>() / 8.0;
    let variance = means.iter().map(|own| (own - mean).powi(2)).sum::<f64>() / 7.0;
    let expected = whole.perplexity * (variance / 8.0).sqrt();
    assert!((whole.standard_error.unwrap() / expected - 1.0).abs() < 1e-5, "{whole:?} and not {expected}");

    let mut streams = of(&checkpoint, &tokens).begin(u64::MAX).unwrap().unwrap();
    let mut step = |_| ControlFlow::Continue(());
    for layer in 0..checkpoint.architecture().layers.len() {
        streams.pass(&of(&checkpoint, &tokens), layer, &mut step).unwrap();
    }
    let losses = streams.losses(&of(&checkpoint, &tokens), &mut step).unwrap();
    assert_eq!(of(&checkpoint, &tokens).of_losses(&losses).unwrap(), whole, "between other work");
    assert!(of(&checkpoint, &tokens).begin(1).unwrap().is_none(), "it does not fit");
}

/// ln p of every token at the positions that predict tokens 2…L of a window, in f64.
fn log_probabilities(checkpoint: &Checkpoint, window: &[u32], bos: Option<u32>) -> Vec<Vec<f64>> {
    let decoder = checkpoint.decoder(64, &Device::Cpu, DType::F32).unwrap();
    let input: Vec<u32> = bos.into_iter().chain(window.iter().copied()).collect();
    let logits: Vec<Vec<f32>> = decoder.logits(&[&input]).unwrap().squeeze(0).unwrap().to_vec2().unwrap();
    let of_row = |row: &Vec<f32>| -> Vec<f64> {
        let sum: f64 = row.iter().map(|&logit| f64::from(logit).exp()).sum();
        row.iter().map(|&logit| f64::from(logit) - sum.ln()).collect()
    };
    let first = input.len() - window.len();
    logits[first..first + window.len() - 1].iter().map(of_row).collect()
}

#[test]
fn the_divergence_from_the_dense_model_equals_its_definition() {
    let dense = Checkpoint::open(Source::Embedded(demo::FILES)).unwrap();
    let bench = Workspace::new();
    bench.change_weights(|name, _, bytes| {
        if name.contains("layers.5.mlp.down_proj") {
            bytes.fill(0);
        }
        true
    });
    let pruned = Checkpoint::open(Source::directory(bench.path("model"))).unwrap();
    let text: String = demo::HELD_OUT.chars().take(1200).collect();
    let encoding = dense.tokenizer().unwrap().encode(text, false).unwrap();
    let tokens = encoding.get_ids();
    for bos in [None, dense.architecture().bos] {
        let of_windows: Vec<f64> = tokens
            .chunks_exact(48)
            .map(|window| {
                let (p, q) =
                    (log_probabilities(&dense, window, bos), log_probabilities(&pruned, window, bos));
                let tokens = p.iter().zip(&q).flat_map(|(p, q)| p.iter().zip(q));
                tokens.map(|(p, q)| p.exp() * (p - q)).sum::<f64>() / 47.0
            })
            .collect();
        let windows = of_windows.len() as f64;
        let expected = of_windows.iter().sum::<f64>() / windows;
        let squares: f64 = of_windows.iter().map(|own| (own - expected).powi(2)).sum();
        let error = (squares / (windows - 1.0) / windows).sqrt();
        for budget in [1, 1 << 30] {
            let perplexity = inputs(&pruned, tokens, bos, budget);
            let measured = perplexity.measure_against(&dense, &mut |_, _| ControlFlow::Continue(())).unwrap();
            let found = measured.divergence.unwrap();
            assert!((found.mean / expected - 1.0).abs() < 1e-4, "{found:?} is not {expected}");
            assert!((found.standard_error.unwrap() / error - 1.0).abs() < 1e-3, "{found:?}, error {error}");
            let alone = measure(&pruned, tokens, bos, budget);
            assert!((measured.perplexity / alone - 1.0).abs() < 1e-6, "{measured:?} and {alone}");
        }
    }
    let same = inputs(&dense, tokens, None, 1 << 30);
    let same = same.measure_against(&dense, &mut |_, _| ControlFlow::Continue(())).unwrap();
    assert!(same.divergence.unwrap().mean.abs() < 1e-9, "{same:?}");
}
