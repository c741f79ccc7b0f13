//! Special tokens (begin, end, padding) and the chat template.

use serde_json::Value as Json;
use tokenizers::Tokenizer;

use crate::{
    gguf::{Metadata, Value},
    model::{self, Checkpoint},
};

use super::{
    super::{
        super::Error,
        architecture::{DIRECTORY, refused},
    },
    Tokens, cannot,
};

/// Adds the ids of special tokens, whether they are added to a text, and the chat template.
pub fn put(
    checkpoint: &Checkpoint,
    tokenizer: &Tokenizer,
    tokens: &Tokens,
    unknown: Option<usize>,
    metadata: &mut Metadata,
) -> Result<(), Error> {
    let settings = checkpoint.source().json("tokenizer_config.json")?.unwrap_or(Json::Null);
    let architecture = checkpoint.architecture();
    let named = |key: &str| {
        let text = settings[key].as_str().or(settings[key]["content"].as_str())?;
        tokens.texts.iter().position(|known| known == text).map(|id| id as u32)
    };
    let inside = |id: &u32| (*id as usize) < tokens.texts.len();
    let added = AddedTokens::of(tokenizer)?;
    // Without this key, llama.cpp chooses its own token.
    let Some(end) = added.end.or(named("eos_token")).or(architecture.eos.first().copied()).filter(inside)
    else {
        return refused(
            "neither tokenizer_config.json nor config.json names the end-of-text token, and llama.cpp would choose its own; add eos_token_id to config.json".into(),
            &[DIRECTORY],
        );
    };
    let begin = added.begin.or(named("bos_token")).or(architecture.bos).filter(inside).unwrap_or(end);
    let mut own = |key: &str, value| metadata.push((format!("tokenizer.ggml.{key}"), value));
    own("bos_token_id", Value::U32(begin));
    own("eos_token_id", Value::U32(end));
    if let Some(unknown) = unknown {
        own("unknown_token_id", Value::U32(unknown as u32));
    }
    if let Some(padding) = named("pad_token") {
        own("padding_token_id", Value::U32(padding));
    }
    own("add_bos_token", Value::Bool(added.begin.is_some()));
    own("add_eos_token", Value::Bool(added.end.is_some()));
    if let Some(template) = model::tokenizer::chat_template(checkpoint.source())? {
        metadata.push(("tokenizer.chat_template".into(), Value::Text(template)));
    }
    Ok(())
}

/// The special tokens that the tokenizer adds to every text.
struct AddedTokens {
    begin: Option<u32>,
    end: Option<u32>,
}

impl AddedTokens {
    fn of(tokenizer: &Tokenizer) -> Result<Self, Error> {
        let (before, after) = model::tokenizer::added_tokens(tokenizer).or_else(|why| cannot(&why))?;
        match (before.as_slice(), after.as_slice()) {
            ([] | [_], [] | [_]) => Ok(Self { begin: before.first().copied(), end: after.first().copied() }),
            _ => cannot(&format!(
                "it adds {before:?} before every text and {after:?} after it, but llama.cpp adds at most one token on each side"
            )),
        }
    }
}
