//! SentencePiece BPE: blanks become ▁, and neighbours are joined to the token with the highest score.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::{Parts, Tokens, merging, unknown};
use crate::{
    gguf::TokenKind,
    model::{Result, gguf::keys::Keys},
};

const SCORES: &str = "tokenizer.ggml.scores";
const BLANK: &str = "▁";

/// # Errors
/// If scores are missing or not numbers.
pub fn parts(keys: &Keys, tokens: &Tokens) -> Result<Parts> {
    let scores = keys.numbers(SCORES)?.unwrap_or_default();
    if scores.len() != tokens.texts.len() {
        return Err(keys.wrong(SCORES, "one number for each token", &keys.required(SCORES)?));
    }
    let prefix = keys.flag("tokenizer.ggml.add_space_prefix")?.unwrap_or(true);
    let replace = json!({ "type": "Replace", "pattern": { "String": " " }, "content": BLANK });
    let prepend = json!({ "type": "Prepend", "prepend": BLANK });
    let normalizers: Vec<Value> = prefix.then_some(prepend).into_iter().chain([replace]).collect();
    let mut decoders = vec![
        json!({ "type": "Replace", "pattern": { "String": BLANK }, "content": " " }),
        json!({ "type": "ByteFallback" }),
        json!({ "type": "Fuse" }),
    ];
    if prefix {
        decoders.push(json!({ "type": "Strip", "content": " ", "start": 1, "stop": 0 }));
    }
    Ok(Parts {
        normalizer: json!({ "type": "Sequence", "normalizers": normalizers }),
        pre_tokenizer: Value::Null,
        decoder: json!({ "type": "Sequence", "decoders": decoders }),
        model: merging(tokens, merges(tokens, &scores), (unknown(keys, tokens)?, true, false)),
        begins: true,
    })
}

/// All pairs of tokens that form a token, the token with the highest score first.
fn merges<'f>(tokens: &Tokens<'f>, scores: &[f64]) -> Vec<(&'f str, &'f str)> {
    let joined = |kind: TokenKind| match kind {
        TokenKind::Normal | TokenKind::UserDefined => true,
        TokenKind::Unknown | TokenKind::Control | TokenKind::Unused | TokenKind::Byte => false,
    };
    let ids: HashMap<&str, usize> =
        tokens.iter().filter(|(_, _, kind)| joined(*kind)).map(|(id, text, _)| (text, id)).collect();
    let mut ranked = Vec::new();
    for (id, text, _) in tokens.iter().filter(|(_, _, kind)| joined(*kind)) {
        for (at, _) in text.char_indices().skip(1) {
            let (a, b) = text.split_at(at);
            if let (Some(first), Some(second)) = (ids.get(a), ids.get(b)) {
                let lengths = (a.chars().count(), b.chars().count());
                ranked.push((scores[id], lengths, (id, *first, *second), (a, b)));
            }
        }
    }
    // Among equal scores, the order in which transformers lists the merges of a SentencePiece model.
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then(b.1.cmp(&a.1)).then(a.2.cmp(&b.2)));
    ranked.into_iter().map(|(.., pair)| pair).collect()
}
