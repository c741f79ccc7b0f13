//! The `config.json` of a written model: unchanged, for a class of transformers, or with sizes per layer.

use serde_json::{Map, Value, json};

use super::nemotron;
use crate::model::{Architecture, Family, LayerSize, Precision, RopeScaling};

/// Keys that describe an earlier export of the model, or code that is not copied.
const STALE: [&str; 7] = [
    "auto_map",
    "architectures",
    "slimgpt_family",
    "per_layer_config",
    "layer_head_num",
    "layer_inter_size",
    "block_configs",
];

/// The class that loads a written model. It determines how the configuration gives the sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModelClass {
    /// The checkpoint's own class; its configuration already has the sizes.
    Unchanged,
    /// A class of transformers, for layers of equal size.
    Stock(Family),
    /// The modeling code in the directory, for layers of different sizes.
    PerLayer,
    /// nemotron-nas, which several engines support: FFN widths per layer.
    NemotronNas,
}

impl ModelClass {
    /// The class of a pruned model.
    pub fn of(architecture: &Architecture) -> Self {
        let Architecture { family, hidden, qkv_bias, o_bias, mlp_bias, .. } = *architecture;
        let Some((&first, others)) = architecture.layers.split_first() else { return Self::PerLayer };
        if !first.is_whole() || others.iter().any(|size| *size != first) {
            return Self::PerLayer;
        }
        // The stock Phi-3 takes the width of partial rotary positions from the hidden size over the number of heads.
        let by_heads = family == Family::Phi3 && architecture.rope.partial != 1.0;
        if by_heads && first.heads * architecture.head_dim != hidden {
            return Self::PerLayer;
        }
        // For some families, transformers 5 refuses heads that do not divide the hidden size, whatever the head_dim.
        if hidden.is_multiple_of(first.heads) || !family.heads_divide_hidden() {
            return Self::Stock(family);
        }
        // A Mistral without a window computes the same as a Llama, but cannot have biases.
        let biased = qkv_bias || o_bias || mlp_bias;
        if family == Family::Llama && !biased { Self::Stock(Family::Mistral) } else { Self::PerLayer }
    }

    /// The name of the class, for a model of this family.
    pub fn name(self, family: Family) -> String {
        match self {
            Self::Unchanged => format!("{}ForCausalLM", family.class()),
            Self::Stock(stock) => format!("{}ForCausalLM", stock.class()),
            Self::PerLayer => format!("Slim{}ForCausalLM", family.class()),
            Self::NemotronNas => nemotron::CLASS.into(),
        }
    }

    /// The class of a model in the shapes of its checkpoint, whose configuration is `source`. Sizes that
    /// already differ between layers are given per layer.
    pub fn of_unpruned(source: &Value, architecture: &Architecture) -> Self {
        let model_type = source.get("model_type").and_then(Value::as_str);
        let whole = architecture.layers.iter().all(LayerSize::is_whole);
        let own = model_type == Some(architecture.family.name());
        if own && whole { Self::Unchanged } else { Self::of(architecture) }
    }
}

/// The configuration `source` with the sizes of `architecture`, and with the stored type of the weights if
/// `dtype` changes it.
pub fn config_json(
    source: &Value,
    architecture: &Architecture,
    class: ModelClass,
    dtype: Option<Precision>,
) -> Value {
    let mut config = source.as_object().cloned().unwrap_or_default();
    match class {
        ModelClass::Unchanged => {
            forget(&mut config, &["auto_map"]);
            if config.contains_key("rope_parameters") {
                set_positions(&mut config, architecture);
            }
            set_window(&mut config, architecture);
        }
        ModelClass::Stock(family) => {
            forget(&mut config, &STALE);
            set_common(&mut config, architecture);
            set_stock(&mut config, architecture, family);
        }
        ModelClass::PerLayer => {
            forget(&mut config, &STALE);
            set_common(&mut config, architecture);
            set_per_layer(&mut config, architecture);
        }
        ModelClass::NemotronNas => {
            forget(&mut config, &STALE);
            set_common(&mut config, architecture);
            nemotron::set(&mut config, architecture);
        }
    }
    set_biases(&mut config, architecture);
    set_tie(&mut config, architecture);
    if let Some(dtype) = dtype {
        set_dtype(&mut config, dtype);
    }
    Value::Object(config)
}

/// Sets the keys shared by both kinds of configuration. If sizes differ between layers, the maximum is given,
/// for readers that expect a single size.
fn set_common(config: &mut Map<String, Value>, architecture: &Architecture) {
    // At least 1: classes are built with these sizes even where every layer lacks the part.
    let largest = |size: fn(&LayerSize) -> usize| architecture.layers.iter().map(size).fold(1, usize::max);
    set_positions(config, architecture);
    let keys = json!({
        "head_dim": architecture.head_dim,
        "num_attention_heads": largest(|size| size.heads),
        "num_key_value_heads": largest(|size| size.kv_heads),
        "intermediate_size": largest(|size| size.channels),
    });
    set(config, keys);
    set_window(config, architecture);
}

/// Sets the keys of biases that compensation added. Biases are never added to families without such a key.
fn set_biases(config: &mut Map<String, Value>, architecture: &Architecture) {
    let keys = [("attention_bias", architecture.o_bias), ("mlp_bias", architecture.mlp_bias)];
    for (key, _) in keys.iter().filter(|(_, there)| *there) {
        config.insert((*key).into(), true.into());
    }
}

/// Sets `tie_word_embeddings` if the checkpoint contradicts its configuration.
fn set_tie(config: &mut Map<String, Value>, architecture: &Architecture) {
    let read = Architecture::from_config(&Value::Object(config.clone()));
    if read.is_ok_and(|read| read.tied != architecture.tied) {
        config.insert("tie_word_embeddings".into(), architecture.tied.into());
    }
}

/// Writes the window of a Mistral even if it has none: transformers reads a missing key as 4096.
fn set_window(config: &mut Map<String, Value>, architecture: &Architecture) {
    if architecture.family == Family::Mistral {
        config.insert("sliding_window".into(), json!(architecture.sliding_window));
    }
}

/// transformers 4 reads only `rope_theta` and `rope_scaling`; transformers 5 reads `rope_parameters` too. Families with several rotary
/// embeddings or a partial one keep their keys.
fn set_positions(config: &mut Map<String, Value>, architecture: &Architecture) {
    if !architecture.family.rotates_whole_heads() {
        return;
    }
    let rope = &architecture.rope;
    let scaling = rope_scaling(&rope.scaling);
    if config.contains_key("rope_parameters") {
        let mut both = Map::from_iter([("rope_type".into(), "default".into())]);
        both.extend(scaling.clone().unwrap_or_default());
        both.insert("rope_theta".into(), rope.theta.into());
        config.insert("rope_parameters".into(), both.into());
    }
    match scaling {
        Some(scaling) => drop(config.insert("rope_scaling".into(), scaling.into())),
        None => forget(config, &["rope_scaling"]),
    }
    if let RopeScaling::LongRope { original_positions, .. } = rope.scaling {
        // transformers 4 reads it here alone.
        config.insert("original_max_position_embeddings".into(), original_positions.into());
    }
    config.insert("rope_theta".into(), rope.theta.into());
}

fn set_stock(config: &mut Map<String, Value>, architecture: &Architecture, family: Family) {
    let class = ModelClass::Stock(family).name(family);
    set(config, json!({ "model_type": family.name(), "architectures": [class] }));
    if family != architecture.family {
        forget(config, &["attention_bias", "mlp_bias", "layer_types"]);
        config.insert("sliding_window".into(), Value::Null);
        // A missing key has another default in the other family.
        let stated = json!({
            "vocab_size": architecture.vocab,
            "hidden_size": architecture.hidden,
            "num_hidden_layers": architecture.layers.len(),
            "max_position_embeddings": architecture.max_positions,
            "rms_norm_eps": architecture.norm_eps,
        });
        if let Value::Object(stated) = stated {
            for (key, value) in stated {
                config.entry(key).or_insert(value);
            }
        }
    }
}

/// Sets the sizes under `per_layer_config`, and as lists under the names in the SlimGPT authors' code.
fn set_per_layer(config: &mut Map<String, Value>, architecture: &Architecture) {
    let Architecture { family, layers, .. } = architecture;
    let per_layer: Map<String, Value> =
        layers.iter().enumerate().map(|(index, size)| (index.to_string(), size.keys())).collect();
    let place = |what: &str| format!("modeling_slimgpt.Slim{}{what}", family.class());
    let keys = json!({
        "model_type": format!("slimgpt_{family}"),
        "slimgpt_family": family.name(),
        "architectures": [ModelClass::PerLayer.name(*family)],
        "auto_map": {
            "AutoConfig": place("Config"),
            "AutoModel": place("Model"),
            "AutoModelForCausalLM": place("ForCausalLM"),
        },
        "per_layer_config": per_layer,
        "layer_head_num": layers.iter().map(|size| size.heads).collect::<Vec<_>>(),
        "layer_inter_size": layers.iter().map(|size| size.channels).collect::<Vec<_>>(),
    });
    set(config, keys);
}

/// None if positions are not scaled.
fn rope_scaling(scaling: &RopeScaling) -> Option<Map<String, Value>> {
    let keys = match scaling {
        RopeScaling::None => return None,
        RopeScaling::Linear { factor } => json!({ "rope_type": "linear", "factor": factor }),
        RopeScaling::Dynamic { factor } => json!({ "rope_type": "dynamic", "factor": factor }),
        RopeScaling::Yarn {
            factor,
            attention_factor,
            beta_fast,
            beta_slow,
            original_positions,
            truncate,
        } => json!({
            "rope_type": "yarn",
            "factor": factor,
            "attention_factor": attention_factor,
            "beta_fast": beta_fast,
            "beta_slow": beta_slow,
            "original_max_position_embeddings": original_positions,
            "truncate": truncate,
        }),
        RopeScaling::LongRope { short, long, attention_factor, original_positions } => json!({
            "rope_type": "longrope",
            "short_factor": short,
            "long_factor": long,
            "attention_factor": attention_factor,
            "original_max_position_embeddings": original_positions,
        }),
        RopeScaling::Llama3 { factor, low_freq_factor, high_freq_factor, original_positions } => json!({
            "rope_type": "llama3",
            "factor": factor,
            "low_freq_factor": low_freq_factor,
            "high_freq_factor": high_freq_factor,
            "original_max_position_embeddings": original_positions,
        }),
    };
    keys.as_object().cloned()
}

/// Sets the type under the key that the file already has, otherwise under the older key.
fn set_dtype(config: &mut Map<String, Value>, dtype: Precision) {
    let name = match dtype {
        Precision::F32 => "float32",
        Precision::F16 => "float16",
        Precision::BF16 => "bfloat16",
    };
    let newer = config.contains_key("dtype");
    if newer {
        config.insert("dtype".into(), name.into());
    }
    if !newer || config.contains_key("torch_dtype") {
        config.insert("torch_dtype".into(), name.into());
    }
}

fn forget(config: &mut Map<String, Value>, keys: &[&str]) {
    keys.iter().for_each(|key| drop(config.remove(*key)));
}

pub fn set(config: &mut Map<String, Value>, keys: Value) {
    if let Value::Object(keys) = keys {
        config.extend(keys);
    }
}

#[cfg(test)]
mod tests;
