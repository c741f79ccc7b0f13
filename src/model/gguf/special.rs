//! Special tokens of a GGUF file as `tokenizer_config.json` and `generation_config.json`, and its licence.

use serde_json::{Value, json};

use super::{super::Result, keys::Keys};

/// Whether special tokens are added to a text, if the metadata does not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Defaults {
    pub begin: bool,
}

/// The ids of special tokens.
#[derive(Clone, Copy, Debug, Default)]
pub struct Special {
    pub begin: Option<u32>,
    pub end: Option<u32>,
    pub unknown: Option<u32>,
    pub padding: Option<u32>,
}

impl Special {
    /// # Errors
    /// If an id is outside the vocabulary.
    pub fn read(keys: &Keys) -> Result<Self> {
        let tokens = keys.texts("tokenizer.ggml.tokens")?.len();
        let id = |name: &str| keys.token(&format!("tokenizer.ggml.{name}_token_id"), tokens);
        // llama.cpp's own ids for SentencePiece vocabularies without these keys.
        let implied = |id: u32| {
            let sentence_piece = keys.text("tokenizer.ggml.model").ok().flatten() == Some("llama");
            (sentence_piece && (id as usize) < tokens).then_some(id)
        };
        Ok(Self {
            begin: id("bos")?.or(implied(1)),
            end: id("eos")?.or(implied(2)),
            unknown: id("unknown")?.or(implied(0)),
            padding: id("padding")?,
        })
    }
}

/// The ids of the tokens that are added before and after every text.
///
/// # Errors
/// If a token to add has no id.
pub fn added(keys: &Keys, defaults: Defaults) -> Result<(Option<u32>, Option<u32>)> {
    let special = Special::read(keys)?;
    let added = |key: &str, default: bool, id: Option<u32>, id_key: &str| match keys.flag(key)? {
        Some(false) => Ok(None),
        None if !default => Ok(None),
        Some(true) | None if id.is_some() => Ok(id),
        Some(true) | None => {
            Err(keys.unsupported(format!("{key} = true without {id_key}"), "the id is needed"))
        }
    };
    Ok((
        added("tokenizer.ggml.add_bos_token", defaults.begin, special.begin, "tokenizer.ggml.bos_token_id")?,
        added("tokenizer.ggml.add_eos_token", false, special.end, "tokenizer.ggml.eos_token_id")?,
    ))
}

/// `tokenizer_config.json` without the chat template.
///
/// # Errors
/// If an id is outside the vocabulary.
pub fn tokenizer_config(keys: &Keys) -> Result<Value> {
    let tokens = keys.texts("tokenizer.ggml.tokens")?;
    let special = Special::read(keys)?;
    let mut settings = json!({
        "tokenizer_class": "PreTrainedTokenizerFast",
        "clean_up_tokenization_spaces": false,
    });
    let named = [
        ("bos_token", special.begin),
        ("eos_token", special.end),
        ("unk_token", special.unknown),
        ("pad_token", special.padding),
    ];
    for (key, id) in named {
        if let Some(id) = id {
            settings[key] = tokens[id as usize].into();
        }
    }
    let architecture = keys.text("general.architecture")?.unwrap_or_default();
    if let Some(length) = keys.optional_count(&format!("{architecture}.context_length"))? {
        settings["model_max_length"] = length.into();
    }
    Ok(settings)
}

/// `generation_config.json`: the ids, with every token that ends a text or a turn.
///
/// # Errors
/// If an id is outside the vocabulary.
pub fn generation_config(keys: &Keys) -> Result<Value> {
    let tokens = keys.texts("tokenizer.ggml.tokens")?.len();
    let special = Special::read(keys)?;
    let mut ends: Vec<u32> = special.end.into_iter().collect();
    for name in ["eot", "eom"] {
        let end = keys.token(&format!("tokenizer.ggml.{name}_token_id"), tokens)?;
        ends.extend(end.filter(|end| !ends.contains(end)));
    }
    let mut settings = json!({});
    if let Some(begin) = special.begin {
        settings["bos_token_id"] = begin.into();
    }
    match ends.as_slice() {
        [] => {}
        [end] => settings["eos_token_id"] = (*end).into(),
        several => settings["eos_token_id"] = several.into(),
    }
    if let Some(padding) = special.padding {
        settings["pad_token_id"] = padding.into();
    }
    Ok(settings)
}

/// A model card with the licence named by the metadata; None if there is none.
pub fn licence(keys: &Keys) -> Option<String> {
    let licence = keys.text("general.license").ok().flatten()?;
    let mut card = format!("---\nlicense: {}\n", Value::from(licence));
    for (key, own) in [("license_name", "general.license.name"), ("license_link", "general.license.link")] {
        if let Some(value) = keys.text(own).ok().flatten() {
            card += &format!("{key}: {}\n", Value::from(value));
        }
    }
    Some(card + "---\n")
}
