//! The tokenizer of a checkpoint, its special tokens and its chat template.

use serde_json::Value;
use tokenizers::{Model, Tokenizer};

use super::{Error, Result, Source, keys::Keys, tokenizer_json};

const TOKENIZER: &str = "tokenizer.json";
const SETTINGS: &str = "tokenizer_config.json";
const SPECIAL: &str = "special_tokens_map.json";
const GENERATION: &str = "generation_config.json";
const TEMPLATE: &str = "chat_template.jinja";

/// Reads `tokenizer.json`. Truncation and padding set in the file are removed: they belong to the training of the model and
/// would cut every text.
///
/// # Errors
/// If `tokenizer.json` is missing, damaged, or has more tokens than the `rows` of the embedding.
pub fn read(source: &Source, rows: usize) -> Result<Tokenizer> {
    if !source.has(TOKENIZER) {
        return Err(Error::NoTokenizer { place: source.to_string() });
    }
    let content = source.read(TOKENIZER, "copy or download it")?;
    let damaged = |cause: String| Error::Tokenizer { file: source.locate(TOKENIZER), cause };
    let text = str::from_utf8(&content).map_err(|cause| damaged(cause.to_string()))?;
    let mut tokenizer = tokenizer_json::parse(text).map_err(damaged)?;
    uncut(&mut tokenizer);
    let tokens = tokenizer.get_model().get_vocab_size();
    if tokens > rows {
        return Err(Error::Vocabulary { file: source.locate(TOKENIZER), tokens, rows });
    }
    Ok(tokenizer)
}

/// Removes truncation and padding.
pub fn uncut(tokenizer: &mut Tokenizer) {
    tokenizer.with_padding(None);
    // Removing truncation cannot fail.
    let _ = tokenizer.with_truncation(None);
}

/// The special tokens that the post-processor of a tokenizer puts before and after every text.
///
/// # Errors
/// If the tokenizer fails on a word, or puts special tokens inside the text.
pub fn added_tokens(tokenizer: &Tokenizer) -> std::result::Result<(Vec<u32>, Vec<u32>), String> {
    let ids = |special: bool| match tokenizer.encode_fast("a", special) {
        Ok(encoded) => Ok(encoded.get_ids().to_vec()),
        Err(cause) => Err(format!("it does not encode \"a\" ({cause})")),
    };
    let (bare, whole) = (ids(false)?, ids(true)?);
    match whole.windows(bare.len().max(1)).position(|part| part == bare) {
        Some(at) => Ok((whole[..at].to_vec(), whole[at + bare.len()..].to_vec())),
        None => Err(format!("adding special tokens to {bare:?} gives {whole:?}")),
    }
}

/// Encodes a prompt; if `special`, with the special tokens of the post-processor. If the prompt already begins with the text
/// of the BOS, no second one is added.
///
/// # Errors
/// If the tokenizer fails.
pub fn encode_prompt(tokenizer: &Tokenizer, prompt: &str, special: bool) -> tokenizers::Result<Vec<u32>> {
    let bare = tokenizer.encode_fast(prompt, false)?.get_ids().to_vec();
    if !special {
        return Ok(bare);
    }
    let whole = tokenizer.encode_fast(prompt, true)?.get_ids().to_vec();
    let doubled = whole.first() == bare.first() && whole.get(1..).is_some_and(|rest| rest.starts_with(&bare));
    Ok(if doubled && !bare.is_empty() { whole[1..].to_vec() } else { whole })
}

/// The token at the start of a text: from the post-processor, otherwise from `tokenizer_config.json`, otherwise `in_config`.
///
/// # Errors
/// If `tokenizer_config.json` is damaged.
pub fn bos(source: &Source, tokenizer: &Tokenizer, in_config: Option<u32>) -> Result<Option<u32>> {
    if let Some(&added) = added_tokens(tokenizer).ok().as_ref().and_then(|(before, _)| before.first()) {
        return Ok(Some(added));
    }
    let named = special_token(source, "bos_token")?;
    Ok(named.and_then(|text| tokenizer.token_to_id(&text)).or(in_config))
}

/// The tokens that end a text: from `generation_config.json`, otherwise `in_config`.
///
/// # Errors
/// If `generation_config.json` is damaged.
pub fn stops(source: &Source, in_config: &[u32]) -> Result<Vec<u32>> {
    let settings = source.json(GENERATION)?;
    let Some(Value::Object(keys)) = &settings else { return Ok(in_config.to_vec()) };
    let keys = Keys(keys);
    match keys.get("eos_token_id") {
        None => Ok(in_config.to_vec()),
        Some(found) => keys.tokens_or("eos_token_id", None).map_err(|_| Error::Damaged {
            file: source.locate(GENERATION),
            cause: format!("\"eos_token_id\" must be a token id or a list of them, found {found}"),
        }),
    }
}

/// The text of a special token such as `bos_token`, from `tokenizer_config.json` or `special_tokens_map.json`.
///
/// # Errors
/// If a file is damaged.
pub fn special_token(source: &Source, key: &str) -> Result<Option<String>> {
    for file in [SETTINGS, SPECIAL] {
        let Some(settings) = source.json(file)? else { continue };
        let token = &settings[key];
        if let Some(text) = token.as_str().or(token["content"].as_str()) {
            return Ok(Some(text.to_owned()));
        }
    }
    Ok(None)
}

/// The default chat template, from `chat_template.jinja`, otherwise from `tokenizer_config.json`.
///
/// # Errors
/// If a file is damaged.
pub fn chat_template(source: &Source) -> Result<Option<String>> {
    if source.has(TEMPLATE) {
        let content = source.read(TEMPLATE, "it was removed in the meantime")?;
        return Ok(Some(String::from_utf8_lossy(&content).into_owned()));
    }
    let settings = source.json(SETTINGS)?.unwrap_or(Value::Null);
    let template = &settings["chat_template"];
    let listed = template.as_array().and_then(|all| all.iter().find(|one| one["name"] == "default"));
    Ok(template.as_str().or(listed.and_then(|one| one["template"].as_str())).map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::json;

    use super::*;

    /// A directory with a word tokenizer that has truncation and padding, and puts `<s>` before a text if `bos`.
    fn directory(bos: bool) -> (tempfile::TempDir, Source) {
        let adds = json!({
            "type": "TemplateProcessing",
            "single": [{ "SpecialToken": { "id": "<s>", "type_id": 0 } }, { "Sequence": { "id": "A", "type_id": 0 } }],
            "pair": [{ "Sequence": { "id": "A", "type_id": 0 } }, { "Sequence": { "id": "B", "type_id": 1 } }],
            "special_tokens": { "<s>": { "id": "<s>", "ids": [0], "tokens": ["<s>"] } }
        });
        let tokenizer = json!({
            "version": "1.0",
            "truncation": { "direction": "Right", "max_length": 2, "strategy": "LongestFirst", "stride": 0 },
            "padding": {
                "strategy": { "Fixed": 8 }, "direction": "Right", "pad_to_multiple_of": null, "pad_id": 3,
                "pad_type_id": 0, "pad_token": "?"
            },
            "added_tokens": [{
                "id": 0, "content": "<s>", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false,
                "special": true
            }],
            "normalizer": null,
            "pre_tokenizer": { "type": "WhitespaceSplit" },
            "post_processor": if bos { adds } else { json!(null) },
            "decoder": null,
            "model": { "type": "WordLevel", "vocab": { "<s>": 0, "a": 1, "b": 2, "?": 3 }, "unk_token": "?" }
        });
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join(TOKENIZER), tokenizer.to_string()).unwrap();
        let source = Source::directory(directory.path());
        (directory, source)
    }

    #[test]
    fn truncation_and_padding_in_the_file_are_not_applied() {
        let (_directory, source) = directory(false);
        let tokenizer = read(&source, 4).unwrap();
        assert_eq!(tokenizer.encode_fast("a b a b a", true).unwrap().get_ids(), [1, 2, 1, 2, 1]);
    }

    #[test]
    fn the_post_processor_decides_on_the_bos_of_a_prompt() {
        for (bos, prompt, special, expected) in [
            (true, "a b", true, vec![0, 1, 2]),
            (true, "a b", false, vec![1, 2]),
            (true, "<s> a", true, vec![0, 1]),
            (true, "", true, vec![0]),
            (false, "a a", true, vec![1, 1]),
            (false, "<s> a", true, vec![0, 1]),
        ] {
            let (_directory, source) = directory(bos);
            let tokenizer = read(&source, 4).unwrap();
            assert_eq!(encode_prompt(&tokenizer, prompt, special).unwrap(), expected, "{prompt:?} {special}");
        }
    }

    #[test]
    fn the_bos_of_the_tokenizer_takes_precedence_over_the_configuration() {
        let (_directory, source) = directory(true);
        assert_eq!(bos(&source, &read(&source, 4).unwrap(), Some(2)).unwrap(), Some(0));
        let (directory, source) = directory(false);
        assert_eq!(bos(&source, &read(&source, 4).unwrap(), Some(2)).unwrap(), Some(2));
        fs::write(directory.path().join(SETTINGS), json!({ "bos_token": { "content": "b" } }).to_string())
            .unwrap();
        assert_eq!(bos(&source, &read(&source, 4).unwrap(), Some(1)).unwrap(), Some(2));
    }

    #[test]
    fn generation_config_lists_the_end_tokens() {
        let (directory, source) = directory(false);
        assert_eq!(stops(&source, &[7]).unwrap(), [7]);
        for (settings, expected) in [
            (json!({ "eos_token_id": [3, 2] }), vec![3, 2]),
            (json!({ "eos_token_id": 1 }), vec![1]),
            (json!({ "temperature": 0.6 }), vec![7]),
        ] {
            fs::write(directory.path().join(GENERATION), settings.to_string()).unwrap();
            assert_eq!(stops(&source, &[7]).unwrap(), expected, "{settings}");
        }
        fs::write(directory.path().join(GENERATION), json!({ "eos_token_id": "x" }).to_string()).unwrap();
        assert!(stops(&source, &[7]).unwrap_err().to_string().contains("eos_token_id"));
    }

    #[test]
    fn a_tokenizer_larger_than_the_embedding_is_refused() {
        let (_directory, source) = directory(false);
        assert!(matches!(read(&source, 3), Err(Error::Vocabulary { tokens: 4, rows: 3, .. })));
    }

    #[test]
    fn the_template_file_takes_precedence_over_the_settings() {
        let (directory, source) = directory(false);
        assert_eq!(chat_template(&source).unwrap(), None);
        let named = json!({ "chat_template": [{ "name": "tools", "template": "t" }, { "name": "default", "template": "d" }] });
        fs::write(directory.path().join(SETTINGS), named.to_string()).unwrap();
        assert_eq!(chat_template(&source).unwrap().as_deref(), Some("d"));
        fs::write(directory.path().join(TEMPLATE), "file").unwrap();
        assert_eq!(chat_template(&source).unwrap().as_deref(), Some("file"));
    }
}
