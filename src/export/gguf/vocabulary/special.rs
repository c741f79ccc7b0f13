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

/// A JSON file of the checkpoint; None if it does not exist.
pub fn json(checkpoint: &Checkpoint, name: &str) -> Result<Option<Json>, Error> {
    let source = checkpoint.source();
    if !source.has(name) {
        return Ok(None);
    }
    let content = source.read(name, "it was removed in the meantime")?;
    let json = serde_json::from_slice(&content);
    Ok(Some(json.map_err(|cause| model::Error::NotJson { file: source.locate(name), cause })?))
}

/// Adds the ids of special tokens, whether they are added to a text, and the chat template.
pub fn put(
    checkpoint: &Checkpoint,
    tokenizer: &Tokenizer,
    tokens: &Tokens,
    unknown: Option<usize>,
    metadata: &mut Metadata,
) -> Result<(), Error> {
    let settings = json(checkpoint, "tokenizer_config.json")?.unwrap_or(Json::Null);
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
    if let Some(template) = template(checkpoint, &settings)? {
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
        let ids = |special: bool| match tokenizer.encode_fast("a", special) {
            Ok(encoded) => Ok(encoded.get_ids().to_vec()),
            Err(cause) => cannot(&format!("it does not encode \"a\" ({cause})")),
        };
        let (bare, whole) = (ids(false)?, ids(true)?);
        let at = whole.windows(bare.len().max(1)).position(|part| part == bare);
        let parts = at.map(|at| (&whole[..at], &whole[at + bare.len()..]));
        match parts {
            Some(([], [])) => Ok(Self { begin: None, end: None }),
            Some(([begin], [])) => Ok(Self { begin: Some(*begin), end: None }),
            Some(([], [end])) => Ok(Self { begin: None, end: Some(*end) }),
            Some(([begin], [end])) => Ok(Self { begin: Some(*begin), end: Some(*end) }),
            Some(_) | None => cannot(&format!(
                "adding special tokens to {bare:?} gives {whole:?}, and llama.cpp adds at most one before and one after"
            )),
        }
    }
}

/// The default chat template.
fn template(checkpoint: &Checkpoint, settings: &Json) -> Result<Option<String>, Error> {
    let name = "chat_template.jinja";
    if checkpoint.source().has(name) {
        let content = checkpoint.source().read(name, "it was removed in the meantime")?;
        return Ok(Some(String::from_utf8_lossy(&content).into_owned()));
    }
    let template = &settings["chat_template"];
    let listed = template.as_array().and_then(|all| all.iter().find(|one| one["name"] == "default"));
    Ok(template.as_str().or(listed.and_then(|one| one["template"].as_str())).map(str::to_owned))
}
