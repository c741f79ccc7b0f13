//! Parses `tokenizer.json`. The tokenizers crate panics on some damaged files; these are refused first.

use serde::Deserialize;
use serde_json::Value;
use tokenizers::Tokenizer;

/// The parts that the tokenizers crate reads by way of a JSON value, which it expects to be whole.
#[derive(Deserialize)]
struct Parts {
    #[serde(default, rename = "normalizer")]
    _normalizer: Option<Value>,
    #[serde(default, rename = "pre_tokenizer")]
    _pre_tokenizer: Option<Value>,
    #[serde(default, rename = "post_processor")]
    _post_processor: Option<Value>,
    #[serde(default, rename = "decoder")]
    _decoder: Option<Value>,
}

/// # Errors
/// A text that is not the JSON of a tokenizer.
pub fn parse(text: &str) -> std::result::Result<Tokenizer, String> {
    serde_json::from_str::<Parts>(text).map_err(|cause| cause.to_string())?;
    // Parsed by code already compiled in the tokenizers crate, not by another copy in this crate.
    text.parse().map_err(|cause: tokenizers::Error| cause.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damage_inside_a_decoder_is_an_error() {
        let text = r#"{"version":"1.0","decoder":{"type":"ByteLevel" "add_prefix_space":false}}"#;
        assert!(parse(text).unwrap_err().contains("expected"));
        let number = r#"{"version":"1.0","decoder":{"type":"Strip","content":"a","start":1e999,"stop":0}}"#;
        assert!(parse(number).unwrap_err().contains("number"));
    }
}
