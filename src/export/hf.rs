//! What lies beside the weights of a Hugging Face directory.

mod config;

use crate::model::{Architecture, Checkpoint, Family, Precision, Shapes};

use self::config::Form;
use super::{Error, OutputDir, writer::padded};

/// Files that go along unchanged, where the checkpoint has them; also chat templates, and licences.
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

/// What licences and terms begin with, in capitals; files may be called in small letters.
const LICENCES: [&str; 5] = ["LICENSE", "LICENCE", "COPYING", "NOTICE", "USE_POLICY"];

/// The modeling code that transformers loads beside the configuration (`trust_remote_code`).
const MODELING: &str = include_str!("../../assets/hf/modeling_slimgpt.py");
const MODELING_NAME: &str = "modeling_slimgpt.py";

/// Refuses biases that pruning has added to a family whose classes in transformers have none.
///
/// # Errors
/// [`Error::Inexpressible`].
pub fn check(before: &Architecture, pruned: &Architecture) -> Result<(), Error> {
    let family = before.family;
    let (attention, mlp) = match family {
        Family::Llama => (true, true),
        Family::Qwen3 => (true, false),
        Family::Mistral | Family::Qwen2 => (false, false),
    };
    let added = [
        ("o_proj", pruned.o_bias && !before.o_bias && !attention),
        ("down_proj", pruned.mlp_bias && !before.mlp_bias && !mlp),
    ];
    match added.into_iter().find(|(_, refused)| *refused) {
        None => Ok(()),
        Some((projection, _)) => Err(Error::Inexpressible {
            form: "hf and padded",
            why: format!(
                "{family} in transformers has no bias of {projection}, which --bias-compensation adds"
            ),
            left: match family {
                Family::Llama | Family::Mistral | Family::Qwen2 => {
                    "gguf, or a run without --bias-compensation"
                }
                Family::Qwen3 => "a run without --bias-compensation, or with --parts attention",
            },
        }),
    }
}

/// What a directory is loaded by.
pub struct Loading {
    /// The class of transformers.
    pub class: String,
    /// The class comes along, and has to be trusted.
    pub remote_code: bool,
}

/// True for a file of the checkpoint that is copied as it is.
pub fn goes_along(name: &str) -> bool {
    COMPANIONS.contains(&name) || name.starts_with("chat_template") || is_licence(name)
}

/// True for a licence, and for what else says what may be done with the model.
pub fn is_licence(name: &str) -> bool {
    let capitals = name.to_ascii_uppercase();
    LICENCES.iter().any(|beginning| capitals.starts_with(beginning))
}

/// Copies the checkpoint's files that are wanted.
pub fn copy_files(checkpoint: &Checkpoint, wanted: fn(&str) -> bool, out: &OutputDir) -> Result<(), Error> {
    for name in checkpoint.source().files()? {
        if wanted(&name) {
            out.write(&name, &checkpoint.source().read(&name, "it was there a moment ago")?)?;
        }
    }
    Ok(())
}

/// Writes everything of the directory but the weights: `config.json`, the modeling code where no class of transformers
/// has the sizes, and the checkpoint's tokenizer, generation settings, chat template and licence, unchanged.
///
/// Padded shapes are those of the checkpoint. Where its own layers differ already, they still do, and are said per layer.
pub fn write_files(
    checkpoint: &Checkpoint,
    pruned: &Architecture,
    (shapes, dtype): (Shapes, Option<Precision>),
    out: &OutputDir,
) -> Result<Loading, Error> {
    let source = checkpoint.config();
    let whole = padded(checkpoint, pruned);
    let (form, written) = match shapes {
        Shapes::Narrow => (Form::of(pruned), pruned),
        Shapes::Padded => (Form::unchanged(source, &whole), &whole),
    };
    let config = config::config_json(source, written, form, dtype);
    out.write("config.json", format!("{config:#}\n").as_bytes())?;
    let remote_code = form == Form::PerLayer;
    if remote_code {
        out.write(MODELING_NAME, MODELING.as_bytes())?;
    }
    copy_files(checkpoint, goes_along, out)?;
    Ok(Loading { class: form.class(written.family), remote_code })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn licences_and_templates_go_along_but_code_and_weights_do_not() {
        for name in
            ["LICENSE", "LICENSE.txt", "license.md", "USE_POLICY.md", "COPYING", "chat_template.jinja"]
        {
            assert!(goes_along(name), "{name}");
        }
        for name in ["modeling_slimgpt.py", "model.safetensors", "README.md", "run.json", "config.json"] {
            assert!(!goes_along(name), "{name}");
        }
    }
}
