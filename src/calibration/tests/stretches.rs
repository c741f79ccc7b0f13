//! Tests of long texts: the tokens of the pieces are the tokens of the whole text.

use std::{collections::BTreeMap, ops::ControlFlow};

use serde_json::json;
use tokenizers::{Tokenizer, pre_tokenizers::byte_level::ByteLevel};

use crate::calibration::{Text, encode, stretches::Cutter};

/// Tokenizers that allow cuts: bytes with the patterns of GPT-2 and Llama 3, and SentencePiece with a prefix.
pub(super) fn kinds_of_tokenizers() -> Vec<(&'static str, Tokenizer)> {
    let letters: Vec<String> = {
        let mut letters: Vec<String> = ByteLevel::alphabet().into_iter().map(String::from).collect();
        letters.sort();
        letters
    };
    let merges =
        [("Ġ", "t"), ("h", "e"), ("Ġt", "he"), ("Ċ", "Ċ"), (".", "Ċ"), ("Ġ", "Ġ"), ("i", "n"), ("1", "9")];
    let mut tokens = letters.clone();
    tokens.extend(merges.iter().map(|(a, b)| format!("{a}{b}")));
    let vocab: BTreeMap<&str, usize> = tokens.iter().map(String::as_str).zip(0..).collect();
    let merges: Vec<String> = merges.iter().map(|(a, b)| format!("{a} {b}")).collect();
    let bytes = json!({ "type": "BPE", "vocab": vocab, "merges": merges });
    let gpt2 =
        json!({ "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true });
    let prefixed =
        json!({ "type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true });
    let pattern =
        r"(?i:'s|'t)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
    let plain =
        json!({ "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false });
    let split =
        json!({ "type": "Split", "pattern": { "Regex": pattern }, "behavior": "Isolated", "invert": false });
    let llama3 = json!({ "type": "Sequence", "pretokenizers": [split, plain] });
    let uncut =
        json!({ "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false });

    let mut pieces: Vec<String> = (0..256).map(|byte| format!("<0x{byte:02X}>")).collect();
    pieces.extend(["<unk>".to_owned(), "▁".to_owned()]);
    pieces.extend(('a'..='z').chain('A'..='Z').chain('0'..='9').map(String::from));
    let joined = [("▁", "t"), ("h", "e"), ("▁t", "he"), ("▁", "▁"), ("i", "n")];
    pieces.extend(joined.iter().map(|(a, b)| format!("{a}{b}")));
    let vocab: BTreeMap<&str, usize> = pieces.iter().map(String::as_str).zip(0..).collect();
    let merges: Vec<String> = joined.iter().map(|(a, b)| format!("{a} {b}")).collect();
    let sentence_piece = json!({
        "type": "BPE", "vocab": vocab, "merges": merges, "unk_token": "<unk>", "fuse_unk": true, "byte_fallback": true
    });
    let prepend = json!({ "type": "Sequence", "normalizers": [
        { "type": "Prepend", "prepend": "▁" },
        { "type": "Replace", "pattern": { "String": " " }, "content": "▁" },
    ] });
    let metaspace = |scheme: &str| json!({ "type": "Metaspace", "replacement": "▁", "prepend_scheme": scheme, "split": false });
    let none = json!(null);
    let made = |normalizer: &serde_json::Value,
                pre_tokenizer: &serde_json::Value,
                model: &serde_json::Value| {
        let tokenizer = json!({
            "version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": normalizer,
            "pre_tokenizer": pre_tokenizer, "post_processor": null, "decoder": null, "model": model
        });
        Tokenizer::from_bytes(tokenizer.to_string()).unwrap()
    };
    vec![
        ("gpt-2", made(&none, &gpt2, &bytes)),
        ("gpt-2 with a prefix", made(&none, &prefixed, &bytes)),
        ("llama 3", made(&none, &llama3, &bytes)),
        ("bytes alone", made(&none, &uncut, &bytes)),
        ("sentencepiece", made(&prepend, &none, &sentence_piece)),
        ("metaspace first", made(&none, &metaspace("first"), &sentence_piece)),
        ("metaspace never", made(&none, &metaspace("never"), &sentence_piece)),
        ("nfc", made(&json!({ "type": "NFC" }), &llama3, &bytes)),
    ]
}

/// A text of words, digits, accents and white space of about this many bytes.
pub(super) fn words(bytes: usize) -> String {
    let words = [
        "the", "in", "19", "café", "I'll", "end.", "(a)", "x,", "\n", "\n\n", " ", "  ", "\t", "日本",
        "e\u{301}", "1999", "\r\n", "a\n", "</s>",
    ];
    let mut text = String::new();
    let mut state = 1u64;
    while text.len() < bytes {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        text += words[(state >> 33) as usize % words.len()];
        if state >> 60 > 3 {
            text.push(' ');
        }
    }
    text
}

#[test]
fn a_long_text_has_the_tokens_of_the_whole_in_every_kind_of_tokenizer() {
    let text = words(1 << 19);
    for (name, tokenizer) in kinds_of_tokenizers() {
        let cutter = Cutter::new(&tokenizer);
        let stretches = cutter.stretches(&text);
        // Without a pre-tokenizer, one token of these joins a full stop and a line end.
        assert!(stretches.len() > 5 || name == "bytes alone", "{name}: {} stretches", stretches.len());
        let whole = tokenizer.encode_fast(text.as_str(), false).unwrap();
        let parts = encode(&tokenizer, &[Text::inline("long", &text)], &mut |_, _| ControlFlow::Continue(()));
        assert!(parts.unwrap() == whole.get_ids(), "{name}");
    }
}
