//! Tokenizers and special tokens from the metadata of GGUF files.

use super::*;

/// Bytes as characters, as byte-level tokenizers write them.
fn byte_characters() -> Vec<String> {
    let printed = |byte: &u32| matches!(byte, 33..=126 | 161..=172 | 174..=255);
    let mut others = 256..;
    let of = |byte: u32| if printed(&byte) { byte } else { others.next().unwrap() };
    (0..256).map(of).map(|code| char::from_u32(code).unwrap().to_string()).collect()
}

const PAGE: &str =
    "  Two blanks, 12345 digits.\n\nIt's they'LL\tÜnïcödé café 日本 🙂 x[i]+=0x1F; // <|end|>ok";

/// A byte-level tokenizer: special tokens, the bytes, and two words by merges.
fn byte_level(pre: &str) -> Written {
    let special = ["<|begin|>", "<|end|>", "<tool>"].map(str::to_owned);
    let words = ["he", "li", "12", "Ġ1", "ĠĠ"].map(str::to_owned);
    let all: Vec<String> = special.into_iter().chain(byte_characters()).chain(words).collect();
    let mut kinds = vec![1; all.len()];
    kinds[..3].copy_from_slice(&[3, 3, 4]);
    Written::llama(GgmlDType::F32)
        .with("tokenizer.ggml.model", text("gpt2"))
        .with("tokenizer.ggml.pre", text(pre))
        .with_rows(all.len())
        .with("tokenizer.ggml.tokens", texts(&all))
        .with("tokenizer.ggml.token_type", Value::Array(kinds.into_iter().map(Value::I32).collect()))
        .with("tokenizer.ggml.merges", texts(&["h e", "l i", "1 2", "Ġ 1", "Ġ Ġ"]))
        .with("tokenizer.ggml.bos_token_id", Value::U32(0))
        .with("tokenizer.ggml.eos_token_id", Value::U32(1))
}

#[test]
fn byte_level_tokenizers_split_by_their_pre_tokenizer_and_decode_to_the_text() {
    for (pre, first) in [
        ("gpt-2", None),
        ("smollm", None),
        ("llama-bpe", Some(0)),
        ("llama3", Some(0)),
        ("qwen2", None),
        ("deepseek-r1-qwen", None),
        ("tekken", Some(0)),
        ("smaug-bpe", None),
    ] {
        let tokenizer = byte_level(pre).opened().tokenizer().unwrap();
        let encoded = tokenizer.encode(PAGE, true).unwrap();
        let ids = encoded.get_ids();
        assert_eq!(ids.first().copied().filter(|id| *id == 0), first, "{pre}");
        assert!(ids.contains(&1), "{pre}: special tokens are found in a text");
        let decoded = tokenizer.decode(&ids[usize::from(first.is_some())..], false).unwrap();
        assert_eq!(decoded, PAGE, "{pre}");
        // Only patterns that keep digits together let "12" be merged.
        let together = tokenizer.encode("12", false).unwrap().get_ids().len() == 1;
        assert_eq!(together, matches!(pre, "gpt-2" | "llama-bpe" | "llama3" | "smaug-bpe"), "{pre}");
    }
}

#[test]
fn the_metadata_determines_the_tokens_before_and_after_a_text() {
    let ids = |written: Written| {
        let tokenizer = written.opened().tokenizer().unwrap();
        tokenizer.encode("he", true).unwrap().get_ids().to_vec()
    };
    let he = 3 + 256;
    assert_eq!(ids(byte_level("smollm")), [he]);
    assert_eq!(ids(byte_level("smollm").with("tokenizer.ggml.add_bos_token", Value::Bool(true))), [0, he]);
    assert_eq!(ids(byte_level("llama-bpe").with("tokenizer.ggml.add_bos_token", Value::Bool(false))), [he]);
    assert_eq!(ids(byte_level("qwen2").with("tokenizer.ggml.add_eos_token", Value::Bool(true))), [he, 1]);
}

#[test]
fn special_ids_and_chat_templates_are_in_the_files_that_transformers_reads() {
    let written = byte_level("qwen2")
        .with("tokenizer.chat_template", text("{{ messages }}"))
        .with("tokenizer.ggml.eot_token_id", Value::U32(2));
    let checkpoint = written.opened();
    let json = |name: &str| -> Json {
        serde_json::from_slice(&checkpoint.source().read(name, "").unwrap()).unwrap()
    };
    let settings = json("tokenizer_config.json");
    assert_eq!(settings["bos_token"], "<|begin|>");
    assert_eq!(settings["eos_token"], "<|end|>");
    assert_eq!(settings["chat_template"], "{{ messages }}");
    assert_eq!(json("generation_config.json")["eos_token_id"], json!([1, 2]));
    assert_eq!(json("config.json")["eos_token_id"], 1);
    let named = byte_level("qwen2").with("tokenizer.chat_template.tools", text("{{ tools }}")).opened();
    let settings = named.source().read("tokenizer_config.json", "").unwrap();
    let settings: Json = serde_json::from_slice(&settings).unwrap();
    assert_eq!(settings["chat_template"], json!([{ "name": "tools", "template": "{{ tools }}" }]));
}

#[test]
fn sentence_piece_joins_the_neighbours_with_the_highest_score() {
    let bytes = (0..256).map(|byte| format!("<0x{byte:02X}>"));
    let special = ["<unk>", "<s>", "</s>"].map(str::to_owned);
    let pieces = ["▁", "a", "b", "ab", "▁a", "bab", "▁ab"];
    let all: Vec<String> = special.into_iter().chain(bytes).chain(pieces.map(str::to_owned)).collect();
    let mut kinds = vec![6; all.len()];
    kinds[..3].copy_from_slice(&[2, 3, 3]);
    kinds[259..].fill(1);
    let scores: Vec<Value> = (0..all.len()).map(|id| Value::F32(-(id as f32))).collect();
    let written = Written::llama(GgmlDType::F32)
        .with("tokenizer.ggml.model", text("llama"))
        .with_rows(all.len())
        .with("tokenizer.ggml.tokens", texts(&all))
        .with("tokenizer.ggml.scores", Value::Array(scores))
        .with("tokenizer.ggml.token_type", Value::Array(kinds.into_iter().map(Value::I32).collect()));
    let tokenizer = written.opened().tokenizer().unwrap();
    let pieces = |text: &str| tokenizer.encode(text, true).unwrap().get_tokens().to_vec();
    // "ab" has a higher score than "▁a", and "bab" is never formed.
    assert_eq!(pieces("abab"), ["<s>", "▁ab", "ab"]);
    assert_eq!(pieces("a é"), ["<s>", "▁a", "▁", "<0xC3>", "<0xA9>"]);
    let ids = tokenizer.encode("a é b", true).unwrap().get_ids().to_vec();
    assert_eq!(tokenizer.decode(&ids, true).unwrap(), "a é b");
    let bare =
        written.with("tokenizer.ggml.add_space_prefix", Value::Bool(false)).opened().tokenizer().unwrap();
    assert_eq!(bare.encode("ab", false).unwrap().get_tokens(), ["ab"]);
}

#[test]
fn an_unknown_tokenizer_is_refused_by_name() {
    let why = |written: Written| written.opened().tokenizer().unwrap_err().to_string();
    let unknown = why(byte_level("chameleon"));
    assert!(unknown.contains("\"chameleon\"") && unknown.contains("smollm"), "{unknown}");
    let kind = why(byte_level("qwen2").with("tokenizer.ggml.model", text("t5")));
    assert!(kind.contains("\"t5\"") && kind.contains("SentencePiece"), "{kind}");
    let mut none = byte_level("qwen2");
    none.metadata.remove("tokenizer.ggml.tokens");
    none.metadata.remove("tokenizer.ggml.bos_token_id");
    none.metadata.remove("tokenizer.ggml.eos_token_id");
    assert!(why(none).contains("tokenizer"));
}
