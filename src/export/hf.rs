//! A Hugging Face directory whose layers have their own sizes: its configuration and what lies beside the weights.

use serde_json::{Map, Value, json};

use crate::{
    config::Precision,
    model::{Architecture, Checkpoint, Family, LayerSize, Shapes},
};

use super::{Error, OutputDir};

/// Files that go along unchanged, where the checkpoint has them; also whatever begins with `chat_template` or `LICENSE`.
const COMPANIONS: [&str; 9] = [
    "tokenizer.json",
    "tokenizer_config.json",
    "tokenizer.model",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
    "generation_config.json",
    "NOTICE",
];

/// The modeling code that transformers loads beside the configuration (`trust_remote_code`).
const MODELING: &str = include_str!("../../assets/hf/modeling_slimgpt.py");
const MODELING_NAME: &str = "modeling_slimgpt.py";

/// True where [`MODELING`] computes this family: no window, no biases of q, k and v alone, no norms of q and k.
fn has_modeling(architecture: &Architecture) -> bool {
    match architecture.family {
        Family::Llama => true,
        Family::Mistral => architecture.sliding_window.is_none(),
        Family::Qwen2 | Family::Qwen3 => false,
    }
}

/// What a directory is loaded by.
pub struct Loading {
    /// The class of transformers.
    pub class: String,
    /// The class comes along, and has to be trusted.
    pub remote_code: bool,
}

/// True for a file of the checkpoint that is copied as it is.
pub fn goes_along(name: &str) -> bool {
    COMPANIONS.contains(&name)
        || name.starts_with("chat_template")
        || name.to_ascii_uppercase().starts_with("LICENSE")
}

/// Writes everything of the directory but the weights: `config.json`, the modeling code where it computes this family,
/// and the checkpoint's tokenizer, generation settings, chat template and licence, unchanged.
pub fn write_files(
    checkpoint: &Checkpoint,
    pruned: &Architecture,
    (_shapes, _dtype): (Shapes, Option<Precision>),
    out: &OutputDir,
) -> Result<Loading, Error> {
    let config = config_json(checkpoint.config(), pruned);
    out.write("config.json", format!("{config:#}\n").as_bytes())?;
    if has_modeling(pruned) {
        out.write(MODELING_NAME, MODELING.as_bytes())?;
    }
    for name in checkpoint.source().files()? {
        if goes_along(&name) {
            out.write(&name, &checkpoint.source().read(&name, "it was there a moment ago")?)?;
        }
    }
    Ok(Loading { class: "SlimLlamaForCausalLM".into(), remote_code: has_modeling(pruned) })
}

/// `source` with the sizes of `architecture`: per layer under `per_layer_config`, as lists under the names that the
/// SlimGPT authors use, and the largest at the top level, where older readers look.
fn config_json(source: &Value, architecture: &Architecture) -> Value {
    let layers = &architecture.layers;
    let largest = |size: fn(&LayerSize) -> usize| layers.iter().map(size).max().unwrap_or(0);
    let per_layer: Map<String, Value> = layers
        .iter()
        .enumerate()
        .map(|(index, size)| {
            let sizes = json!({
                "num_attention_heads": size.heads,
                "num_key_value_heads": size.kv_heads,
                "intermediate_size": size.channels,
            });
            (index.to_string(), sizes)
        })
        .collect();
    let mut config = source.as_object().cloned().unwrap_or_default();
    let entries = json!({
        "model_type": "slimgpt_llama",
        "slimgpt_family": architecture.family.name(),
        "architectures": ["SlimLlamaForCausalLM"],
        "head_dim": architecture.head_dim,
        "rope_theta": architecture.rope.theta,
        "num_attention_heads": largest(|size| size.heads),
        "num_key_value_heads": largest(|size| size.kv_heads),
        "intermediate_size": largest(|size| size.channels),
        "per_layer_config": per_layer,
        "layer_head_num": layers.iter().map(|size| size.heads).collect::<Vec<_>>(),
        "layer_inter_size": layers.iter().map(|size| size.channels).collect::<Vec<_>>(),
    });
    config.extend(entries.as_object().cloned().unwrap_or_default());
    if has_modeling(architecture) {
        let class = |name: &str| format!("modeling_slimgpt.{name}");
        let auto_map = json!({
            "AutoConfig": class("SlimLlamaConfig"),
            "AutoModel": class("SlimLlamaModel"),
            "AutoModelForCausalLM": class("SlimLlamaForCausalLM"),
        });
        config.insert("auto_map".into(), auto_map);
    }
    Value::Object(config)
}
