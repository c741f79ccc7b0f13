//! The rotary positions of a GGUF file as keys of `config.json`.

use serde_json::{Map, Value, json};

use super::{
    super::{Error, Result, RopeScaling, RopeSettings, frequencies},
    keys::Keys,
};
use crate::gguf::names;

/// Adds `rope_theta` and, if positions are scaled, `rope_scaling`.
///
/// # Errors
/// If a scaling has no equivalent.
pub fn put(
    keys: &Keys,
    architecture: &str,
    head_dim: usize,
    factors: &dyn Fn(&str) -> Option<Vec<f32>>,
    config: &mut Map<String, Value>,
) -> Result<()> {
    let own = |key: &str| format!("{architecture}.rope.{key}");
    let theta = keys.optional_positive(&own("freq_base"))?.unwrap_or(1e4);
    config.insert("rope_theta".into(), theta.into());
    let scaling = match (named(keys, &own)?, factors(names::ROPE_FACTORS)) {
        (scaling, None) => scaling,
        (None, Some(factors)) => Some(by_factors(keys, theta, head_dim, &factors)?),
        (Some(scaling), Some(_)) => {
            let what = format!("rotary positions scaled both by {} and by a tensor", scaling["rope_type"]);
            return Err(keys.unsupported(what, "only one of them is supported"));
        }
    };
    if let Some(scaling) = scaling {
        config.insert("rope_scaling".into(), scaling);
    }
    Ok(())
}

/// The scaling named by the metadata.
fn named(keys: &Keys, own: &dyn Fn(&str) -> String) -> Result<Option<Value>> {
    let factor = match keys.optional_positive(&own("scaling.factor"))? {
        Some(factor) => Some(factor),
        None => keys.optional_positive(&own("scale_linear"))?,
    };
    let original = keys.optional_count(&own("scaling.original_context_length"))?;
    let kind = keys.text(&own("scaling.type"))?;
    Ok(match (kind, factor) {
        (Some("none"), _) | (None, None) => None,
        (Some("linear") | None, Some(1.0)) => None,
        (Some("linear") | None, Some(factor)) => Some(json!({ "rope_type": "linear", "factor": factor })),
        (Some("yarn"), Some(factor)) => {
            let mut scaling = json!({ "rope_type": "yarn", "factor": factor });
            if let Some(original) = original {
                scaling["original_max_position_embeddings"] = original.into();
            }
            if let Some(share) = keys.optional_positive(&own("scaling.attn_factor"))? {
                // llama.cpp multiplies it by the factor that follows from the length.
                scaling["attention_factor"] = (share * (0.1 * factor.ln() + 1.0)).into();
            }
            for (key, name) in [("yarn_beta_fast", "beta_fast"), ("yarn_beta_slow", "beta_slow")] {
                if let Some(value) = keys.optional_positive(&own(&format!("scaling.{key}")))? {
                    scaling[name] = value.into();
                }
            }
            Some(scaling)
        }
        (Some(other), _) => {
            let what = format!("rotary positions scaled by {other:?}");
            return Err(
                keys.unsupported(what, "the supported scalings are none, linear and yarn with a factor")
            );
        }
    })
}

/// The Llama 3 scaling with these divisors of the frequencies, otherwise the divisors themselves.
fn by_factors(keys: &Keys, theta: f64, head_dim: usize, factors: &[f32]) -> Result<Value> {
    let wrong = |found: String| Error::GgufKey {
        file: keys.label.clone(),
        key: names::ROPE_FACTORS.to_owned(),
        expected: format!("{} numbers above 0", head_dim / 2),
        found,
    };
    if factors.len() != head_dim / 2 {
        return Err(wrong(format!("{} numbers", factors.len())));
    }
    if let Some(factor) = factors.iter().find(|factor| !(factor.is_finite() && **factor > 0.0)) {
        return Err(wrong(factor.to_string()));
    }
    let largest = factors.iter().fold(1.0f32, |largest, factor| largest.max(*factor));
    let plain = frequencies(&RopeSettings::new(theta, RopeScaling::None), head_dim);
    let is_same = |original_positions: usize| {
        let scaling = RopeScaling::Llama3 {
            factor: largest.into(),
            low_freq_factor: 1.0,
            high_freq_factor: 4.0,
            original_positions,
        };
        let scaled = frequencies(&RopeSettings::new(theta, scaling), head_dim);
        let pairs = plain.iter().zip(&scaled).zip(factors);
        pairs.into_iter().all(|((plain, scaled), factor)| (plain / scaled / factor - 1.0).abs() < 1e-5)
    };
    // The length comes from the model's training, so it is a power of two.
    let original = (4..=24).rev().map(|power| 1 << power).find(|original| is_same(*original));
    Ok(match original {
        Some(original) => json!({
            "rope_type": "llama3",
            "factor": largest,
            "low_freq_factor": 1.0,
            "high_freq_factor": 4.0,
            "original_max_position_embeddings": original,
        }),
        None => json!({
            "rope_type": "longrope",
            "short_factor": factors,
            "long_factor": factors,
            "attention_factor": 1.0,
        }),
    })
}
