//! The sizes of heads and layers: one size for all, a table indexed by layer, or the lists of the SlimGPT authors.

use serde_json::Value;

use super::super::{
    Error, LayerSize, Result,
    family::{Defaults, Traits},
    keys::{Keys, MOST, count, wrong},
};

/// The pruned form needs the key, because its head count no longer divides the hidden size.
pub fn head_dim(keys: &Keys, traits: &Traits, hidden: usize, heads: usize, required: bool) -> Result<usize> {
    let head_dim = match (keys.optional_count("head_dim")?, traits.defaults.head_dim) {
        (Some(head_dim), _) => head_dim,
        (None, _) if required => return keys.count("head_dim"),
        (None, Some(default)) => default,
        (None, None) if hidden.is_multiple_of(heads) || !traits.heads_divide_hidden => hidden / heads,
        (None, None) => {
            return Err(Error::Key {
                key: "head_dim".into(),
                expected: format!(
                    "given, because num_attention_heads ({heads}) does not divide hidden_size ({hidden})"
                ),
                found: "nothing".into(),
            });
        }
    };
    if head_dim == 0 || !head_dim.is_multiple_of(2) {
        return Err(Error::Key {
            key: "head_dim".into(),
            expected: "even, because rotary positions rotate pairs".into(),
            found: head_dim.to_string(),
        });
    }
    Ok(head_dim)
}

/// The size of every layer.
pub fn layers(keys: &Keys, defaults: &Defaults, heads: usize, layers: usize) -> Result<Vec<LayerSize>> {
    let kv_heads = match keys.0.get("num_key_value_heads") {
        None => defaults.num_key_value_heads.unwrap_or(heads),
        Some(Value::Null) => heads,
        Some(value) => count("num_key_value_heads", value, MOST)?,
    };
    let channels = keys.count_or("intermediate_size", defaults.intermediate_size)?;
    let mut sizes = vec![LayerSize { heads, kv_heads, channels }; layers];
    match keys.get("per_layer_config") {
        Some(table) => by_layer(table, &mut sizes)?,
        None => by_lists(keys, &mut sizes)?,
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

fn by_layer(table: &Value, sizes: &mut [LayerSize]) -> Result<()> {
    let Value::Object(table) = table else {
        return Err(wrong("per_layer_config", "an object with one entry per layer", table));
    };
    let last = sizes.len() - 1;
    let mut absent = Vec::new();
    for (layer, overrides) in table {
        let path = format!("per_layer_config.{layer}");
        let index = layer.parse().ok();
        let Some((index, size)) = index.and_then(|i: usize| Some((i, sizes.get_mut(i)?))) else {
            let expected = format!("the number of a layer, 0 to {last}");
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
                "skip" => {
                    absent.push((index, parts_to_skip(&path, value)?));
                    continue;
                }
                _ => {
                    let supported = "the supported keys are num_attention_heads, num_key_value_heads, intermediate_size and skip";
                    return Err(Error::Unsupported {
                        what: format!("{path:?}"),
                        supported: supported.into(),
                    });
                }
            };
            *field = count(&path, value, MOST)?;
        }
    }
    for (layer, parts) in absent {
        for part in parts {
            match part {
                Skipped::Attention => (sizes[layer].heads, sizes[layer].kv_heads) = (0, 0),
                Skipped::Mlp => sizes[layer].channels = 0,
            }
        }
    }
    Ok(())
}

/// A part that a layer lacks.
#[derive(Clone, Copy)]
enum Skipped {
    Attention,
    Mlp,
}

/// The value of `skip`: a list with the names in transformers.
fn parts_to_skip(path: &str, value: &Value) -> Result<Vec<Skipped>> {
    let list = value.as_array().ok_or_else(|| wrong(path, "a list of parts", value))?;
    let part = |part: &Value| match part.as_str() {
        Some("attention") => Ok(Skipped::Attention),
        Some("mlp") => Ok(Skipped::Mlp),
        Some(_) | None => Err(Error::Unsupported {
            what: format!("{path} {part}"),
            supported: "the parts that a layer can lack are \"attention\" and \"mlp\"".into(),
        }),
    };
    list.iter().map(part).collect()
}

/// The keys of the SlimGPT authors' checkpoints: heads and channels of every layer. The size of groups of query heads
/// does not change.
fn by_lists(keys: &Keys, sizes: &mut [LayerSize]) -> Result<()> {
    if let Some(heads) = list(keys, "layer_head_num", sizes.len())? {
        for (layer, (size, heads)) in sizes.iter_mut().zip(heads).enumerate() {
            let group = (size.heads / size.kv_heads).max(1);
            if !heads.is_multiple_of(group) {
                return Err(Error::Key {
                    key: format!("layer_head_num.{layer}"),
                    expected: format!("a multiple of the {group} query heads per key-value head"),
                    found: heads.to_string(),
                });
            }
            (size.heads, size.kv_heads) = (heads, heads / group);
        }
    }
    if let Some(channels) = list(keys, "layer_inter_size", sizes.len())? {
        sizes.iter_mut().zip(channels).for_each(|(size, channels)| size.channels = channels);
    }
    Ok(())
}

fn list(keys: &Keys, key: &str, layers: usize) -> Result<Option<Vec<usize>>> {
    let Some(value) = keys.get(key) else { return Ok(None) };
    let values = value.as_array().filter(|values| values.len() == layers);
    let values =
        values.ok_or_else(|| wrong(key, &format!("a list of {layers} numbers, one per layer"), value))?;
    let one = |(layer, value): (usize, &Value)| count(&format!("{key}.{layer}"), value, MOST);
    values.iter().enumerate().map(one).collect::<Result<_>>().map(Some)
}
