//! Backward passes of tiny random models of every family.

mod memory;
mod pytorch;
mod random_model;
mod token_gradients;

use std::{collections::HashMap, ops::ControlFlow::Continue, time::Instant};

use candle_core::{DType, Device, Tensor};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use super::*;
use crate::{
    model::{Family, LayerSize},
    prune::Part,
};
use random_model::RandomModel;

const VOCAB: usize = 300;

fn config(family: Family) -> Value {
    let mut config = json!({
        "model_type": family.name(), "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 3,
        "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": VOCAB, "rms_norm_eps": 1e-5,
        "rope_theta": 10000.0, "max_position_embeddings": 512, "tie_word_embeddings": false,
        "hidden_act": "silu", "bos_token_id": 1, "eos_token_id": [2, 3],
    });
    let extra = match family.name() {
        "smollm3" => json!({ "no_rope_layer_interval": 2 }),
        "granite" => {
            json!({ "embedding_multiplier": 3.0, "attention_multiplier": 0.3, "residual_multiplier": 0.5,
            "logits_scaling": 2.0 })
        }
        "phi3" => json!({ "partial_rotary_factor": 0.5 }),
        "gemma2" => json!({ "head_dim": 16, "query_pre_attn_scalar": 12, "sliding_window": 5,
            "attn_logit_softcapping": 2.0, "final_logit_softcapping": 3.0 }),
        "gemma3_text" => json!({ "head_dim": 16, "query_pre_attn_scalar": 12, "sliding_window": 5,
            "sliding_window_pattern": 2, "rope_local_base_freq": 50.0 }),
        _ => json!({ "sliding_window": null, "use_sliding_window": false }),
    };
    let (Value::Object(all), Value::Object(extra)) = (&mut config, extra) else { panic!("not objects") };
    all.extend(extra);
    config
}

fn windows(samples: usize, seq_len: usize, seed: u64) -> Windows {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let tokens = (0..samples * seq_len).map(|_| rng.random_range(0..VOCAB as u32)).collect();
    Windows::new(tokens, samples, seq_len).unwrap()
}

fn on<'a>(model: &'a dyn BlockByBlock, windows: &'a Windows, memory_budget: u64) -> ModelOnWindows<'a> {
    ModelOnWindows { model, windows, device: &Device::Cpu, dtype: DType::F32, memory_budget }
}

fn numbers(x: &Tensor) -> Vec<f32> {
    x.flatten_all().unwrap().to_vec1().unwrap()
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
}

/// Everything that a walk returns, as numbers: parts from the last layer to the first, and the gradient at the embedding.
fn walk(on: ModelOnWindows<'_>, labels: &Labels) -> (Vec<Vec<f32>>, Vec<f32>) {
    let kept = KeptInputs::of(&on, &mut |_| Continue(())).unwrap();
    let mut walk = Backward::start(on, &kept, labels, &mut |_| Continue(())).unwrap();
    let mut parts = Vec::new();
    while let Some(layer) = walk.step(&mut |_| Continue(())).unwrap() {
        for part in [Part::Attention, Part::Mlp] {
            for draw in 0..labels.draws() {
                let of = |batch: &BatchGradients| {
                    batch.part(part).map_or(Vec::new(), |part| numbers(&part.outputs[draw]))
                };
                parts.push(layer.batches.iter().flat_map(of).collect());
            }
            let inputs =
                |batch: &BatchGradients| batch.part(part).map_or(Vec::new(), |part| numbers(&part.inputs));
            parts.push(layer.batches.iter().flat_map(inputs).collect());
        }
    }
    let embedding = walk.gradients().iter().flat_map(|draws| numbers(&draws[0])).collect();
    (parts, embedding)
}

/// Σ −ln p of the labels of the first draw, for hidden states at the input of the first block.
fn loss(model: &RandomModel, h: &Tensor, labels: &[Option<u32>]) -> f64 {
    let (cpu, f32) = (&Device::Cpu, DType::F32);
    let rope = model.rope(h.dims()[1], cpu, f32).unwrap();
    let mut h = h.clone();
    for layer in 0..model.architecture.layers.len() {
        h = model.block(layer, cpu, f32).unwrap().forward(&h, &rope).unwrap();
    }
    let ends = model.embedding_and_head(cpu, f32).unwrap();
    let targets: Vec<u32> = labels.iter().map(|label| label.unwrap_or(0)).collect();
    let targets = Tensor::from_vec(targets, h.dims()[..2].to_vec(), cpu).unwrap();
    let losses = ends.negative_log_likelihoods(&h, &targets, 1 << 30).unwrap();
    losses.iter().zip(labels).filter(|(_, label)| label.is_some()).map(|(loss, _)| loss).sum()
}

/// The gradient at the embedding against the difference of two losses.
fn check(what: &str, model: &RandomModel) {
    let windows = windows(2, 20, 3);
    let on = on(model, &windows, 1 << 30);
    for labels in [Labels::Next, Labels::Drawn { draws: 2, seed: 5 }] {
        let (_, gradient) = walk(on, &labels);
        let kept = KeptInputs::of(&on, &mut |_| Continue(())).unwrap();
        let start = Backward::start(on, &kept, &labels, &mut |_| Continue(())).unwrap();
        let of_draw = &start.labels()[0];
        let whole =
            Backward::start(on, &kept, &Labels::Given(start.labels().to_vec()), &mut |_| Continue(()));
        assert_eq!(whole.unwrap().losses(), start.losses());
        let h = kept.input(0, 0).unwrap();
        let sum: f64 = start.losses()[0].iter().sum();
        let expected = loss(model, &h, of_draw);
        assert!((sum / expected - 1.0).abs() < 1e-6, "{what}: loss {sum} is not {expected}");

        let mut rng = ChaCha8Rng::seed_from_u64(9);
        let along: Vec<f32> = gradient.iter().map(|_| rng.random_range(-1.0f32..1.0)).collect();
        let along = Tensor::from_vec(along, h.shape(), &Device::Cpu).unwrap();
        let step = 2e-3;
        let moved = |by: f64| loss(model, &(&h + (&along * by).unwrap()).unwrap(), of_draw);
        let expected = (moved(step) - moved(-step)) / (2.0 * step);
        let along = numbers(&along);
        let found = dot(&gradient, &along);
        let size = (dot(&gradient, &gradient) * dot(&along, &along)).sqrt();
        assert!((found - expected).abs() < 2e-3 * size, "{what}: {found} is not {expected}, of {size}");
    }
}

#[test]
fn the_gradient_at_the_embedding_is_that_of_differences_for_every_family() {
    for &family in Family::all() {
        check(family.name(), &RandomModel::of(&config(family)));
    }
}

#[test]
fn parts_may_be_absent_and_sizes_differ_between_layers() {
    let mut model = RandomModel::of(&config(Family::Llama));
    let size = |heads, kv_heads, channels| LayerSize { heads, kv_heads, channels };
    model.architecture = model.architecture.with_layers(vec![size(3, 1, 0), size(0, 0, 30), size(2, 2, 7)]);
    check("absent parts", &model);
    model.architecture = model.architecture.with_layers(vec![size(4, 2, 48), size(0, 0, 0), size(1, 1, 1)]);
    check("an absent block", &model);
}

#[test]
fn batches_threads_and_the_memory_budget_change_no_bit() {
    let model = RandomModel::of(&config(Family::Llama));
    let windows = windows(9, 130, 4);
    let labels = Labels::Drawn { draws: 2, seed: 1 };
    let whole = walk(on(&model, &windows, 1 << 30), &labels);
    for (threads, budget) in [(1, 1 << 30), (3, 1 << 20), (2, 1)] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        assert!(pool.install(|| walk(on(&model, &windows, budget), &labels)) == whole, "{threads} {budget}");
    }
    let other = Labels::Drawn { draws: 2, seed: 2 };
    assert!(walk(on(&model, &windows, 1 << 30), &other) != whole);
}

#[test]
fn labels_are_drawn_with_the_probabilities_of_the_model() {
    let model = RandomModel::of(&config(Family::Llama));
    let windows = windows(1, 2, 6);
    let draws = 20_000;
    let on = on(&model, &windows, 1 << 30);
    let kept = KeptInputs::of(&on, &mut |_| Continue(())).unwrap();
    let labels = Labels::Drawn { draws, seed: 3 };
    let start = Backward::start(on, &kept, &labels, &mut |_| Continue(())).unwrap();
    for position in 0..2 {
        let mut counts: HashMap<u32, (f64, f64)> = HashMap::new();
        for (labels, losses) in start.labels().iter().zip(start.losses()) {
            let entry = counts.entry(labels[position].unwrap()).or_default();
            *entry = (entry.0 + 1.0, (-losses[position]).exp());
        }
        assert!(counts.len() > 20);
        for (count, probability) in counts.values() {
            let expected = probability * draws as f64;
            assert!((count - expected).abs() < 5.0 * expected.sqrt() + 3.0, "{count} is not {expected}");
        }
    }
}

#[test]
fn a_walk_can_be_cancelled_at_every_batch() {
    let model = RandomModel::of(&config(Family::Llama));
    let windows = windows(3, 8, 7);
    let on = on(&model, &windows, 1);
    let cancelled = |result: Result<(), Error>| assert!(matches!(result, Err(Error::Cancelled)));
    cancelled(KeptInputs::of(&on, &mut |_| std::ops::ControlFlow::Break(())).map(|_| ()));
    let kept = KeptInputs::of(&on, &mut |_| Continue(())).unwrap();
    let mut seen = Vec::new();
    let mut walk = Backward::start(on, &kept, &Labels::Next, &mut |progress| {
        seen.push(progress);
        Continue(())
    })
    .unwrap();
    cancelled(walk.step(&mut |_| std::ops::ControlFlow::Break(())).map(|_| ()));
    let of_loss = |done| BackwardProgress { stage: BackwardStage::Loss, layer: 3, done, total: 3 };
    assert_eq!(seen, [of_loss(1), of_loss(2), of_loss(3)]);
}

/// `cargo test --release --lib backward::tests::a_walk -- --ignored --nocapture` prints the times.
#[test]
#[ignore = "it measures times, which takes long"]
fn a_walk_back_takes_at_most_three_forward_passes() {
    let config = json!({
        "model_type": "llama", "hidden_size": 576, "intermediate_size": 1536, "num_hidden_layers": 6,
        "num_attention_heads": 9, "num_key_value_heads": 3, "vocab_size": 49152, "rms_norm_eps": 1e-5,
        "rope_theta": 10000.0, "max_position_embeddings": 2048, "tie_word_embeddings": true,
        "hidden_act": "silu", "bos_token_id": 1, "eos_token_id": 2,
    });
    let model = RandomModel::of(&config);
    let windows = windows(8, 512, 8);
    let on = on(&model, &windows, 8 << 30);
    let mut forward = (f64::INFINITY, f64::INFINITY);
    for draws in [1, 1, 2, 4] {
        let began = Instant::now();
        let kept = KeptInputs::of(&on, &mut |_| Continue(())).unwrap();
        let blocks = began.elapsed().as_secs_f64();
        let began = Instant::now();
        let ends = model.embedding_and_head(&Device::Cpu, DType::F32).unwrap();
        for (batch, windows) in kept.batches().iter().enumerate() {
            let targets = Tensor::zeros((windows.len(), 512), DType::U32, &Device::Cpu).unwrap();
            let h = kept.input(6, batch).unwrap();
            ends.negative_log_likelihood(&h, &targets, 1 << 30).unwrap();
        }
        let loss = began.elapsed().as_secs_f64();
        forward = (forward.0.min(blocks), forward.1.min(loss));
        let began = Instant::now();
        let labels = Labels::Drawn { draws, seed: 0 };
        let mut walk = Backward::start(on, &kept, &labels, &mut |_| Continue(())).unwrap();
        let head = began.elapsed().as_secs_f64();
        while walk.step_by_batch(&[], &mut |_| Continue(()), &mut |_, _| Ok(())).unwrap().is_some() {}
        let all = began.elapsed().as_secs_f64();
        println!(
            "{draws} draws: blocks forward {blocks:.2} s, loss {loss:.2} s; back: head {head:.2} s, blocks {:.2} s; {:.2} forward passes",
            all - head,
            all / (forward.0 + forward.1),
        );
        assert!(draws > 1 || all < 3.0 * (forward.0 + forward.1));
    }
}
