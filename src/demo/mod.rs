//! The built-in model, and the generator of its texts.

mod plots;
mod stories;
mod words;

pub use stories::text;

/// Seed of the held-out text. Training uses small seeds.
pub const HELD_OUT_SEED: u64 = 0x6865_6c64;
/// Seed of the calibration text.
const CALIBRATION_SEED: u64 = 0x6361_6c69;
const CALIBRATION_STORIES: usize = 1500;

/// The calibration text: stories that are neither in the training text nor in the held-out text.
pub fn calibration_text() -> String {
    text(CALIBRATION_SEED, CALIBRATION_STORIES)
}

/// The built-in checkpoint: name and content of each file in its Hugging Face directory.
pub static FILES: &[(&str, &[u8])] = &[
    ("config.json", include_bytes!("../../assets/demo/config.json")),
    ("generation_config.json", include_bytes!("../../assets/demo/generation_config.json")),
    ("model.safetensors", include_bytes!("../../assets/demo/model.safetensors")),
    ("special_tokens_map.json", include_bytes!("../../assets/demo/special_tokens_map.json")),
    ("tokenizer.json", include_bytes!("../../assets/demo/tokenizer.json")),
    ("tokenizer_config.json", include_bytes!("../../assets/demo/tokenizer_config.json")),
];

/// The held-out text: stories that the model was not trained on.
pub const HELD_OUT: &str = include_str!("../../assets/demo/held_out.txt");

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_built_in_model_has_at_most_six_megabytes() {
        let bytes: usize = FILES.iter().map(|(_, content)| content.len()).sum();
        assert!(bytes + HELD_OUT.len() <= 6_000_000, "{bytes}");
    }

    #[test]
    fn the_vocabulary_is_that_of_the_tokenizer() {
        let file = |name: &str| FILES.iter().find(|(known, _)| *known == name).unwrap().1;
        let config: serde_json::Value = serde_json::from_slice(file("config.json")).unwrap();
        let tokenizer = tokenizers::Tokenizer::from_bytes(file("tokenizer.json")).unwrap();
        assert_eq!(config["vocab_size"], tokenizer.get_vocab_size(true));
    }

    #[test]
    fn training_calibration_and_held_out_text_share_no_story() {
        let held_out: HashSet<&str> =
            HELD_OUT.split("\n\n").map(str::trim).filter(|story| !story.is_empty()).collect();
        assert!(held_out.len() >= 100);
        for other in [text(1, 40_000), calibration_text()] {
            assert!(other.split("\n\n").all(|story| !held_out.contains(story.trim())));
        }
    }

    /// Training encodes each story separately; a run encodes whole texts.
    #[test]
    fn a_whole_text_has_the_tokens_of_its_stories() {
        let (_, file) = FILES.iter().find(|(name, _)| *name == "tokenizer.json").unwrap();
        let tokenizer = tokenizers::Tokenizer::from_bytes(file).unwrap();
        let ids = |text: &str| tokenizer.encode(text, false).unwrap().get_ids().to_vec();
        let stories: Vec<u32> = HELD_OUT.split_inclusive("\n\n").flat_map(ids).collect();
        assert_eq!(ids(HELD_OUT), stories);
    }

    /// The tokenizer was trained with another pre-tokenisation pattern. llama.cpp supports the current one.
    #[test]
    fn the_pattern_yields_the_tokens_that_the_model_was_trained_on() {
        use tokenizers::{
            SplitDelimiterBehavior::Isolated,
            pre_tokenizers::{byte_level::ByteLevel, sequence::Sequence, split::Split},
        };
        let (_, file) = FILES.iter().find(|(name, _)| *name == "tokenizer.json").unwrap();
        let now = tokenizers::Tokenizer::from_bytes(file).unwrap();
        let mut trained = now.clone();
        let blank_line = Split::new("\n\n", Isolated, false).unwrap();
        let gpt2 = ByteLevel::new(false, true, true);
        trained.with_pre_tokenizer(Some(Sequence::new(vec![blank_line.into(), gpt2.into()])));
        for text in [HELD_OUT, &text(1, 2000), &calibration_text()] {
            let ids =
                |tokenizer: &tokenizers::Tokenizer| tokenizer.encode(text, false).unwrap().get_ids().to_vec();
            assert!(ids(&now) == ids(&trained));
        }
    }
}
