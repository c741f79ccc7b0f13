//! Tiny random checkpoints in the usual files, and a slow forward pass for comparison.

pub mod plain;

use std::{collections::BTreeMap, path::Path};

use candle_core::DType;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use slimgpt::model::{Architecture, StoredTensor, round_to, stored_tensors};

/// Tensors by name: (shape, numbers).
pub type Tensors = BTreeMap<String, (Vec<usize>, Vec<f32>)>;

/// A two-layer model of one of the families, with grouped queries.
pub fn config(family: &str) -> Value {
    let mut config = json!({
        "model_type": family, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 50, "rms_norm_eps": 1e-5,
        "rope_theta": 10000.0, "max_position_embeddings": 512, "tie_word_embeddings": false,
        "hidden_act": "silu", "bos_token_id": 1, "eos_token_id": [2, 3],
    });
    let extra = match family {
        "mistral" => json!({ "head_dim": 16, "sliding_window": null }),
        "qwen2" => json!({ "use_sliding_window": false, "sliding_window": 4096, "max_window_layers": 2 }),
        "qwen3" => json!({ "head_dim": 16, "attention_bias": false, "use_sliding_window": false,
            "sliding_window": null, "max_window_layers": 2 }),
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
        _ => json!({}),
    };
    set(&mut config, extra);
    config
}

/// Adds or replaces keys of a configuration.
pub fn set(config: &mut Value, keys: Value) {
    let (Value::Object(config), Value::Object(keys)) = (config, keys) else { panic!("not objects") };
    config.extend(keys);
}

/// Random tensors with logits around one, so every part of the model matters.
pub fn random_tensors(config: &Value, seed: u64) -> Tensors {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let architecture = Architecture::from_config(config).unwrap();
    let mut random = |slot: slimgpt::model::Slot| {
        let (middle, spread) = match slot.name.as_str() {
            name if name.contains("norm") => (1.0, 0.5),
            name if name.ends_with("bias") => (0.0, 0.5),
            name if name.contains("embed") => (0.0, 1.0),
            _ => (0.0, 2.0 / (slot.shape[1] as f32).sqrt()),
        };
        let numbers = slot.shape.iter().product();
        let values = (0..numbers).map(|_| middle + spread * rng.random_range(-1.0f32..1.0)).collect();
        (slot.name, (slot.shape, values))
    };
    architecture.tensors().into_iter().map(&mut random).collect()
}

pub fn random_tokens(count: usize, seed: u64) -> Vec<u32> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    (0..count).map(|_| rng.random_range(0..50)).collect()
}

pub fn stored(tensors: &Tensors, dtype: DType) -> Vec<StoredTensor<'static>> {
    let store = |(name, (shape, values)): (&String, &(Vec<usize>, Vec<f32>))| StoredTensor {
        name: name.clone(),
        dtype,
        shape: shape.clone(),
        bytes: round_to(dtype, values).unwrap().bytes.into(),
    };
    tensors.iter().map(store).collect()
}

pub fn write_config(directory: &Path, config: &Value) {
    std::fs::write(directory.join("config.json"), config.to_string()).unwrap();
}

pub fn write_weights(directory: &Path, file: &str, tensors: &[StoredTensor]) {
    let bytes = safetensors::serialize(tensors.iter().map(|tensor| (&tensor.name, tensor)), None).unwrap();
    std::fs::write(directory.join(file), bytes).unwrap();
}

/// A checkpoint in a temporary directory.
pub fn checkpoint(config: &Value, tensors: &Tensors, dtype: DType) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    write_config(directory.path(), config);
    let architecture = Architecture::from_config(config).unwrap();
    let mut stored = stored(tensors, dtype);
    // The parts of fused tensors follow each other in this order.
    let order: Vec<String> = architecture.tensors().into_iter().map(|slot| slot.name).collect();
    stored.sort_by_key(|tensor| order.iter().position(|name| *name == tensor.name));
    write_weights(directory.path(), "model.safetensors", &stored_tensors(&architecture, &stored));
    directory
}
