//! The small files of a Hugging Face checkpoint.

use std::{fs, io, path::Path};

use serde_json::json;
use tokenizers::models::bpe::{BPE, BpeTrainerBuilder};
use tokenizers::pre_tokenizers::{
    byte_level::ByteLevel,
    sequence::Sequence,
    split::{Split, SplitPattern},
};
use tokenizers::{AddedToken, Result, SplitDelimiterBehavior, Tokenizer, TokenizerBuilder};

use crate::network::{EPS, FFN, HEADS, HIDDEN, LAYERS, ROPE_THETA};

const BOS: &str = "<s>";
const EOS: &str = "</s>";
const MAX_POSITIONS: usize = 512;
/// The pre-tokenisation pattern of Qwen2.
const QWEN2: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// Learns byte-pair merges from `text`. Every byte is in the alphabet, so no text is unknown.
pub fn train_tokenizer(text: &str, vocabulary: usize) -> Result<Tokenizer> {
    let specials = [BOS, EOS].map(|token| AddedToken::from(token, true));
    let mut alphabet: Vec<char> = ByteLevel::alphabet().into_iter().collect();
    alphabet.sort_unstable();
    let mut trainer = BpeTrainerBuilder::new()
        .show_progress(false)
        .vocab_size(vocabulary)
        .special_tokens(specials.to_vec())
        .initial_alphabet(alphabet.into_iter().collect())
        .build();
    let byte_level = ByteLevel::new(false, true, true);
    // A whole text thus has the same tokens as its stories, which the model sees one by one in training.
    let blank_line = Split::new("\n\n", SplitDelimiterBehavior::Isolated, false)?;
    let mut tokenizer = TokenizerBuilder::new()
        .with_model(BPE::default())
        .with_normalizer(None::<tokenizers::normalizers::NFC>)
        .with_pre_tokenizer(Some(Sequence::new(vec![blank_line.into(), byte_level.into()])))
        .with_post_processor(Some(byte_level))
        .with_decoder(Some(byte_level))
        .build()?;
    tokenizer.train(&mut trainer, text.split_inclusive("\n\n"))?;
    // No merge crosses these boundaries. The stories therefore keep their tokens with the pattern of Qwen2,
    // which other runtimes support.
    let known = Split::new(SplitPattern::Regex(QWEN2.into()), SplitDelimiterBehavior::Isolated, false)?;
    let bytes = ByteLevel::new(false, true, false);
    tokenizer.with_pre_tokenizer(Some(Sequence::new(vec![known.into(), bytes.into()])));
    Ok(tokenizer.into())
}

/// Writes config, generation and tokenizer settings next to the weights.
pub fn write_settings(out: &Path, vocabulary: usize) -> io::Result<()> {
    let write = |name: &str, value: serde_json::Value| fs::write(out.join(name), format!("{value:#}\n"));
    write(
        "config.json",
        json!({
            "architectures": ["LlamaForCausalLM"],
            "model_type": "llama",
            "hidden_act": "silu",
            "hidden_size": HIDDEN,
            "intermediate_size": FFN,
            "num_hidden_layers": LAYERS,
            "num_attention_heads": HEADS,
            "num_key_value_heads": HEADS,
            "head_dim": HIDDEN / HEADS,
            "max_position_embeddings": MAX_POSITIONS,
            "rms_norm_eps": EPS,
            "rope_theta": ROPE_THETA,
            "attention_bias": false,
            "mlp_bias": false,
            "tie_word_embeddings": true,
            "vocab_size": vocabulary,
            "bos_token_id": 0,
            "eos_token_id": 1,
            "torch_dtype": "float16",
        }),
    )?;
    write(
        "generation_config.json",
        json!({ "bos_token_id": 0, "eos_token_id": 1, "max_length": MAX_POSITIONS }),
    )?;
    write(
        "tokenizer_config.json",
        json!({
            "tokenizer_class": "PreTrainedTokenizerFast",
            "bos_token": BOS,
            "eos_token": EOS,
            "model_max_length": MAX_POSITIONS,
            "clean_up_tokenization_spaces": false,
        }),
    )?;
    write("special_tokens_map.json", json!({ "bos_token": BOS, "eos_token": EOS }))
}
