//! Tests of accepted and refused tokenizers.

use serde_json::{Map, json};

use super::*;

/// A SentencePiece-style tokenizer: three special tokens, all bytes, then these tokens.
fn pieces(more: &[&str], merges: &[[&str; 2]]) -> Json {
    let special = ["<unk>", "<s>", "</s>"];
    let bytes: Vec<String> = (0..=u8::MAX).map(|byte| format!("<0x{byte:02X}>")).collect();
    let all = special.into_iter().chain(bytes.iter().map(String::as_str)).chain(more.iter().copied());
    let vocabulary: Map<String, Json> =
        all.enumerate().map(|(id, text)| (text.to_owned(), json!(id))).collect();
    json!({
        "added_tokens": [
            { "id": 0, "content": "<unk>", "special": true }, { "id": 1, "content": "<s>", "special": true },
            { "id": 2, "content": "</s>", "special": true },
        ],
        "normalizer": { "type": "Sequence", "normalizers": [
            { "type": "Prepend", "prepend": "▁" },
            { "type": "Replace", "pattern": { "String": " " }, "content": "▁" },
        ] },
        "pre_tokenizer": null,
        "model": { "type": "BPE", "unk_token": "<unk>", "byte_fallback": true, "vocab": vocabulary, "merges": merges },
    })
}

fn byte_level(cuts: Json, ignore_merges: bool) -> Json {
    json!({
        "normalizer": null,
        "pre_tokenizer": { "type": "Sequence", "pretokenizers": cuts },
        "model": { "type": "BPE", "byte_fallback": false, "ignore_merges": ignore_merges, "vocab": {}, "merges": [] },
    })
}

fn split(pattern: &str) -> Json {
    json!({ "type": "Split", "pattern": { "Regex": pattern }, "behavior": "Isolated", "invert": false })
}

fn bytes(use_regex: bool) -> Json {
    json!({ "type": "ByteLevel", "add_prefix_space": false, "use_regex": use_regex })
}

fn tokens(json: &Json, rows: usize) -> Tokens {
    Tokens::read(json, rows, &TokenizerKind::of(json).unwrap()).unwrap()
}

fn scores(json: &Json) -> Result<Vec<f32>, String> {
    let rows = json["model"]["vocab"].as_object().unwrap().len();
    sentence_piece::scores(&tokens(json, rows), &read_merges(&json["model"]).unwrap())
}

#[test]
fn a_score_is_the_negative_rank_of_the_first_merge_of_the_token() {
    let json =
        pieces(&["▁", "a", "b", "ab", "▁a", "▁ab"], &[["a", "b"], ["▁", "a"], ["▁", "ab"], ["▁a", "b"]]);
    let scores = scores(&json).unwrap();
    assert_eq!(scores[262..], [-0.0, -1.0, -2.0]);
    // Tokens that no merge produces come last. Special tokens and bytes have no score.
    assert_eq!((scores[259], scores[1], scores[20]), (-4.0, 0.0, 0.0));
}

#[test]
fn merges_applied_only_by_llama_cpp_are_refused() {
    // "▁ab" also splits into "▁" and "ab", because "ab" is a token.
    let json = pieces(&["▁", "a", "b", "ab", "▁a", "▁ab"], &[["a", "b"], ["▁", "a"], ["▁a", "b"]]);
    let why = scores(&json).unwrap_err();
    assert!(why.contains("\"▁\" and \"ab\"") && why.contains("\"▁ab\""), "{why}");
}

#[test]
fn a_missing_byte_is_refused_by_name() {
    let mut json = pieces(&["▁"], &[]);
    json["model"]["vocab"].as_object_mut().unwrap().remove("<0x0A>");
    assert!(scores(&json).unwrap_err().contains("<0x0A>"));
}

#[test]
fn tokens_have_the_kinds_of_llama_cpp() {
    let mut json = pieces(&["▁"], &[]);
    let added = json["added_tokens"].as_array_mut().unwrap();
    added.push(json!({ "id": 260, "content": "<tool>", "special": false }));
    added.push(json!({ "id": 900, "content": "<pad>", "special": true }));
    let tokens = tokens(&json, 263);
    let kinds = [0, 1, 13, 259, 260, 261, 262].map(|id: usize| tokens.kinds[id]);
    let expected = [
        TokenKind::Unknown,
        TokenKind::Control,
        TokenKind::Byte,
        TokenKind::Normal,
        TokenKind::UserDefined,
        TokenKind::Unused,
        TokenKind::Unused,
    ];
    assert_eq!(kinds, expected);
    assert_eq!((tokens.texts[13].as_str(), tokens.texts[262].as_str()), ("<0x0A>", "[UNUSED_262]"));
    assert_eq!(tokens.left_out, ["\"<pad>\""]);
}

#[test]
fn two_tokens_with_the_same_text_are_refused() {
    let mut json = pieces(&["▁"], &[]);
    json["added_tokens"]
        .as_array_mut()
        .unwrap()
        .push(json!({ "id": 260, "content": "</s>", "special": true }));
    let why = Tokens::read(&json, 261, &TokenizerKind::of(&json).unwrap()).err().unwrap();
    assert!(why.contains("2 and 260"), "{why}");
}

#[test]
fn a_space_before_the_text_is_read_from_normalizer_or_metaspace() {
    let tokenizer_kind = |normalizer: Json, cut: Json| {
        let mut json = pieces(&["▁"], &[]);
        (json["normalizer"], json["pre_tokenizer"]) = (normalizer, cut);
        TokenizerKind::of(&json)
    };
    let replace = json!({ "type": "Replace", "pattern": { "String": " " }, "content": "▁" });
    assert_eq!(
        tokenizer_kind(replace, json!(null)),
        Ok(TokenizerKind::SentencePiece { prefix: false, notice: None })
    );
    let metaspace = |scheme: &str| json!({ "type": "Metaspace", "replacement": "▁", "prepend_scheme": scheme, "split": false });
    assert_eq!(
        tokenizer_kind(json!(null), metaspace("never")),
        Ok(TokenizerKind::SentencePiece { prefix: false, notice: None })
    );
    let first = tokenizer_kind(json!(null), metaspace("first")).unwrap();
    assert!(matches!(first, TokenizerKind::SentencePiece { prefix: true, notice: Some(_) }));
    assert!(tokenizer_kind(json!({ "type": "NFKC" }), metaspace("first")).unwrap_err().contains("NFKC"));
    assert!(tokenizer_kind(json!(null), json!(null)).unwrap_err().contains("spaces do not become ▁"));
}

#[test]
fn tokens_that_span_words_are_refused_if_words_are_merged_separately() {
    let mut json = pieces(&["▁", "a", "▁a"], &[["▁", "a"]]);
    json["normalizer"] = json!(null);
    json["pre_tokenizer"] = json!({ "type": "Metaspace", "replacement": "▁", "prepend_scheme": "always" });
    assert!(TokenizerKind::of(&json).is_ok());
    json["model"]["vocab"]["a▁"] = json!(262);
    assert!(TokenizerKind::of(&json).unwrap_err().contains("\"a▁\""));
}

#[test]
fn byte_level_pre_tokenizers_have_the_names_of_llama_cpp() {
    let llama3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
    let qwen2 = llama3.replace("{1,3}", "");
    let name = |cuts: Json, ignore_merges| match TokenizerKind::of(&byte_level(cuts, ignore_merges)).unwrap()
    {
        TokenizerKind::ByteLevel { pre, .. } => pre,
        TokenizerKind::SentencePiece { .. } => panic!("byte-level"),
    };
    let digits = json!({ "type": "Digits", "individual_digits": true });
    assert_eq!(name(json!([bytes(true)]), false), "gpt-2");
    assert_eq!(name(json!([digits, bytes(true)]), false), "smollm");
    assert_eq!(name(json!([split(llama3), bytes(false)]), true), "llama-bpe");
    assert_eq!(name(json!([split(llama3), bytes(false)]), false), "smaug-bpe");
    assert_eq!(name(json!([split(&qwen2), bytes(false)]), false), "qwen2");
}

#[test]
fn unknown_pre_tokenizers_are_refused_with_their_pattern() {
    let why = |cuts: Json, ignore_merges| TokenizerKind::of(&byte_level(cuts, ignore_merges)).unwrap_err();
    let unknown = why(json!([split("[a-z]+"), bytes(false)]), false);
    assert!(unknown.contains("[a-z]+") && unknown.contains("llama-bpe"), "{unknown}");
    assert!(why(json!([bytes(true)]), true).contains("ignore_merges"));
    assert!(why(json!([{ "type": "Whitespace" }]), false).contains("Whitespace"));
    let mut prefixed = bytes(true);
    prefixed["add_prefix_space"] = json!(true);
    assert!(why(json!([prefixed]), false).contains("add_prefix_space"));
}

#[test]
fn a_tokenizer_that_is_not_bpe_is_refused() {
    let mut json = pieces(&["▁"], &[]);
    json["model"]["type"] = json!("Unigram");
    assert!(TokenizerKind::of(&json).unwrap_err().contains("Unigram"));
}
