//! From `config.json` to a valid architecture, or to the reason for a failure.

use serde_json::{Map, Value};

use super::{
    Architecture, Error, Family, LayerSize, Result, RopeScaling, RopeSettings,
    keys::{Keys, MOST, count, wrong},
    nemotron,
};

const SUPPORTED: &str = "the supported model types are llama, mistral, qwen2, qwen3, nemotron-nas, and the first four with the prefix slimgpt_ (written by this program)";
const MOST_LAYERS: usize = 1 << 12;

pub fn read(config: &Value) -> Result<Architecture> {
    let Value::Object(keys) = config else {
        return Err(wrong("the whole file", "a JSON object", config));
    };
    let keys = Keys(keys);
    let (family, own_form) = family(&keys)?;
    refuse_what_changes_the_block(&keys)?;

    let hidden = keys.count("hidden_size")?;
    let heads = keys.count("num_attention_heads")?;
    let layer_count = keys.count_up_to("num_hidden_layers", MOST_LAYERS)?;
    let layers = if keys.text("model_type")? == Some(nemotron::MODEL_TYPE) {
        nemotron::layer_sizes(&keys, heads, hidden, layer_count)?
    } else {
        let (kv_heads, channels) = (kv_heads(&keys, family)?, keys.count("intermediate_size")?);
        layer_sizes(&keys, LayerSize { heads, kv_heads, channels }, layer_count)?
    };
    let head_dim = head_dim(&keys, hidden, heads, own_form || family == Family::Qwen3)?;
    let (sliding_window, windowed_from) = window(&keys, family, layer_count)?;
    let attention_bias = keys.flag("attention_bias")?;

    Ok(Architecture {
        family,
        hidden,
        head_dim,
        vocab: keys.count("vocab_size")?,
        layers,
        norm_eps: keys.positive("rms_norm_eps")?,
        rope: rope(&keys)?,
        sliding_window,
        windowed_from,
        qkv_bias: match family {
            Family::Llama | Family::Qwen3 => attention_bias,
            Family::Mistral => false,
            Family::Qwen2 => true,
        },
        o_bias: match family {
            Family::Llama | Family::Qwen3 => attention_bias,
            Family::Mistral | Family::Qwen2 => false,
        },
        mlp_bias: family == Family::Llama && keys.flag("mlp_bias")?,
        qk_norm: family == Family::Qwen3,
        tied: keys.flag("tie_word_embeddings")?,
        max_positions: keys.count("max_position_embeddings")?,
        bos: keys.tokens("bos_token_id")?.first().copied(),
        eos: keys.tokens("eos_token_id")?,
    })
}

/// The family, and whether the file has this crate's own form.
fn family(keys: &Keys) -> Result<(Family, bool)> {
    let model_type = keys.text("model_type")?.ok_or(Error::MissingKey { key: "model_type".into() })?;
    let own = model_type.strip_prefix("slimgpt_");
    // Earlier versions wrote the model_type "slimgpt_llama" for all families.
    let (key, name) = match (keys.text("slimgpt_family")?, own) {
        (Some(name), Some(_)) => ("slimgpt_family", name),
        (_, own) => ("model_type", own.unwrap_or(model_type)),
    };
    match Family::from_name(name) {
        None if name == nemotron::MODEL_TYPE => Ok((Family::Llama, false)),
        Some(family) => Ok((family, own.is_some())),
        None => Err(Error::Unsupported { what: format!("{key} {name:?}"), supported: SUPPORTED }),
    }
}

fn refuse_what_changes_the_block(keys: &Keys) -> Result<()> {
    if let Some(quantisation) = keys.get("quantization_config") {
        let method =
            quantisation.get("quant_method").and_then(Value::as_str).unwrap_or("of an unnamed method");
        return Err(Error::Quantised { method: method.to_owned() });
    }
    match keys.text("hidden_act")? {
        None | Some("silu" | "swish") => {}
        Some(other) => {
            let what = format!("hidden_act {other:?}");
            return Err(Error::Unsupported { what, supported: "the only supported activation is \"silu\"" });
        }
    }
    Ok(())
}

fn kv_heads(keys: &Keys, family: Family) -> Result<usize> {
    // Llama 1 predates grouped queries; configurations of the other families always have the key.
    if family == Family::Llama && keys.get("num_key_value_heads").is_none() {
        return keys.count("num_attention_heads");
    }
    keys.count("num_key_value_heads")
}

/// The width of a head. The pruned form needs the key, because its head count no longer divides the hidden
/// size; Qwen3 needs it because its default (128) is not the quotient.
fn head_dim(keys: &Keys, hidden: usize, heads: usize, required: bool) -> Result<usize> {
    let head_dim = if required || keys.get("head_dim").is_some() {
        keys.count("head_dim")?
    } else if hidden.is_multiple_of(heads) {
        hidden / heads
    } else {
        return Err(Error::Key {
            key: "head_dim".into(),
            expected: format!(
                "given, because num_attention_heads ({heads}) does not divide hidden_size ({hidden})"
            ),
            found: "nothing".into(),
        });
    };
    if !head_dim.is_multiple_of(2) {
        return Err(Error::Key {
            key: "head_dim".into(),
            expected: "even, because rotary positions rotate pairs".into(),
            found: head_dim.to_string(),
        });
    }
    Ok(head_dim)
}

/// The sliding window and the first layer with it.
fn window(keys: &Keys, family: Family, layers: usize) -> Result<(Option<usize>, usize)> {
    let (window, from) = match family {
        Family::Llama => (None, 0),
        Family::Mistral => (keys.optional_count("sliding_window")?, 0),
        Family::Qwen2 | Family::Qwen3 if keys.flag("use_sliding_window")? => {
            (keys.optional_count("sliding_window")?, keys.whole("max_window_layers")?)
        }
        Family::Qwen2 | Family::Qwen3 => (None, 0),
    };
    let Some(kinds) = keys.get("layer_types") else { return Ok((window, from)) };
    let expected = |layer: usize| match window {
        Some(_) if layer >= from => "sliding_attention",
        _ => "full_attention",
    };
    let agrees = kinds.as_array().is_some_and(|kinds| {
        kinds.len() == layers && kinds.iter().enumerate().all(|(i, kind)| kind.as_str() == Some(expected(i)))
    });
    if !agrees {
        return Err(Error::Unsupported {
            what: "a \"layer_types\" list that contradicts the other sliding-window keys".into(),
            supported: "the only supported pattern is one window for all layers starting at max_window_layers",
        });
    }
    Ok((window, from))
}

fn layer_sizes(keys: &Keys, whole: LayerSize, layers: usize) -> Result<Vec<LayerSize>> {
    let mut sizes = vec![whole; layers];
    if let Some(table) = keys.get("per_layer_config") {
        let Value::Object(table) = table else {
            return Err(wrong("per_layer_config", "an object with one entry per layer", table));
        };
        for (layer, overrides) in table {
            let path = format!("per_layer_config.{layer}");
            let Some(size) = layer.parse().ok().and_then(|i: usize| sizes.get_mut(i)) else {
                let expected = format!("the number of a layer, 0 to {}", layers - 1);
                return Err(Error::Key { key: path, expected, found: format!("{layer:?}") });
            };
            let Value::Object(overrides) = overrides else {
                return Err(wrong(&path, "an object", overrides));
            };
            for (key, value) in overrides {
                let path = format!("{path}.{key}");
                let field = match key.as_str() {
                    "num_attention_heads" => &mut size.heads,
                    "num_key_value_heads" => &mut size.kv_heads,
                    "intermediate_size" => &mut size.channels,
                    _ => {
                        let supported = "the supported keys are num_attention_heads, num_key_value_heads and intermediate_size";
                        return Err(Error::Unsupported { what: format!("{path:?}"), supported });
                    }
                };
                *field = count(&path, value, MOST)?;
            }
        }
    }
    for (layer, size) in sizes.iter().enumerate() {
        if !size.heads.is_multiple_of(size.kv_heads) {
            return Err(Error::Key {
                key: "num_key_value_heads".into(),
                expected: format!("a divisor of the {} attention heads of layer {layer}", size.heads),
                found: size.kv_heads.to_string(),
            });
        }
    }
    Ok(sizes)
}

/// `rope_theta` and `rope_scaling`; newer files have both in `rope_parameters`.
fn rope(keys: &Keys) -> Result<RopeSettings> {
    let none = Map::new();
    let (table_key, table) = match (keys.get("rope_parameters"), keys.get("rope_scaling")) {
        (Some(table), _) => ("rope_parameters", table),
        (None, Some(table)) => ("rope_scaling", table),
        (None, None) => ("rope_parameters", &Value::Null),
    };
    let table = match table {
        Value::Object(table) => Keys(table),
        Value::Null => Keys(&none),
        other => return Err(wrong(table_key, "an object or null", other)),
    };
    let theta = table.positive_or("rope_theta", keys.positive_or("rope_theta", 1e4)?)?;
    if table.positive_or("partial_rotary_factor", keys.positive_or("partial_rotary_factor", 1.0)?)? != 1.0 {
        let supported = "rotary positions must cover the whole head";
        return Err(Error::Unsupported { what: "a partial_rotary_factor".into(), supported });
    }
    let kind = match table.text("rope_type")? {
        Some(kind) => Some(kind),
        None => table.text("type")?,
    };
    let scaling = match kind {
        Some("default") => RopeScaling::None,
        Some("linear") => RopeScaling::Linear { factor: table.positive("factor")? },
        Some("llama3") => {
            let (low, high) = (table.positive("low_freq_factor")?, table.positive("high_freq_factor")?);
            if low >= high {
                return Err(Error::Key {
                    key: "low_freq_factor".into(),
                    expected: format!("below high_freq_factor ({high})"),
                    found: low.to_string(),
                });
            }
            RopeScaling::Llama3 {
                factor: table.positive("factor")?,
                low_freq_factor: low,
                high_freq_factor: high,
                original_positions: table.count("original_max_position_embeddings")?,
            }
        }
        None if table_key == "rope_parameters" && table.0.values().all(|value| !value.is_object()) => {
            RopeScaling::None
        }
        other => {
            return Err(Error::Unsupported {
                what: format!("{table_key} of type {:?}", other.unwrap_or("none given")),
                supported: "the supported types are default, linear and llama3",
            });
        }
    };
    Ok(RopeSettings { theta, scaling })
}

#[cfg(test)]
mod tests;
