//! The merges of a BPE tokenizer, in order.

use serde_json::Value as Json;

/// Pairs in the order in which they are merged; "a b" or ["a", "b"] in the file.
pub fn read(model: &Json) -> Result<Vec<(String, String)>, String> {
    let merges = model["merges"].as_array().ok_or("expected merges under \"model\", found none")?;
    let pair = |merge: &Json| match merge {
        Json::String(text) => text.split_once(' ').map(|(a, b)| (a.to_owned(), b.to_owned())),
        Json::Array(both) => match both.as_slice() {
            [Json::String(a), Json::String(b)] => Some((a.clone(), b.clone())),
            _ => None,
        },
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::Object(_) => None,
    };
    merges.iter().map(|merge| pair(merge).ok_or_else(|| format!("{merge} is no pair of tokens"))).collect()
}
