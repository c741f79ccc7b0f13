//! Files of the checkpoint that are copied unchanged to the output.

use crate::model::Checkpoint;

use super::{Error, OutputDir};

/// The tokenizer and the generation settings.
const COMPANIONS: [&str; 8] = [
    "tokenizer.json",
    "tokenizer_config.json",
    "tokenizer.model",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
    "generation_config.json",
];

/// Prefixes of the names of licences and terms of use, in upper case.
const LICENCES: [&str; 5] = ["LICENSE", "LICENCE", "COPYING", "NOTICE", "USE_POLICY"];

/// True for a file that is copied to a Hugging Face directory: tokenizer, generation settings, chat template,
/// licence.
pub fn is_companion(name: &str) -> bool {
    COMPANIONS.contains(&name) || name.starts_with("chat_template") || is_licence(name)
}

/// True for a licence or terms of use, in any case.
pub fn is_licence(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    LICENCES.iter().any(|beginning| upper.starts_with(beginning))
}

/// Copies the files of the checkpoint whose names satisfy `wanted`.
///
/// # Errors
/// If a file cannot be read or written.
pub fn copy_files(checkpoint: &Checkpoint, wanted: fn(&str) -> bool, out: &OutputDir) -> Result<(), Error> {
    for name in checkpoint.source().files()? {
        if wanted(&name) {
            out.write(&name, &checkpoint.source().read(&name, "it was removed in the meantime")?)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn licences_and_templates_are_copied_but_code_and_weights_are_not() {
        for name in
            ["LICENSE", "LICENSE.txt", "license.md", "USE_POLICY.md", "COPYING", "chat_template.jinja"]
        {
            assert!(is_companion(name), "{name}");
        }
        for name in ["modeling_slimgpt.py", "model.safetensors", "README.md", "run.json", "config.json"] {
            assert!(!is_companion(name), "{name}");
        }
    }
}
