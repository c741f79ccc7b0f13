//! The built-in model and the generator of its text.

mod plots;
mod stories;
mod words;

pub use stories::text;

/// Seed of the held-out text; training takes small seeds.
pub const HELD_OUT_SEED: u64 = 0x6865_6c64;
/// Seed of the calibration text.
const CALIBRATION_SEED: u64 = 0x6361_6c69;
const CALIBRATION_STORIES: usize = 1500;

/// Stories that the model has not seen, and that the held-out text has not either.
pub fn calibration_text() -> String {
    text(CALIBRATION_SEED, CALIBRATION_STORIES)
}

/// The built-in checkpoint: name and content of every file of a Hugging Face directory.
pub static FILES: &[(&str, &[u8])] = &[
    ("config.json", include_bytes!("../../assets/demo/config.json")),
    ("generation_config.json", include_bytes!("../../assets/demo/generation_config.json")),
    ("model.safetensors", include_bytes!("../../assets/demo/model.safetensors")),
    ("special_tokens_map.json", include_bytes!("../../assets/demo/special_tokens_map.json")),
    ("tokenizer.json", include_bytes!("../../assets/demo/tokenizer.json")),
    ("tokenizer_config.json", include_bytes!("../../assets/demo/tokenizer_config.json")),
];

/// Stories that the model has not seen.
pub const HELD_OUT: &str = include_str!("../../assets/demo/held_out.txt");
