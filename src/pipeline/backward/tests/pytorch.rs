//! Gradients of tiny models of every family against those of PyTorch's autograd. `tests/interop/gradients.py` makes the
//! fixture.

use std::{collections::BTreeMap, fs, ops::ControlFlow::Continue, path::Path};

use candle_core::{DType, Device, Tensor};
use serde::Deserialize;
use serde_json::Value;

use super::{
    super::{Backward, KeptInputs, Labels, ModelOnWindows},
    random_model::{RandomModel, numbers},
};
use crate::{
    calibration::Windows,
    model::{BlockWeight, Family, Projection},
    prune::Part,
};

#[derive(Deserialize)]
struct Model {
    config: Value,
    windows: Vec<Vec<u32>>,
    draws: Vec<Draw>,
}

#[derive(Deserialize)]
struct Draw {
    labels: Vec<Option<u32>>,
    loss: f64,
    /// Gradients [tokens, hidden] at `input`, `attention.LAYER` and `mlp.LAYER`.
    places: BTreeMap<String, Vec<f64>>,
    /// By name of the weight, the norm of its gradient, and the product with numbers that its name gives.
    weights: BTreeMap<String, [f64; 2]>,
}

/// The weights of a block with their names in a checkpoint. The norms of OLMo 2 and Gemma have other names.
fn weights(config: &Value) -> Vec<(BlockWeight, String)> {
    use BlockWeight::{AfterAttention, AfterMlp, BeforeAttention, BeforeMlp, KeyNorm, QueryNorm};
    let projections = [
        (Projection::Query, "self_attn.q_proj"),
        (Projection::Key, "self_attn.k_proj"),
        (Projection::Value, "self_attn.v_proj"),
        (Projection::Output, "self_attn.o_proj"),
        (Projection::Gate, "mlp.gate_proj"),
        (Projection::Up, "mlp.up_proj"),
        (Projection::Down, "mlp.down_proj"),
    ];
    let (after_attention, before_mlp) = match config["model_type"].as_str() {
        Some("olmo2") => ((AfterAttention, "post_attention_layernorm"), None),
        Some("gemma2" | "gemma3_text") => {
            ((AfterAttention, "post_attention_layernorm"), Some((BeforeMlp, "pre_feedforward_layernorm")))
        }
        _ => ((BeforeMlp, "post_attention_layernorm"), None),
    };
    let norms = [
        (BeforeAttention, "input_layernorm"),
        after_attention,
        (AfterMlp, "post_feedforward_layernorm"),
        (QueryNorm, "self_attn.q_norm"),
        (KeyNorm, "self_attn.k_norm"),
    ];
    let norms = norms.into_iter().chain(before_mlp).map(|(norm, name)| (norm, format!("{name}.weight")));
    let of_projection = |(projection, name)| {
        [
            (BlockWeight::Matrix(projection), format!("{name}.weight")),
            (BlockWeight::Bias(projection), format!("{name}.bias")),
        ]
    };
    projections.into_iter().flat_map(of_projection).chain(norms).collect()
}

fn values(x: &Tensor) -> Vec<f64> {
    x.flatten_all().unwrap().to_dtype(DType::F64).unwrap().to_vec1().unwrap()
}

/// Within 1e-4 of the largest number.
#[track_caller]
fn near(found: &[f64], expected: &[f64], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let size = expected.iter().map(|x| x.abs()).fold(0.0, f64::max);
    let far = found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(far <= 1e-4 * size, "{what}: {far} of {size}");
}

fn check(name: &str, model: &Model, asked: &[BlockWeight], names: &[(BlockWeight, String)]) {
    let windows = Windows::new(model.windows.concat(), model.windows.len(), model.windows[0].len()).unwrap();
    let random = RandomModel::of(&model.config);
    let on = ModelOnWindows {
        model: &random,
        windows: &windows,
        device: &Device::Cpu,
        dtype: DType::F32,
        memory_budget: 1 << 30,
    };
    let kept = KeptInputs::of(&on, &mut |_| Continue(())).unwrap();
    let labels = Labels::Given(model.draws.iter().map(|draw| draw.labels.clone()).collect());
    let mut walk = Backward::start(on, &kept, &labels, &mut |_| Continue(())).unwrap();
    for (draw, losses) in model.draws.iter().zip(walk.losses()) {
        near(&[losses.iter().sum()], &[draw.loss], &format!("{name}: loss"));
    }
    let mut compared = 0;
    while let Some(layer) = walk.step_with(asked, &mut |_| Continue(())).unwrap() {
        for (part, place) in [(Part::Attention, "attention"), (Part::Mlp, "mlp")] {
            let place = format!("{place}.{}", layer.layer);
            let outputs = &layer.batches[0].part(part).unwrap().outputs;
            for (draw, output) in model.draws.iter().zip(outputs) {
                if let Some(expected) = draw.places.get(&place) {
                    near(&values(output), expected, &format!("{name}: {place}"));
                }
            }
        }
        for (draw, gradients) in model.draws.iter().zip(&layer.weights) {
            for (which, gradient) in gradients {
                let (_, weight) = names.iter().find(|(weight, _)| weight == which).unwrap();
                let weight = format!("model.layers.{}.{weight}", layer.layer);
                let [norm, product] = draw.weights[&weight];
                let gradient = values(gradient);
                let along = numbers(&format!("{weight} along"), gradient.len());
                let found = |along: &[f64]| gradient.iter().zip(along).map(|(a, b)| a * b).sum::<f64>();
                near(
                    &[found(&gradient).sqrt(), found(&along)],
                    &[norm, product],
                    &format!("{name}: {weight}"),
                );
                compared += 1;
            }
        }
    }
    if !asked.is_empty() {
        assert_eq!(compared, model.draws.iter().map(|draw| draw.weights.len()).sum::<usize>(), "{name}");
    }
    for (draw, gradient) in model.draws.iter().zip(&walk.gradients()[0]) {
        near(&values(gradient), &draw.places["input"], &format!("{name}: input"));
    }
}

#[test]
fn gradients_of_every_family_are_those_of_autograd() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/gradients.json");
    let models: BTreeMap<String, Model> = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    for (name, model) in &models {
        let names = weights(&model.config);
        let asked: Vec<BlockWeight> = names.iter().map(|(weight, _)| *weight).collect();
        // In tasks, and on whole tensors with the gradients of all weights.
        check(name, model, &[], &names);
        check(name, model, &asked, &names);
    }
    let types: Vec<&str> = models.values().filter_map(|model| model.config["model_type"].as_str()).collect();
    for family in Family::all() {
        assert!(types.contains(&family.name()), "{}", family.name());
    }
}
