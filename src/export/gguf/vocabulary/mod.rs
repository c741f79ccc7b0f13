//! The tokenizer as metadata from which llama.cpp produces the same tokens.

mod sentence_piece;
mod special;
mod tokenizer_kind;

use serde_json::Value as Json;

use crate::{
    gguf::{Metadata, TokenKind, Value, names},
    model::Checkpoint,
};

use super::{
    super::Error,
    architecture::{DIRECTORY, refused},
};

use tokenizer_kind::TokenizerKind;

/// Texts and kinds of all tokens, indexed by token id.
struct Tokens {
    texts: Vec<String>,
    kinds: Vec<TokenKind>,
    /// Added tokens without a row in the embedding.
    left_out: Vec<String>,
}

/// The metadata of a tokenizer.
pub struct Vocabulary {
    pub metadata: Metadata,
    /// Warnings about differences.
    pub notices: Vec<String>,
}

impl Vocabulary {
    /// Reads the tokenizer of a checkpoint whose embedding has `rows` rows.
    ///
    /// # Errors
    /// [`Error::Inexpressible`] for a tokenizer that llama.cpp would not reproduce; an error for a missing or
    /// damaged file.
    pub fn read(checkpoint: &Checkpoint, rows: usize) -> Result<Self, Error> {
        let tokenizer = checkpoint.tokenizer()?;
        let json = checkpoint.source().json("tokenizer.json")?.unwrap_or(Json::Null);
        let tokenizer_kind = TokenizerKind::of(&json).or_else(|why| cannot(&why))?;
        let tokens = Tokens::read(&json, rows, &tokenizer_kind).or_else(|why| cannot(&why))?;
        let merges = read_merges(&json["model"]).or_else(|why| cannot(&why))?;

        let mut metadata = Metadata::new();
        let mut notices = Vec::new();
        let mut own = |key: &str, value| metadata.push((format!("tokenizer.ggml.{key}"), value));
        match &tokenizer_kind {
            TokenizerKind::SentencePiece { prefix, notice } => {
                let scores = sentence_piece::scores(&tokens, &merges).or_else(|why| cannot(&why))?;
                own("model", Value::Text("llama".into()));
                own("pre", Value::Text("default".into()));
                own("scores", Value::F32s(scores));
                own("add_space_prefix", Value::Bool(*prefix));
                notices.extend(notice.map(str::to_owned));
            }
            TokenizerKind::ByteLevel { pre, notice } => {
                own("model", Value::Text("gpt2".into()));
                own("pre", Value::Text((*pre).into()));
                own("merges", Value::Texts(merges.iter().map(|(a, b)| format!("{a} {b}")).collect()));
                notices.extend(notice.map(str::to_owned));
            }
        }
        if !tokens.left_out.is_empty() {
            notices.push(format!(
                "tokens {} have no row in the embedding and are left out of the GGUF file",
                tokens.left_out.join(", ")
            ));
        }
        let unknown = tokens.kinds.iter().position(|kind| *kind == TokenKind::Unknown);
        own("token_type", Value::I32s(tokens.kinds.iter().map(|kind| *kind as i32).collect()));
        special::put(checkpoint, &tokenizer, &tokens, unknown, &mut metadata)?;
        metadata.push(("tokenizer.ggml.tokens".into(), Value::Texts(tokens.texts)));
        Ok(Self { metadata, notices })
    }
}

/// Refuses the tokenizer with this reason.
fn cannot<T>(why: &str) -> Result<T, Error> {
    refused(format!("tokenizer.json: {why}"), &[DIRECTORY])
}

/// The merges of a BPE tokenizer in order: "a b" or ["a", "b"] in the file.
fn read_merges(model: &Json) -> Result<Vec<(String, String)>, String> {
    let merges = model["merges"].as_array().ok_or("expected merges under \"model\", found none")?;
    let pair = |merge: &Json| match merge {
        Json::String(text) => text.split_once(' ').map(|(a, b)| (a.to_owned(), b.to_owned())),
        Json::Array(both) => match both.as_slice() {
            [Json::String(a), Json::String(b)] => Some((a.clone(), b.clone())),
            _ => None,
        },
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::Object(_) => None,
    };
    merges.iter().map(|merge| pair(merge).ok_or_else(|| format!("{merge} is not a pair of tokens"))).collect()
}

impl Tokens {
    /// Reads the vocabulary and the added tokens. Unused ids below `rows` get placeholder tokens.
    fn read(json: &Json, rows: usize, tokenizer_kind: &TokenizerKind) -> Result<Self, String> {
        let mut texts: Vec<Option<(String, TokenKind)>> = vec![None; rows];
        let mut left_out = Vec::new();
        let mut put = |id: Option<u64>, text: &str, kind: TokenKind| match id
            .and_then(|id| texts.get_mut(id as usize))
        {
            Some(place) => *place = Some((text.to_owned(), kind)),
            None => left_out.push(format!("{text:?}")),
        };
        let model = &json["model"];
        let unknown = model["unk_token"].as_str();
        let vocabulary =
            model["vocab"].as_object().ok_or("expected a vocabulary under \"model\", found none")?;
        for (text, id) in vocabulary {
            let kind = match tokenizer_kind {
                TokenizerKind::SentencePiece { .. } if names::byte_token(text).is_some() => TokenKind::Byte,
                TokenizerKind::SentencePiece { .. } | TokenizerKind::ByteLevel { .. } => TokenKind::Normal,
            };
            put(id.as_u64(), text, if Some(text.as_str()) == unknown { TokenKind::Unknown } else { kind });
        }
        for added in json["added_tokens"].as_array().into_iter().flatten() {
            let text = added["content"].as_str().unwrap_or_default();
            let kind = match added["special"].as_bool() {
                _ if Some(text) == unknown => TokenKind::Unknown,
                Some(true) => TokenKind::Control,
                Some(false) | None => TokenKind::UserDefined,
            };
            put(added["id"].as_u64(), text, kind);
        }
        let (texts, kinds) = texts
            .into_iter()
            .enumerate()
            .map(|(id, token)| token.unwrap_or_else(|| (format!("[UNUSED_{id}]"), TokenKind::Unused)))
            .unzip();
        let tokens = Self { texts, kinds, left_out };
        tokens.refuse_duplicates()?;
        Ok(tokens)
    }

    /// Refuses tokens with equal texts, because llama.cpp aborts on them.
    fn refuse_duplicates(&self) -> Result<(), String> {
        let mut seen = std::collections::HashMap::new();
        for (id, text) in self.texts.iter().enumerate() {
            if let Some(first) = seen.insert(text, id) {
                return Err(format!(
                    "tokens {first} and {id} are both {text:?}, and llama.cpp requires unique texts"
                ));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
