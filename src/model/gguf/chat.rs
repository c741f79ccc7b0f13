//! The chat templates of a GGUF file.

use serde_json::{Value, json};

use super::{super::Result, keys::Keys};

const DEFAULT: &str = "tokenizer.chat_template";

/// Adds `chat_template` to a `tokenizer_config.json`: a text, or a list if the file also has named templates.
///
/// # Errors
/// If a template is not a text.
pub fn put_templates(keys: &Keys, settings: &mut Value) -> Result<()> {
    let default = keys.text(DEFAULT)?;
    let mut named = Vec::new();
    for key in keys.header.keys() {
        let Some(name) = key.strip_prefix(DEFAULT).and_then(|rest| rest.strip_prefix('.')) else { continue };
        if let Some(template) = keys.text(key)? {
            named.push(json!({ "name": name, "template": template }));
        }
    }
    if named.is_empty() {
        if let Some(template) = default {
            settings["chat_template"] = template.into();
        }
        return Ok(());
    }
    if let Some(template) = default {
        named.insert(0, json!({ "name": "default", "template": template }));
    }
    settings["chat_template"] = named.into();
    Ok(())
}
