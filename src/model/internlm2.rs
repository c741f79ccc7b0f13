//! InternLM2, a LLaMA with other names: translation of its keys in `config.json` and of its tensors.

use serde_json::{Value, json};

use super::{Architecture, Result, Weights, layout};

/// Names of tensors, without the last component, in InternLM2 and in LLaMA.
const ENDS: [(&str, &str); 2] = [("model.tok_embeddings", "model.embed_tokens"), ("output", "lm_head")];
const IN_BLOCK: [(&str, &str); 6] = [
    ("attention.wo", "self_attn.o_proj"),
    ("feed_forward.w1", "mlp.gate_proj"),
    ("feed_forward.w3", "mlp.up_proj"),
    ("feed_forward.w2", "mlp.down_proj"),
    ("attention_norm", "input_layernorm"),
    ("ffn_norm", "post_attention_layernorm"),
];

/// True for a configuration of this model type.
pub fn is(config: &Value) -> bool {
    config.get("model_type").and_then(Value::as_str) == Some("internlm2")
}

/// The LLaMA configuration equal to a configuration of InternLM2.
pub fn as_llama(config: &Value) -> Value {
    let mut config = config.clone();
    let Value::Object(keys) = &mut config else { return config };
    for key in ["auto_map", "attn_implementation", "architectures"] {
        keys.remove(key);
    }
    let bias = keys.remove("bias").filter(|bias| !bias.is_null()).unwrap_or(true.into());
    let own = json!({ "model_type": "llama", "architectures": ["LlamaForCausalLM"], "attention_bias": bias });
    // The other defaults are those of LLaMA.
    let default = json!({ "vocab_size": 103_168 });
    if let (Value::Object(own), Value::Object(default)) = (own, default) {
        keys.extend(own);
        for (key, value) in default {
            keys.entry(key).or_insert(value);
        }
    }
    config
}

/// Renames the tensors as in LLaMA. Queries, keys and values are one matrix, in which the rows of each key-value head
/// and its queries are together.
///
/// # Errors
/// If a fused matrix has another shape.
pub fn rename(weights: &mut Weights, architecture: &Architecture) -> Result<()> {
    let mut rename = |from: String, to: String| {
        for kind in ["weight", "bias"] {
            weights.rename(&format!("{from}.{kind}"), format!("{to}.{kind}"));
        }
    };
    for (from, to) in ENDS {
        rename(from.into(), to.into());
    }
    for layer in 0..architecture.layers.len() {
        for (from, to) in IN_BLOCK {
            let place = |name: &str| format!("model.layers.{layer}.{name}");
            rename(place(from), place(to));
        }
    }
    for (layer, size) in architecture.layers.iter().enumerate() {
        let heads = [("q_proj", size.group()), ("k_proj", 1), ("v_proj", 1)];
        let slots = layout::block(architecture, layer);
        for kind in ["weight", "bias"] {
            let whole = format!("model.layers.{layer}.attention.wqkv.{kind}");
            let name = |projection: &str| format!("model.layers.{layer}.self_attn.{projection}.{kind}");
            let parts = heads.map(|(projection, heads)| (name(projection), heads * architecture.head_dim));
            let Some(slot) = slots.iter().find(|slot| slot.name == parts[0].0) else { continue };
            weights.split_groups(&whole, &parts, (size.kv_heads, &slot.shape[1..]))?;
        }
    }
    Ok(())
}
