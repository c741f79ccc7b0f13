//! Byte-level BPE: bytes become characters, which the listed merges join.

use serde_json::{Value, json};

use super::{Parts, Tokens, merging};
use crate::{
    gguf::pre_tokenizer::{self, Cut, Step, WholeWords},
    model::{Result, gguf::keys::Keys},
};

const MERGES: &str = "tokenizer.ggml.merges";

/// # Errors
/// If the pre-tokenizer is unknown, or merges are not pairs.
pub fn parts(keys: &Keys, tokens: &Tokens) -> Result<Parts> {
    let pre = keys.text("tokenizer.ggml.pre")?.unwrap_or("(none)");
    let known = pre_tokenizer::by_name(pre).ok_or_else(|| {
        let supported = format!("the supported ones are {}", pre_tokenizer::names());
        keys.unsupported(format!("the pre-tokenizer {pre:?}"), supported)
    })?;
    let merges = keys.texts(MERGES)?;
    let pair = |merge: &&'_ str| {
        // The first character may itself be a blank.
        let at = merge.char_indices().skip(1).find(|(_, c)| *c == ' ').map(|(at, _)| at);
        at.map(|at| (at, at + 1))
    };
    let mut pairs = Vec::with_capacity(merges.len());
    for merge in &merges {
        match pair(merge) {
            Some((end, start)) => pairs.push((&merge[..end], &merge[start..])),
            None => {
                return Err(keys.wrong(
                    MERGES,
                    "pairs of tokens",
                    &crate::gguf::Item::Text(merge.as_bytes()),
                ));
            }
        }
    }
    let steps: Vec<Value> = known.steps().map(|step| split(&step)).collect();
    let bytes =
        json!({ "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true });
    Ok(Parts {
        normalizer: if known.composes { json!({ "type": "NFC" }) } else { Value::Null },
        pre_tokenizer: json!({ "type": "Sequence", "pretokenizers": steps }),
        decoder: bytes,
        model: merging(tokens, pairs, (None, false, known.whole_words == WholeWords::First)),
        begins: known.begins,
    })
}

fn split(step: &Step) -> Value {
    match step {
        Step::Pattern(pattern) => json!({
            "type": "Split", "pattern": { "Regex": pattern }, "behavior": "Isolated", "invert": false,
        }),
        Step::Digits => json!({ "type": "Digits", "individual_digits": true }),
        Step::Bytes(cut) => json!({
            "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": *cut == Cut::Gpt2,
        }),
    }
}
