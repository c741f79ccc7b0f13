//! nemotron-nas configurations: Llama blocks with their sizes in `block_configs`.

use serde_json::{Map, Value};

use super::{
    Error, LayerSize, Result,
    keys::{Keys, wrong},
};

/// The model type in `config.json`.
pub const MODEL_TYPE: &str = "nemotron-nas";
/// FFN widths are multiples of this number.
pub const MULTIPLE: usize = 256;

/// The `ffn_mult` of a width, as engines store it: rounded to six digits.
///
/// The width is ⌊2·ffn_mult·hidden/3⌋, rounded up to a multiple of 256. `ffn_mult` is 3·width/(2·hidden). Rounding moves the
/// product by at most hidden/3·10⁻⁶, which is below 1 for any hidden size under 3 million, so the floor is the width or one below.
pub fn multiplier(width: usize, hidden: usize) -> f64 {
    let exact = 1.5 * width as f64 / hidden as f64;
    (exact * 1e6).round() / 1e6
}

/// The width of an `ffn_mult`.
pub fn width(multiplier: f64, hidden: usize) -> usize {
    ((2.0 * multiplier * hidden as f64 / 3.0) as usize).next_multiple_of(MULTIPLE)
}

/// The sizes of the blocks.
///
/// # Errors
/// If a key is missing or wrong, or a part is replaced by a linear layer.
pub(super) fn layer_sizes(keys: &Keys, heads: usize, hidden: usize, layers: usize) -> Result<Vec<LayerSize>> {
    let Some(Value::Array(blocks)) = keys.get("block_configs") else {
        return Err(Error::MissingKey { key: "block_configs".into() });
    };
    if blocks.len() != layers {
        return Err(Error::Key {
            key: "block_configs".into(),
            expected: format!("a list of {layers} blocks (num_hidden_layers)"),
            found: blocks.len().to_string(),
        });
    }
    let sizes = blocks.iter().enumerate().map(|(layer, block)| {
        let (heads, kv_heads) = match part(block, layer, "attention")? {
            Some(attention) => (heads, key_value_heads(&attention, layer, heads)?),
            None => (0, 0),
        };
        let channels = match part(block, layer, "ffn")? {
            Some(ffn) => channels(&ffn, layer, hidden)?,
            None => 0,
        };
        Ok(LayerSize { heads, kv_heads, channels })
    });
    sizes.collect()
}

fn key_value_heads(attention: &Keys, layer: usize, heads: usize) -> Result<usize> {
    let group = attention.count("n_heads_in_group")?;
    if !heads.is_multiple_of(group) {
        let key = format!("block_configs.{layer}.attention.n_heads_in_group");
        let expected = format!("a divisor of the {heads} attention heads");
        return Err(Error::Key { key, expected, found: group.to_string() });
    }
    Ok(heads / group)
}

fn channels(ffn: &Keys, layer: usize, hidden: usize) -> Result<usize> {
    let multiplier = ffn.positive("ffn_mult")?;
    let key = || format!("block_configs.{layer}.ffn.ffn_mult");
    if multiplier * hidden as f64 >= f64::from(u32::MAX) {
        let expected = "a multiplier that gives a width below 2^32".into();
        return Err(Error::Key { key: key(), expected, found: multiplier.to_string() });
    }
    // Engines round the multiplier to six digits when they read it.
    match width((multiplier * 1e6).round() / 1e6, hidden) {
        0 => {
            let expected = format!("a multiplier of the hidden size {hidden} that gives a width above 0");
            Err(Error::Key { key: key(), expected, found: multiplier.to_string() })
        }
        channels => Ok(channels),
    }
}

/// One part of a block; None if the block lacks it.
fn part<'b>(block: &'b Value, layer: usize, part: &'static str) -> Result<Option<Keys<'b>>> {
    let key = format!("block_configs.{layer}.{part}");
    let table: &Map<String, Value> = match block.get(part) {
        Some(Value::Object(table)) => table,
        Some(other) => return Err(wrong(&key, "an object", other)),
        None => return Err(Error::MissingKey { key }),
    };
    let keys = Keys(table);
    if keys.flag_or("no_op", false)? {
        return Ok(None);
    }
    if keys.flag_or("replace_with_linear", false)? {
        return Err(Error::Unsupported {
            what: format!("{key} with replace_with_linear"),
            supported: "a block can lack its attention or its FFN (no_op), but not replace it".into(),
        });
    }
    for own in ["window_length", "num_sink_tokens", "sparsify"] {
        if keys.get(own).is_some() {
            let what = format!("{key} with {own}");
            return Err(Error::Unsupported {
                what,
                supported: "attention must cover the whole context".into(),
            });
        }
    }
    Ok(Some(keys))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_multiplier_of_six_digits_gives_its_width_back_for_every_hidden_size() {
        for hidden in (8..20_000).step_by(8) {
            for blocks in [1, 2, 3, 7, 22, 43, 54, 56, 112, 215] {
                let multiplier = multiplier(blocks * MULTIPLE, hidden);
                assert_eq!(width(multiplier, hidden), blocks * MULTIPLE, "{hidden}, {multiplier}");
                assert_eq!(format!("{multiplier:.6}").parse(), Ok(multiplier));
            }
        }
    }
}
