//! Scores that make llama.cpp merge like a BPE tokenizer with a list of merges.
//!
//! llama.cpp has no list of merges for this kind of tokenizer. It joins neighbours whose concatenation is a token,
//! the token with the highest score first. The result is equal if every split of a token into two others is a
//! merge.

use std::collections::{HashMap, HashSet};

use super::Tokens;
use crate::gguf::{TokenKind, names::byte_token};

/// The score of each token: the negative rank of the first merge that produces it.
///
/// # Errors
/// If a byte token is missing, or a split of a token is not a merge.
pub fn scores(tokens: &Tokens, merges: &[(String, String)]) -> Result<Vec<f32>, String> {
    refuse_missing_bytes(tokens)?;
    let mut ranks: HashMap<String, usize> = HashMap::new();
    for (rank, (a, b)) in merges.iter().enumerate() {
        ranks.entry(format!("{a}{b}")).or_insert(rank);
    }
    refuse_missing_merges(tokens, merges)?;
    let score = |(text, kind): (&String, &TokenKind)| match kind {
        // A token that no merge produces is last.
        TokenKind::Normal => -(ranks.get(text).copied().unwrap_or(merges.len()) as f32),
        TokenKind::Unknown
        | TokenKind::Control
        | TokenKind::UserDefined
        | TokenKind::Unused
        | TokenKind::Byte => 0.0,
    };
    Ok(tokens.texts.iter().zip(&tokens.kinds).map(score).collect())
}

fn refuse_missing_bytes(tokens: &Tokens) -> Result<(), String> {
    let held: HashSet<u8> = tokens.texts.iter().filter_map(|text| byte_token(text)).collect();
    match (0..=u8::MAX).find(|byte| !held.contains(byte)) {
        Some(byte) => Err(format!(
            "there is no token <0x{byte:02X}>, and llama.cpp needs <0x00> to <0xFF> for characters without a token"
        )),
        None => Ok(()),
    }
}

fn refuse_missing_merges(tokens: &Tokens, merges: &[(String, String)]) -> Result<(), String> {
    let merges: HashSet<(&str, &str)> = merges.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    let known: HashSet<&str> = tokens.texts.iter().map(String::as_str).collect();
    let is_symbol = |text: &str| known.contains(text) || text.chars().nth(1).is_none();
    for (text, kind) in tokens.texts.iter().zip(&tokens.kinds) {
        if *kind != TokenKind::Normal {
            continue;
        }
        for (at, _) in text.char_indices().skip(1) {
            let (a, b) = text.split_at(at);
            if is_symbol(a) && is_symbol(b) && !merges.contains(&(a, b)) {
                return Err(format!(
                    "{a:?} and {b:?} are never merged, but llama.cpp would merge them to {text:?}; the tokenizer needs the merges of all its tokens, as SentencePiece writes them"
                ));
            }
        }
    }
    Ok(())
}
