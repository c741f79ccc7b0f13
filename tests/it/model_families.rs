//! Every family matches the reference results: the whole model, with caches, and pruned.

use std::{collections::HashMap, path::Path};

use crate::tiny_model::{self, checkpoint, config, plain, random_tensors, random_tokens, set};
use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use candle_transformers::models;
use serde_json::{Value, json};
use slimgpt::model::{
    Checkpoint, Decoder, Family, KeptChannels, KeptHeads, LayerSize, Shapes, Source, block_tensors,
    end_tensors,
};
use slimgpt::pipeline;
use slimgpt::prune::AttentionUnitChoice;

const CPU: &Device = &Device::Cpu;
const TOLERANCE: f32 = 1e-4;

pub fn open(directory: &Path) -> Checkpoint {
    Checkpoint::open(Source::directory(directory)).unwrap()
}

pub fn decoder(checkpoint: &Checkpoint) -> Decoder {
    checkpoint.decoder(512, CPU, DType::F32).unwrap()
}

pub fn difference(a: &Tensor, b: &Tensor) -> f32 {
    assert_eq!(a.dims(), b.dims());
    (a - b).unwrap().abs().unwrap().max_all().unwrap().to_scalar().unwrap()
}

fn as_tensor(rows: &[Vec<f64>]) -> Tensor {
    Tensor::new(rows.to_vec(), CPU).unwrap().to_dtype(DType::F32).unwrap().unsqueeze(0).unwrap()
}

/// [1, t, vocab]
pub fn all_logits(decoder: &Decoder, tokens: &[u32]) -> Tensor {
    decoder.logits(&[tokens]).unwrap()
}

/// Compares the logits after the last token, because candle's models return only those.
fn agrees_with_candle(config: &Value, mut candle: impl FnMut(VarBuilder, &Value, &Tensor) -> Tensor) {
    let directory = checkpoint(config, &random_tensors(config, 1), DType::F32);
    let decoder = decoder(&open(directory.path()));
    let tensors = candle_core::safetensors::load(directory.path().join("model.safetensors"), CPU).unwrap();
    for length in [1, 9, 300] {
        let windows = [random_tokens(length, 2), random_tokens(length, 3)];
        let tokens = Tensor::new(windows.to_vec(), CPU).unwrap();
        let variables = VarBuilder::from_tensors(tensors.clone(), DType::F32, CPU);
        let theirs = candle(variables, config, &tokens).reshape((2, 1, 50)).unwrap();
        let ours = decoder.logits(&[&windows[0], &windows[1]]).unwrap().narrow(1, length - 1, 1).unwrap();
        let found = difference(&ours, &theirs);
        assert!(found < TOLERANCE, "{length} tokens: logits differ by {found}");
    }
}

fn candle_llama(variables: VarBuilder, config: &Value, tokens: &Tensor) -> Tensor {
    let config: models::llama::LlamaConfig = serde_json::from_value(config.clone()).unwrap();
    let config = config.into_config(false);
    let mut cache = models::llama::Cache::new(false, DType::F32, &config, CPU).unwrap();
    models::llama::Llama::load(variables, &config).unwrap().forward(tokens, 0, &mut cache).unwrap()
}

#[test]
fn llama_with_grouped_queries_agrees_with_candle() {
    agrees_with_candle(&config("llama"), candle_llama);
}

#[test]
fn llama_with_tied_embeddings_agrees_with_candle() {
    let mut config = config("llama");
    set(&mut config, json!({ "tie_word_embeddings": true, "num_key_value_heads": 4 }));
    agrees_with_candle(&config, candle_llama);
}

#[test]
fn llama_with_llama3_positions_agrees_with_candle() {
    let mut config = config("llama");
    let scaling = json!({ "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
        "original_max_position_embeddings": 64 });
    set(&mut config, json!({ "rope_scaling": scaling }));
    agrees_with_candle(&config, candle_llama);
}

#[test]
fn mistral_agrees_with_candle() {
    for window in [json!(null), json!(300)] {
        let mut config = config("mistral");
        set(&mut config, json!({ "sliding_window": window }));
        agrees_with_candle(&config, |variables, config, tokens| {
            let config = serde_json::from_value(config.clone()).unwrap();
            models::mistral::Model::new(&config, variables).unwrap().forward(tokens, 0).unwrap()
        });
    }
}

#[test]
fn qwen2_agrees_with_candle() {
    agrees_with_candle(&config("qwen2"), |variables, config, tokens| {
        let config = serde_json::from_value(config.clone()).unwrap();
        models::qwen2::ModelForCausalLM::new(&config, variables).unwrap().forward(tokens, 0).unwrap()
    });
}

#[test]
fn qwen3_agrees_with_candle() {
    agrees_with_candle(&config("qwen3"), |variables, config, tokens| {
        let config = serde_json::from_value(config.clone()).unwrap();
        models::qwen3::ModelForCausalLM::new(&config, variables).unwrap().forward(tokens, 0).unwrap()
    });
}

/// Configurations that candle's models do not support or compute differently.
fn unusual_configs() -> Vec<(&'static str, Value)> {
    let with = |family: &str, keys: Value| {
        let mut config = config(family);
        set(&mut config, keys);
        config
    };
    let differing = Family::all().iter().map(|family| (family.name(), config(family.name())));
    let unusual = vec![
        ("a window shorter than the sequence", with("mistral", json!({ "sliding_window": 5 }))),
        ("a window of one token", with("mistral", json!({ "sliding_window": 1 }))),
        (
            "a window in the upper layers",
            with("qwen2", json!({ "use_sliding_window": true, "sliding_window": 4, "max_window_layers": 1 })),
        ),
        ("biases everywhere", with("llama", json!({ "attention_bias": true, "mlp_bias": true }))),
        ("its own head_dim", with("llama", json!({ "head_dim": 12 }))),
        ("linear positions", with("llama", json!({ "rope_scaling": { "type": "linear", "factor": 4.0 } }))),
        (
            "the newer spelling",
            with(
                "llama",
                json!({ "rope_theta": null, "rope_parameters": { "rope_type": "default", "rope_theta": 500.0 } }),
            ),
        ),
        (
            "sizes per layer",
            with(
                "slimgpt_llama",
                json!({ "slimgpt_family": "qwen3", "head_dim": 8, "per_layer_config": {
                    "1": { "num_attention_heads": 3, "num_key_value_heads": 1, "intermediate_size": 5 } } }),
            ),
        ),
    ];
    differing.chain(unusual).collect()
}

#[test]
fn unusual_configurations_agree_with_the_formulas() {
    for (what, config) in unusual_configs() {
        let tensors = random_tensors(&config, 4);
        let directory = checkpoint(&config, &tensors, DType::F32);
        let checkpoint = open(directory.path());
        let tokens = random_tokens(24, 5);
        let expected = as_tensor(&plain::logits(checkpoint.architecture(), &tensors, &tokens));
        let found = difference(&all_logits(&decoder(&checkpoint), &tokens), &expected);
        assert!(found < TOLERANCE, "{what}: logits differ by {found}");
    }
}

#[test]
fn long_windows_in_several_pieces_agree_with_the_formulas() {
    let mut config = config("mistral");
    set(&mut config, json!({ "sliding_window": 40, "num_hidden_layers": 1 }));
    let tensors = random_tensors(&config, 6);
    let directory = checkpoint(&config, &tensors, DType::F32);
    let checkpoint = open(directory.path());
    let tokens = random_tokens(290, 7);
    let expected = as_tensor(&plain::logits(checkpoint.architecture(), &tensors, &tokens));
    assert!(difference(&all_logits(&decoder(&checkpoint), &tokens), &expected) < TOLERANCE);
}

#[test]
fn cached_generation_equals_the_full_forward() {
    for (what, config) in unusual_configs() {
        let directory = checkpoint(&config, &random_tensors(&config, 8), DType::F32);
        let decoder = decoder(&open(directory.path()));
        let tokens = random_tokens(40, 9);
        let full = all_logits(&decoder, &tokens).squeeze(0).unwrap();
        // The capacity is small enough that the caches must grow.
        let mut caches = decoder.caches(16);
        let mut seen = 0;
        for step in [11, 1, 1, 1, 7, 1, 1, 16, 1] {
            let logits = decoder.next(&tokens[seen..seen + step], &mut caches).unwrap();
            seen += step;
            let found = difference(&logits, &full.get(seen - 1).unwrap());
            assert!(found < TOLERANCE, "{what}, {seen} tokens: logits differ by {found}");
        }
        assert_eq!(seen, tokens.len());
    }
}

/// w: [out, in] with zeros in the columns to remove, and the kept columns alone.
fn zeroed_and_cut(w: &Tensor, kept: &[usize]) -> (Tensor, Tensor) {
    let columns = w.dims()[1];
    let mask: Vec<f32> = (0..columns).map(|column| f32::from(kept.contains(&column))).collect();
    let zeroed = w.broadcast_mul(&Tensor::new(mask, CPU).unwrap()).unwrap();
    let kept: Vec<u32> = kept.iter().map(|&column| column as u32).collect();
    (zeroed, w.index_select(&Tensor::new(kept, CPU).unwrap(), 1).unwrap())
}

fn columns_of(heads: &[usize], head_dim: usize) -> Vec<usize> {
    heads.iter().flat_map(|head| head * head_dim..(head + 1) * head_dim).collect()
}

/// Kept query and key-value heads: of whole groups, and of single query heads in every group.
const KEPT_HEADS: [(&[usize], &[usize]); 3] = [(&[2, 3], &[1]), (&[1, 2], &[0, 1]), (&[0, 1, 2, 3], &[0, 1])];
const KEPT_CHANNELS: [usize; 7] = [0, 3, 4, 17, 30, 31, 47];

fn all_families() -> Vec<Value> {
    let mut biased = config("llama");
    set(&mut biased, json!({ "attention_bias": true, "mlp_bias": true }));
    Family::all().iter().map(|family| config(family.name())).chain([biased]).collect()
}

#[test]
fn a_sliced_block_equals_one_with_zeroed_columns() {
    // In OLMo 2, the removed heads still count in the norm of the zeroed block.
    for config in all_families().into_iter().filter(|config| config["model_type"] != "olmo2") {
        let directory = checkpoint(&config, &random_tensors(&config, 10), DType::F32);
        let checkpoint = open(directory.path());
        let rope = checkpoint.rope(20, CPU, DType::F32).unwrap();
        let h = Tensor::randn(0f32, 1.0, (2, 20, 32), CPU).unwrap();
        for (query_heads, kv_heads) in KEPT_HEADS {
            let dense = checkpoint.block(1, CPU, DType::F32).unwrap();
            let columns = columns_of(query_heads, dense.head_dim());
            let (o_zeroed, o_cut) = zeroed_and_cut(dense.o_proj(), &columns);
            let (down_zeroed, down_cut) = zeroed_and_cut(dense.down_proj(), &KEPT_CHANNELS);

            let mut zeroed = dense.clone();
            zeroed.keep_heads(&[0, 1, 2, 3], &[0, 1], o_zeroed).unwrap();
            zeroed.keep_channels(&(0..48).collect::<Vec<_>>(), down_zeroed).unwrap();
            let mut cut = dense.clone();
            cut.keep_heads(query_heads, kv_heads, o_cut).unwrap();
            cut.keep_channels(&KEPT_CHANNELS, down_cut).unwrap();

            let size = LayerSize { heads: query_heads.len(), kv_heads: kv_heads.len(), channels: 7 };
            assert_eq!(cut.size(), size);
            let found = difference(&zeroed.forward(&h, &rope).unwrap(), &cut.forward(&h, &rope).unwrap());
            assert!(found < TOLERANCE, "{config}, heads {query_heads:?}: outputs differ by {found}");
        }
    }
}

#[test]
fn the_two_halves_equal_the_whole_block() {
    let config = config("qwen3");
    let directory = checkpoint(&config, &random_tensors(&config, 11), DType::F32);
    let checkpoint = open(directory.path());
    let (rope, block) =
        (checkpoint.rope(6, CPU, DType::F32).unwrap(), checkpoint.block(0, CPU, DType::F32).unwrap());
    let h = Tensor::randn(0f32, 1.0, (3, 6, 32), CPU).unwrap();
    let a = block.attention_context(&h, &rope).unwrap();
    assert_eq!(a.dims(), [3, 6, 4 * 16]);
    let after_attention = block.after_attention(&h, &a).unwrap();
    let f = block.mlp_activation(&after_attention).unwrap();
    assert_eq!(f.dims(), [3, 6, 48]);
    let halves = block.after_mlp(&after_attention, &f).unwrap();
    assert_eq!(difference(&halves, &block.forward(&h, &rope).unwrap()), 0.0);
}

#[test]
fn kept_heads_that_do_not_form_a_regular_layer_are_refused() {
    let config = config("llama");
    let directory = checkpoint(&config, &random_tensors(&config, 12), DType::F32);
    let block = open(directory.path()).block(0, CPU, DType::F32).unwrap();
    let o_proj = |heads: usize| Tensor::zeros((32, heads * 8), DType::F32, CPU).unwrap();
    let cases: [(&[usize], &[usize], usize, &str); 8] = [
        (&[], &[0], 0, "the kept query heads must be at least one"),
        (&[0], &[], 1, "the kept key-value heads must be at least one"),
        (&[0, 1, 2], &[0, 1], 3, "the same number for each"),
        (&[0, 1], &[1], 2, "the same number for each"),
        (&[0], &[0, 1], 1, "the same number for each"),
        (&[1, 0], &[0], 2, "out of order"),
        (&[3, 4], &[1], 2, "ascending indices below 4"),
        (&[2, 3], &[1], 3, "shape [32, 16]"),
    ];
    for (query_heads, kv_heads, width, expected) in cases {
        let error = block.clone().keep_heads(query_heads, kv_heads, o_proj(width)).unwrap_err().to_string();
        assert!(
            error.contains(expected) && error.contains("layer 0"),
            "{query_heads:?} {kv_heads:?}: {error}"
        );
    }
    let down_proj = |channels: usize| Tensor::zeros((32, channels), DType::F32, CPU).unwrap();
    for (channels, width) in [(&[][..], 0), (&[48], 1), (&[3, 3], 2), (&[3], 2)] {
        assert!(block.clone().keep_channels(channels, down_proj(width)).is_err(), "{channels:?}");
    }
}

#[test]
fn a_written_pruned_model_computes_the_same_as_its_blocks() {
    for config in all_families() {
        for dtype in [DType::F32, DType::F16, DType::BF16] {
            let directory = checkpoint(&config, &random_tensors(&config, 13), dtype);
            let dense = open(directory.path());
            let mut expected = decoder(&dense);
            let mut written = end_tensors(&dense).collect::<Result<Vec<_>, _>>().unwrap();
            let mut sizes = serde_json::Map::new();
            // The first layer keeps whole groups, the second one query heads.
            for (layer, (query_heads, kv_heads)) in KEPT_HEADS[..2].iter().enumerate() {
                let block = &mut expected.blocks[layer];
                // Like a refit, the numbers are not representable in the stored type.
                let refit = |w: &Tensor, kept: &[usize]| (zeroed_and_cut(w, kept).1 * 1.037).unwrap();
                let o_proj = refit(block.o_proj(), &columns_of(query_heads, block.head_dim()));
                let down_proj = refit(block.down_proj(), &KEPT_CHANNELS);
                let numbers = |w: &Tensor| w.flatten_all().unwrap().to_vec1::<f32>().unwrap();
                let heads = KeptHeads { query_heads, kv_heads, o_proj: &numbers(&o_proj) };
                let channels = KeptChannels { channels: &KEPT_CHANNELS, down_proj: &numbers(&down_proj) };
                written.extend(
                    block_tensors(&dense, layer, Some(heads), Some(channels), Shapes::Narrow).unwrap(),
                );
                let stored = |w: Tensor| w.to_dtype(dtype).unwrap();
                block.keep_heads(query_heads, kv_heads, stored(o_proj)).unwrap();
                block.keep_channels(&KEPT_CHANNELS, stored(down_proj)).unwrap();
                let LayerSize { heads, kv_heads, channels } = block.size();
                let size = json!({ "num_attention_heads": heads, "num_key_value_heads": kv_heads,
                    "intermediate_size": channels });
                sizes.insert(layer.to_string(), size);
            }
            let mut pruned_config = config.clone();
            set(
                &mut pruned_config,
                json!({ "model_type": "slimgpt_llama", "slimgpt_family": config["model_type"],
                    "head_dim": dense.architecture().head_dim, "per_layer_config": sizes }),
            );
            let pruned = tempfile::tempdir().unwrap();
            tiny_model::write_config(pruned.path(), &pruned_config);
            let stored = slimgpt::model::stored_tensors(dense.architecture(), &written);
            tiny_model::write_weights(pruned.path(), "model.safetensors", &stored);
            let reopened = open(pruned.path());
            assert_eq!(reopened.architecture().family, dense.architecture().family);
            assert_eq!(written.len(), dense.weights().names().count());

            let tokens = random_tokens(12, 14);
            let found =
                difference(&all_logits(&decoder(&reopened), &tokens), &all_logits(&expected, &tokens));
            assert_eq!(found, 0.0, "{config} in {dtype:?}");
        }
    }
}

#[test]
fn unpruned_parts_are_written_byte_for_byte() {
    let config = config("qwen2");
    let directory = checkpoint(&config, &random_tensors(&config, 15), DType::BF16);
    let dense = open(directory.path());
    let mut tensors = end_tensors(&dense).collect::<Result<Vec<_>, _>>().unwrap();
    for layer in 0..2 {
        tensors.extend(block_tensors(&dense, layer, None, None, Shapes::Narrow).unwrap());
    }
    let copy = tempfile::tempdir().unwrap();
    tiny_model::write_weights(copy.path(), "model.safetensors", &tensors);
    let bytes = |directory: &Path| std::fs::read(directory.join("model.safetensors")).unwrap();
    assert_eq!(bytes(copy.path()), bytes(directory.path()));
}

#[test]
fn half_precision_is_close_to_single_precision() {
    for config in all_families() {
        let tensors = random_tensors(&config, 16);
        let directory = checkpoint(&config, &tensors, DType::BF16);
        let checkpoint = open(directory.path());
        let tokens = random_tokens(12, 17);
        let single = all_logits(&decoder(&checkpoint), &tokens);
        for (dtype, tolerance) in [(DType::F16, 0.05), (DType::BF16, 0.4)] {
            let half = checkpoint.decoder(512, CPU, dtype).unwrap();
            let found = difference(&all_logits(&half, &tokens), &single);
            assert!(found < tolerance, "{config} in {dtype:?}: logits differ by {found}");
        }
    }
}

#[test]
fn the_parameter_count_is_that_of_the_file() {
    for config in all_families() {
        let tensors = random_tensors(&config, 18);
        let numbers: usize = tensors.values().map(|(_, values)| values.len()).sum();
        let directory = checkpoint(&config, &tensors, DType::F32);
        let architecture = open(directory.path()).architecture().clone();
        assert_eq!(architecture.parameters(), numbers as u64);
        let count = |key: &str| {
            let in_layer: HashMap<_, _> = tensors.iter().filter(|(name, _)| name.starts_with(key)).collect();
            in_layer.values().map(|(_, values)| values.len() as u64).sum::<u64>()
        };
        assert_eq!(architecture.layer_parameters(1), count("model.layers.1."));
    }
}

#[test]
fn families_are_known_by_their_names() {
    for &family in Family::all() {
        assert_eq!(Family::from_name(family.name()), Some(family));
        assert_eq!(serde_json::to_value(family).unwrap(), family.name());
    }
}

#[test]
fn query_heads_of_multi_head_attention_are_planned_as_whole_heads() {
    let plan = |unit, kv_heads: usize| {
        let mut config = config("llama");
        set(&mut config, json!({ "num_key_value_heads": kv_heads }));
        let architecture = slimgpt::model::Architecture::from_config(&config).unwrap();
        let mut settings = slimgpt::config::Settings::default();
        settings.objective.attention_unit = unit;
        settings.ratios = settings.ratios.with_mean(0.5);
        let plan = pipeline::plan(&architecture, &settings).unwrap();
        pipeline::planned(&architecture, &plan).layers
    };
    let whole_heads = plan(AttentionUnitChoice::KvGroup, 4);
    assert_eq!(plan(AttentionUnitChoice::QueryHead, 4), whole_heads);
    assert!(whole_heads.iter().all(|size| size.heads < 4 && size.kv_heads == size.heads));
    let grouped = plan(AttentionUnitChoice::QueryHead, 2);
    assert_eq!((grouped[1].heads, grouped[1].kv_heads), (2, 2));
}
