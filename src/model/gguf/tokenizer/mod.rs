//! The tokenizer of a GGUF file as a `tokenizer.json` that produces the same tokens.

mod byte_level;
mod sentence_piece;

use serde_json::{Map, Value, json};

use super::{
    super::{Error, Result},
    keys::Keys,
    special::{self, Special},
};
use crate::gguf::TokenKind;

const TOKENS: &str = "tokenizer.ggml.tokens";
const KINDS: &str = "tokenizer.ggml.token_type";
/// Maximum number of bytes of a token. It keeps damaged files from slowing down the search for merges.
const LONGEST: usize = 1 << 10;

/// Texts and kinds of all tokens, indexed by id.
struct Tokens<'f> {
    texts: Vec<&'f str>,
    kinds: Vec<TokenKind>,
}

/// The parts of a `tokenizer.json` that differ between the two kinds of tokenizers.
struct Parts {
    normalizer: Value,
    pre_tokenizer: Value,
    decoder: Value,
    model: Value,
    /// Whether a token is added before every text, unless the file says otherwise.
    begins: bool,
}

/// `tokenizer.json`.
///
/// # Errors
/// If the kind of tokenizer is not supported, or metadata is damaged.
pub fn tokenizer(keys: &Keys) -> Result<Value> {
    let tokens = Tokens::read(keys)?;
    let parts = match keys.text("tokenizer.ggml.model")? {
        Some("gpt2") => byte_level::parts(keys, &tokens)?,
        Some("llama") => sentence_piece::parts(keys, &tokens)?,
        other => {
            let what = format!("a tokenizer of the kind {:?}", other.unwrap_or("(none)"));
            return Err(
                keys.unsupported(what, "the supported kinds are gpt2 (byte-level) and llama (SentencePiece)")
            );
        }
    };
    let added = special::added(keys, special::Defaults { begin: parts.begins })?;
    Ok(json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": tokens.added(),
        "normalizer": parts.normalizer,
        "pre_tokenizer": parts.pre_tokenizer,
        "post_processor": post_processor(&tokens, added),
        "decoder": parts.decoder,
        "model": parts.model,
    }))
}

impl<'f> Tokens<'f> {
    fn read(keys: &Keys<'f>) -> Result<Self> {
        let texts = keys.texts(TOKENS)?;
        if let Some(long) = texts.iter().position(|text| text.len() > LONGEST) {
            let cause = format!("token {long} has {} bytes, expected at most {LONGEST}", texts[long].len());
            return Err(Error::Damaged { file: keys.label.clone(), cause });
        }
        let kinds = match keys.numbers(KINDS)? {
            None => vec![TokenKind::Normal; texts.len()],
            Some(numbers) if numbers.len() == texts.len() => {
                let kind = |number: &f64| {
                    // llama.cpp treats a kind without a meaning as one without properties.
                    TokenKind::from_number(*number as i64).unwrap_or(TokenKind::Normal)
                };
                numbers.iter().map(kind).collect()
            }
            Some(_) => return Err(keys.wrong(KINDS, "one number for each token", &keys.required(KINDS)?)),
        };
        Ok(Self { texts, kinds })
    }

    /// Id, text and kind of every token.
    fn iter(&self) -> impl Iterator<Item = (usize, &'f str, TokenKind)> {
        self.texts.iter().zip(&self.kinds).enumerate().map(|(id, (text, kind))| (id, *text, *kind))
    }

    /// Tokens that are found in a text before it is split.
    fn added(&self) -> Vec<Value> {
        let found = self.iter().filter_map(|(id, text, kind)| {
            let special = match kind {
                TokenKind::Control | TokenKind::Unknown => true,
                TokenKind::UserDefined => false,
                TokenKind::Normal | TokenKind::Unused | TokenKind::Byte => return None,
            };
            Some(json!({
                "id": id,
                "content": text,
                "single_word": false,
                "lstrip": false,
                "rstrip": false,
                "normalized": false,
                "special": special,
            }))
        });
        found.collect()
    }

    /// All tokens except unused ones, which no text may produce.
    fn vocabulary(&self) -> Map<String, Value> {
        let used = self.iter().filter(|(_, _, kind)| *kind != TokenKind::Unused);
        used.map(|(id, text, _)| (text.to_owned(), id.into())).collect()
    }
}

/// Adds a token before and after every text, and between the two texts of a pair.
fn post_processor(tokens: &Tokens, (begin, end): (Option<u32>, Option<u32>)) -> Value {
    if begin.is_none() && end.is_none() {
        return Value::Null;
    }
    let text = |id: u32| tokens.texts[id as usize];
    let token = |id: u32, place: u32| json!({ "SpecialToken": { "id": text(id), "type_id": place } });
    let whole = |name: &str, place: u32| {
        let mut parts: Vec<Value> = begin.map(|id| token(id, place)).into_iter().collect();
        parts.push(json!({ "Sequence": { "id": name, "type_id": place } }));
        parts.extend(end.map(|id| token(id, place)));
        parts
    };
    let special: Map<String, Value> = [begin, end]
        .into_iter()
        .flatten()
        .map(|id| (text(id).to_owned(), json!({ "id": text(id), "ids": [id], "tokens": [text(id)] })))
        .collect();
    json!({
        "type": "TemplateProcessing",
        "single": whole("A", 0),
        "pair": Value::from([whole("A", 0), whole("B", 1)].concat()),
        "special_tokens": special,
    })
}

/// A BPE model; `unknown` is the token for characters outside the vocabulary.
fn merging(
    tokens: &Tokens,
    merges: Vec<(&str, &str)>,
    (unknown, byte_fallback, ignore_merges): (Option<&str>, bool, bool),
) -> Value {
    json!({
        "type": "BPE",
        "dropout": null,
        "unk_token": unknown,
        "continuing_subword_prefix": null,
        "end_of_word_suffix": null,
        "fuse_unk": byte_fallback,
        "byte_fallback": byte_fallback,
        "ignore_merges": ignore_merges,
        "vocab": tokens.vocabulary(),
        "merges": merges,
    })
}

/// The text of the token for unknown characters.
fn unknown<'f>(keys: &Keys, tokens: &Tokens<'f>) -> Result<Option<&'f str>> {
    Ok(Special::read(keys)?.unknown.map(|id| tokens.texts[id as usize]))
}
