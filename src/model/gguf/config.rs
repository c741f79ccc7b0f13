//! The metadata of a GGUF file as the `config.json` of a Hugging Face checkpoint.

use serde_json::{Map, Value, json};

use super::{
    super::{Error, LayerSize, Result, from_config::MOST_LAYERS},
    keys::Keys,
    positions,
};
use crate::gguf::{Item, TensorInfo, TensorType};

/// A supported architecture of llama.cpp.
struct Known {
    name: &'static str,
    /// The model type for `config.json`, unless the tensors imply another one.
    model_type: &'static str,
    /// Whether the rows of q and k are in the order of pairs.
    pairs: bool,
}

const KNOWN: [Known; 4] = [
    Known { name: "llama", model_type: "llama", pairs: true },
    Known { name: "deci", model_type: "llama", pairs: true },
    Known { name: "qwen2", model_type: "qwen2", pairs: false },
    Known { name: "qwen3", model_type: "qwen3", pairs: false },
];

/// Keys of options that change the computation, each with its neutral value.
const OPTIONS: [(&str, f64); 10] = [
    ("expert_count", 0.0),
    ("attention.scale", 0.0),
    ("attention.clamp_kqv", 0.0),
    ("attention.max_alibi_bias", 0.0),
    ("attn_logit_softcapping", 0.0),
    ("final_logit_softcapping", 0.0),
    ("logit_scale", 0.0),
    ("residual_scale", 0.0),
    ("embedding_scale", 0.0),
    ("nextn_predict_layers", 0.0),
];

/// The size of a head, for files whose rows of q and k are in the order of pairs.
pub fn head_dim_of_pairs(keys: &Keys) -> Option<usize> {
    let known = known(keys).ok()?;
    known.pairs.then(|| head_dim(keys, known).ok()).flatten()
}

/// The configuration. `factors` returns the numbers of an F32 vector of the file.
///
/// # Errors
/// If a key is missing or wrong, or an architecture or option is not supported.
pub fn config(
    keys: &Keys,
    tensors: &[&TensorInfo],
    factors: &dyn Fn(&str) -> Option<Vec<f32>>,
) -> Result<Value> {
    let known = known(keys)?;
    refuse_options(keys, known)?;
    let own = |key: &str| format!("{}.{key}", known.name);
    let layers = keys.count_up_to(&own("block_count"), MOST_LAYERS)?;
    let head_dim = head_dim(keys, known)?;
    let sizes = Sizes::read(keys, known, layers)?;
    let holds = |name: &str| tensors.iter().any(|tensor| tensor.name == name);
    let biases = ["attn_q", "attn_output", "ffn_down"].map(|name| holds(&format!("blk.0.{name}.bias")));
    let [qkv_bias, o_bias, mlp_bias] = biases;
    let window = keys.optional_count(&own("attention.sliding_window")).unwrap_or(None);
    let context = keys.count(&own("context_length"))?;
    let window = window.filter(|window| *window < context);
    let family = match known.model_type {
        // llama.cpp computes any model with such biases as a llama.
        "llama" if qkv_bias && !o_bias && !mlp_bias => "qwen2",
        "llama" if window.is_some() && !qkv_bias && !mlp_bias => "mistral",
        model_type => model_type,
    };
    let mut config = json!({
        "architectures": [class(family)],
        "model_type": family,
        "hidden_size": keys.count(&own("embedding_length"))?,
        "num_hidden_layers": layers,
        "num_attention_heads": sizes.largest(|size| size.heads),
        "num_key_value_heads": sizes.largest(|size| size.kv_heads),
        "intermediate_size": sizes.largest(|size| size.channels),
        "head_dim": head_dim,
        "vocab_size": vocabulary(keys, tensors)?,
        "hidden_act": "silu",
        "max_position_embeddings": context,
        "rms_norm_eps": keys.positive(&own("attention.layer_norm_rms_epsilon"))?,
        "tie_word_embeddings": !holds("output.weight"),
        "torch_dtype": dtype(tensors),
    });
    let Value::Object(object) = &mut config else { return Ok(config) };
    positions::put(keys, known.name, head_dim, factors, object)?;
    let mut add = |key: &str, value: Value| drop(object.insert(key.to_owned(), value));
    match family {
        "llama" => {
            add("attention_bias", qkv_bias.into());
            add("mlp_bias", mlp_bias.into());
        }
        "mistral" => add("sliding_window", json!(window)),
        "qwen2" => add("use_sliding_window", false.into()),
        "qwen3" => {
            add("use_sliding_window", false.into());
            add("attention_bias", qkv_bias.into());
        }
        _ => {}
    }
    let tokens = keys.texts("tokenizer.ggml.tokens").map_or(0, |tokens| tokens.len());
    for (key, own) in [("bos_token_id", "bos"), ("eos_token_id", "eos"), ("pad_token_id", "padding")] {
        // A missing key would have the family's default.
        let id = keys.token(&format!("tokenizer.ggml.{own}_token_id"), tokens)?;
        add(key, id.map_or(Value::Null, Value::from));
    }
    sizes.put(object, family);
    Ok(config)
}

fn known(keys: &Keys) -> Result<&'static Known> {
    let name = keys.text("general.architecture")?.unwrap_or_default();
    KNOWN.iter().find(|known| known.name == name).ok_or_else(|| {
        let names: Vec<&str> = KNOWN.iter().map(|known| known.name).collect();
        let supported = format!("the supported architectures are {}", names.join(", "));
        keys.unsupported(format!("the architecture {name:?}"), supported)
    })
}

fn refuse_options(keys: &Keys, known: &Known) -> Result<()> {
    for (key, unused) in OPTIONS {
        let key = format!("{}.{key}", known.name);
        let value = match keys.get(&key) {
            None => continue,
            Some(Item::Unsigned(value)) => value as f64,
            Some(Item::Signed(value)) => value as f64,
            Some(Item::Float(value)) => value,
            Some(Item::Bool(_) | Item::Text(_) | Item::List(_)) => f64::NAN,
        };
        if value != unused {
            let found = keys.get(&key).map(|item| item.described()).unwrap_or_default();
            return Err(keys.unsupported(format!("{key} = {found}"), "only models without it are supported"));
        }
    }
    let causal = format!("{}.attention.causal", known.name);
    if keys.flag(&causal)? == Some(false) {
        return Err(keys.unsupported(format!("{causal} = false"), "only causal models are supported"));
    }
    Ok(())
}

/// The size of a head. Keys and values have the same size, and rotary positions cover all of it.
fn head_dim(keys: &Keys, known: &Known) -> Result<usize> {
    let own = |key: &str| format!("{}.{key}", known.name);
    let head_dim = match keys.optional_count(&own("attention.key_length"))? {
        Some(length) => length,
        None => {
            let hidden = keys.count(&own("embedding_length"))?;
            let layers = keys.count_up_to(&own("block_count"), MOST_LAYERS)?;
            // llama.cpp takes the heads of the first layer.
            let heads = keys.counts(&own("attention.head_count"), layers)?[0];
            if heads == 0 || !hidden.is_multiple_of(heads) {
                let what = format!("{hidden} numbers in {heads} heads without attention.key_length");
                return Err(keys.unsupported(what, "the heads must divide the numbers"));
            }
            hidden / heads
        }
    };
    if !head_dim.is_multiple_of(2) {
        let what = format!("a head size of {head_dim}");
        return Err(keys.unsupported(what, "rotary positions rotate pairs, so it must be even"));
    }
    for key in ["attention.value_length", "rope.dimension_count"] {
        if let Some(other) = keys.optional_count(&own(key))?.filter(|other| *other != head_dim) {
            let what = format!("{} = {other} in a model with heads of {head_dim}", own(key));
            return Err(keys.unsupported(what, "both must be equal"));
        }
    }
    Ok(head_dim)
}

/// Number of rows of the embedding.
fn vocabulary(keys: &Keys, tensors: &[&TensorInfo]) -> Result<usize> {
    let embedding = tensors.iter().find(|tensor| tensor.name == "token_embd.weight");
    match embedding.map(|tensor| tensor.shape.as_slice()) {
        Some([rows, _]) => Ok(*rows),
        Some(_) | None => {
            let missing = "token_embd.weight".to_owned();
            Err(Error::MissingTensor { place: keys.label.clone(), tensor: missing })
        }
    }
}

/// The number type of most weights.
fn dtype(tensors: &[&TensorInfo]) -> &'static str {
    let projection = tensors.iter().find(|tensor| tensor.name == "blk.0.attn_output.weight");
    match projection.map(|tensor| &tensor.kind) {
        Some(Ok(TensorType::F16)) => "float16",
        Some(Ok(TensorType::BF16)) => "bfloat16",
        Some(_) | None => "float32",
    }
}

fn class(model_type: &str) -> &'static str {
    match model_type {
        "mistral" => "MistralForCausalLM",
        "qwen2" => "Qwen2ForCausalLM",
        "qwen3" => "Qwen3ForCausalLM",
        _ => "LlamaForCausalLM",
    }
}

/// The sizes of every layer.
struct Sizes(Vec<LayerSize>);

impl Sizes {
    fn read(keys: &Keys, known: &Known, layers: usize) -> Result<Self> {
        let counts = |key: &str| keys.counts(&format!("{}.{key}", known.name), layers);
        let heads = counts("attention.head_count")?;
        let grouped = keys.get(&format!("{}.attention.head_count_kv", known.name)).is_some();
        let kv_heads = if grouped { counts("attention.head_count_kv")? } else { heads.clone() };
        let channels = counts("feed_forward_length")?;
        let layers = heads.into_iter().zip(kv_heads).zip(channels).enumerate();
        let size = |(layer, ((heads, kv_heads), channels))| match (heads, kv_heads) {
            (0, _) => Ok(LayerSize { heads: 0, kv_heads: 0, channels }),
            (_, 0) => {
                let what = format!("layer {layer} with {heads} heads and no key-value heads");
                Err(keys.unsupported(what, "a layer has attention, or no heads at all"))
            }
            _ => Ok(LayerSize { heads, kv_heads, channels }),
        };
        layers.map(size).collect::<Result<_>>().map(Self)
    }

    /// The largest value; at least 1, because `config.json` has no absent parts outside `per_layer_config`.
    fn largest(&self, size: fn(&LayerSize) -> usize) -> usize {
        self.0.iter().map(size).fold(1, usize::max)
    }

    /// Adds sizes that differ between layers, in this program's own form.
    fn put(&self, config: &mut Map<String, Value>, family: &str) {
        if self.0.iter().all(|size| *size == self.0[0] && size.is_whole()) {
            return;
        }
        let layers = self.0.iter().enumerate();
        let per_layer: Map<String, Value> =
            layers.map(|(layer, size)| (layer.to_string(), size.keys())).collect();
        config.insert("model_type".into(), format!("slimgpt_{family}").into());
        config.insert("slimgpt_family".into(), family.into());
        config.insert("per_layer_config".into(), per_layer.into());
    }
}
