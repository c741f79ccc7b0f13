//! From `config.json` to a valid architecture or an error. Missing keys have the defaults of transformers.

mod positions;
mod rope;
mod sizes;

use serde_json::Value;

use super::{
    Architecture, Error, Family, Form, Result, Warning,
    family::{Bias, Cap, Factors, Traits, Windows},
    form::{Activation, Multipliers},
    internlm2,
    keys::{Keys, wrong},
    nemotron,
};

/// Larger than any real model; bounds the memory reserved for a damaged configuration.
pub const MOST_LAYERS: usize = 1 << 12;

/// The architecture, and the keys that have no effect.
pub fn read(config: &Value) -> Result<(Architecture, Vec<Warning>)> {
    if internlm2::is(config) {
        return read(&internlm2::as_llama(config));
    }
    let Value::Object(keys) = config else {
        return Err(wrong("the whole file", "a JSON object", config));
    };
    let keys = Keys(keys);
    let (family, own_form) = family(&keys)?;
    let traits = family.traits();
    let defaults = &traits.defaults;
    refuse_quantised(&keys)?;

    let mut warnings = keys_of_other_families(&keys, traits);
    let hidden = keys.count_or("hidden_size", defaults.hidden_size)?;
    let heads = keys.count_or("num_attention_heads", defaults.num_attention_heads)?;
    let layers = keys.count_up_to("num_hidden_layers", MOST_LAYERS, defaults.num_hidden_layers)?;
    let max_positions = keys.count_or("max_position_embeddings", defaults.max_position_embeddings)?;
    let head_dim = sizes::head_dim(&keys, traits, hidden, heads, own_form)?;
    let (sliding_window, positions) = positions::read(&keys, traits, layers, &mut warnings)?;
    refuse_bidirectional(&keys)?;
    let (rope, windowed_rope) = rope::read(&keys, family, (head_dim, max_positions), &mut warnings)?;
    let architecture = Architecture {
        family,
        hidden,
        head_dim,
        vocab: keys.count_or("vocab_size", defaults.vocab_size)?,
        layers: match keys.text("model_type")? {
            Some(nemotron::MODEL_TYPE) => nemotron::layer_sizes(&keys, heads, hidden, layers)?,
            Some(_) | None => sizes::layers(&keys, defaults, heads, layers)?,
        },
        norm_eps: keys.positive_or("rms_norm_eps", defaults.rms_norm_eps)?,
        rope,
        windowed_rope,
        sliding_window,
        positions,
        qkv_bias: has(traits.qkv_bias, &keys)?,
        o_bias: has(traits.o_bias, &keys)?,
        mlp_bias: has(traits.mlp_bias, &keys)?,
        form: Form {
            activation: activation(&keys, traits)?,
            qk_norm: traits.qk_norm,
            multipliers: multipliers(&keys, traits, hidden)?,
            norms: traits.norms,
            offset_norms: traits.offset_norms,
            attention_cap: match traits.attention_cap {
                Some(default) => cap(&keys, "attn_logit_softcapping", Some(default))?,
                None => None,
            },
            logits_cap: match traits.logits_cap {
                Cap::Never => None,
                Cap::Default(default) => cap(&keys, "final_logit_softcapping", default)?,
            },
        },
        tied: keys.flag_or("tie_word_embeddings", defaults.tie_word_embeddings)?,
        max_positions,
        bos: keys.tokens_or("bos_token_id", defaults.bos_token_id)?.first().copied(),
        eos: keys.tokens_or("eos_token_id", defaults.eos_token_id)?,
    };
    Ok((architecture, warnings))
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
        Some(Family::Mistral) if positions::alternate(keys) => Ok((Family::Ministral, own.is_some())),
        Some(family) => Ok((family, own.is_some())),
        None => {
            let names: Vec<&str> = Family::all().iter().map(|family| family.name()).collect();
            let supported = format!(
                "the supported model types are {}, these with the prefix slimgpt_ (written by this program), internlm2 and nemotron-nas",
                names.join(", ")
            );
            Err(Error::Unsupported { what: format!("{key} {name:?}"), supported })
        }
    }
}

/// Keys that change the computation of another family and have no effect in this one.
fn keys_of_other_families(keys: &Keys, traits: &Traits) -> Vec<Warning> {
    let multiplies = traits.multipliers == Factors::Keys;
    let known = [
        ("attention_bias", traits.qkv_bias == Bias::If("attention_bias")),
        ("mlp_bias", traits.mlp_bias == Bias::If("mlp_bias")),
        ("sliding_window", traits.windows != Windows::None),
        ("attn_logit_softcapping", traits.attention_cap.is_some()),
        ("final_logit_softcapping", traits.logits_cap != Cap::Never),
        ("embedding_multiplier", multiplies),
        ("attention_multiplier", multiplies),
        ("residual_multiplier", multiplies),
        ("logits_scaling", multiplies),
    ];
    let has_effect = |value: &Value| *value != Value::Bool(false) && value.as_f64() != Some(1.0);
    let unused = known.into_iter().filter(|(key, used)| !used && keys.get(key).is_some_and(has_effect));
    let warning = |(key, _): (&str, bool)| {
        let reason = format!("{} has no such option", traits.class);
        Warning::UnusedKey { key: key.into(), reason }
    };
    unused.map(warning).collect()
}

fn refuse_quantised(keys: &Keys) -> Result<()> {
    let Some(quantisation) = keys.get("quantization_config") else { return Ok(()) };
    let method = quantisation.get("quant_method").and_then(Value::as_str).unwrap_or("of an unnamed method");
    Err(Error::Quantised { method: method.to_owned() })
}

fn has(bias: Bias, keys: &Keys) -> Result<bool> {
    match bias {
        Bias::Never => Ok(false),
        Bias::Always => Ok(true),
        Bias::If(key) => keys.flag_or(key, false),
    }
}

fn activation(keys: &Keys, traits: &Traits) -> Result<Activation> {
    let key = traits.activation_key;
    let Some(name) = keys.text(key)? else { return Ok(traits.defaults.activation) };
    Activation::from_name(name).ok_or_else(|| {
        let names = [Activation::Silu, Activation::GeluTanh].map(Activation::names).concat().join(", ");
        Error::Unsupported {
            what: format!("{key} {name:?}"),
            supported: format!("the supported activations are {names}"),
        }
    })
}

fn multipliers(keys: &Keys, traits: &Traits, hidden: usize) -> Result<Multipliers> {
    match traits.multipliers {
        Factors::None => Ok(Multipliers::default()),
        Factors::Keys => Ok(Multipliers {
            embedding: keys.positive_or("embedding_multiplier", 1.0)?,
            attention: Some(keys.positive_or("attention_multiplier", 1.0)?),
            residual: keys.positive_or("residual_multiplier", 1.0)?,
            logits_divisor: keys.positive_or("logits_scaling", 1.0)?,
        }),
        Factors::Gemma => Ok(Multipliers {
            embedding: (hidden as f64).sqrt(),
            attention: Some(keys.positive_or("query_pre_attn_scalar", 256.0)?.powf(-0.5)),
            ..Multipliers::default()
        }),
    }
}

/// `null` means no cap.
fn cap(keys: &Keys, key: &str, default: Option<f64>) -> Result<Option<f64>> {
    match keys.0.get(key) {
        None => Ok(default),
        Some(Value::Null) => Ok(None),
        Some(_) => keys.positive(key).map(Some),
    }
}

fn refuse_bidirectional(keys: &Keys) -> Result<()> {
    let key = "use_bidirectional_attention";
    if keys.flag_or(key, false)? {
        let supported = "only models that predict the next token are supported".into();
        return Err(Error::Unsupported { what: format!("{key:?}"), supported });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
