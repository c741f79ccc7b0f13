//! The layers with the sliding window, and the layers with rotary positions.

use serde_json::Value;

use super::super::{
    Error, Positions, Result, Warning,
    family::{Traits, Windows},
    keys::{Keys, wrong},
};

const FULL: &str = "full_attention";
const SLIDING: &str = "sliding_attention";

/// The sliding window, and the positions of every layer.
pub fn read(
    keys: &Keys,
    traits: &Traits,
    layers: usize,
    warnings: &mut Vec<Warning>,
) -> Result<(Option<usize>, Vec<Positions>)> {
    let rotated = if traits.layers_without_positions { rotated(keys, layers)? } else { vec![true; layers] };
    let window = match keys.0.get("sliding_window") {
        None => traits.defaults.sliding_window,
        Some(_) => keys.optional_count("sliding_window")?,
    };
    let used = || keys.flag_or("use_sliding_window", false);
    let listed = listed(keys, layers)?;
    let (window, windowed) = match traits.windows {
        Windows::None | Windows::All => {
            let all = traits.windows == Windows::All && window.is_some();
            if listed.is_some_and(|listed| listed.iter().any(|&windowed| windowed != all)) {
                let reason = format!("{} has the same attention in all layers", traits.class);
                warnings.push(Warning::UnusedKey { key: "layer_types".into(), reason });
            }
            (window.filter(|_| all), vec![all; layers])
        }
        Windows::Listed => (window, listed.unwrap_or_else(|| vec![window.is_some(); layers])),
        Windows::Upper => {
            let used = used()?;
            let window = window.filter(|_| used);
            let from = keys.whole_or("max_window_layers", 28)?;
            (
                window,
                listed
                    .unwrap_or_else(|| (0..layers).map(|layer| window.is_some() && layer >= from).collect()),
            )
        }
        Windows::Alternating(every, stated) => {
            let every = if stated { keys.count_or("sliding_window_pattern", every)? } else { every };
            (
                window,
                listed.unwrap_or_else(|| (1..=layers).map(|layer| !layer.is_multiple_of(every)).collect()),
            )
        }
        Windows::WithoutPositions => {
            let used = used()? && window.is_some();
            (window, listed.unwrap_or_else(|| rotated.iter().map(|rotated| used && !rotated).collect()))
        }
    };
    if window.is_none() && windowed.contains(&true) {
        return Err(Error::Key {
            key: "layer_types".into(),
            expected: format!("without {SLIDING:?}, because no sliding window is in use"),
            found: format!("{SLIDING:?}"),
        });
    }
    let positions =
        windowed.into_iter().zip(rotated).map(|(windowed, rotated)| Positions { windowed, rotated });
    Ok((window, positions.collect()))
}

/// Whether `layer_types` lists different kinds of attention. With such a list, transformers reads a Mistral as a Ministral.
pub fn alternate(keys: &Keys) -> bool {
    let kinds = keys.get("layer_types").and_then(Value::as_array);
    kinds.is_some_and(|kinds| kinds.iter().any(|kind| *kind != kinds[0]))
}

/// Reads `layer_types`: whether each layer has the window.
fn listed(keys: &Keys, layers: usize) -> Result<Option<Vec<bool>>> {
    let Some(value) = keys.get("layer_types") else { return Ok(None) };
    let kinds = value.as_array().filter(|kinds| kinds.len() == layers);
    let kinds = kinds
        .ok_or_else(|| wrong("layer_types", &format!("a list of {layers} names, one per layer"), value))?;
    let one = |kind: &Value| match kind.as_str() {
        Some(FULL) => Ok(false),
        Some(SLIDING) => Ok(true),
        Some(_) | None => Err(Error::Unsupported {
            what: format!("a layer of type {kind}"),
            supported: format!("the supported layer types are {FULL:?} and {SLIDING:?}"),
        }),
    };
    kinds.iter().map(one).collect::<Result<_>>().map(Some)
}

/// Despite its name, `no_rope_layers` has 1 for layers with rotary positions.
fn rotated(keys: &Keys, layers: usize) -> Result<Vec<bool>> {
    let key = "no_rope_layers";
    let Some(value) = keys.get(key) else {
        let interval = keys.count_or("no_rope_layer_interval", 4)?;
        return Ok((1..=layers).map(|layer| !layer.is_multiple_of(interval)).collect());
    };
    let expected = format!("a list of {layers} numbers, 1 for layers with rotary positions and 0 for others");
    let flags = value.as_array().filter(|flags| flags.len() == layers);
    let flags = flags.and_then(|flags| flags.iter().map(flag).collect());
    flags.ok_or_else(|| wrong(key, &expected, value))
}

fn flag(value: &Value) -> Option<bool> {
    value.as_bool().or_else(|| value.as_i64().map(|number| number != 0))
}
