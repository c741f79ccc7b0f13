//! The metadata at the top of a card, in YAML, and the licence in the metadata of the original model's card.

use super::CardFacts;
use crate::{export::Loading, protocol::RunRecord};

/// The licence given in a card's metadata.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Licence {
    /// Values of `license`, usually one.
    pub names: Vec<String>,
    /// Value of `license_name`, if the hub does not know the licence.
    pub name: Option<String>,
    /// Value of `license_link`.
    pub link: Option<String>,
}

pub fn front_matter(record: &RunRecord, facts: &CardFacts, licence: &Licence) -> String {
    let mut text = String::from("---\n");
    if let Some(id) = &facts.hub_id {
        text += &format!("base_model: {}\n", string(id));
    }
    match &licence.names[..] {
        [] => {}
        [one] => text += &format!("license: {}\n", string(one)),
        several => text += &list("license", several.iter().map(String::as_str)),
    }
    for (key, value) in [("license_name", &licence.name), ("license_link", &licence.link)] {
        if let Some(value) = value {
            text += &format!("{key}: {}\n", string(value));
        }
    }
    let forms = facts.by_format();
    let loading: Vec<Loading> = forms.iter().map(|form| form.format.exporter().loading(form)).collect();
    if let Some(Loading { library, .. }) = loading.first() {
        text += &format!("library_name: {library}\n");
    }
    text += "pipeline_tag: text-generation\n";
    let mut tags: Vec<&str> = vec!["slimgpt", "pruned", &record.model.family];
    tags.extend(loading.iter().filter_map(|loading| loading.tag));
    text + &list("tags", tags) + "---\n"
}

fn list<'v>(key: &str, values: impl IntoIterator<Item = &'v str>) -> String {
    let items = values.into_iter().map(|value| format!("- {}\n", string(value)));
    format!("{key}:\n{}", items.collect::<String>())
}

/// A quoted string. Every JSON string is a YAML string.
fn string(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The licence in the metadata of a model's card. Unusual YAML syntax is ignored.
pub fn licence_of(readme: &str) -> Licence {
    let mut licence = Licence::default();
    let readme = readme.trim_start_matches('\u{feff}');
    let Some(metadata) = readme.strip_prefix("---").and_then(|rest| rest.split("\n---").next()) else {
        return licence;
    };
    let mut lines = metadata.lines().peekable();
    while let Some(line) = lines.next() {
        let Some((key, value)) = line.split_once(':') else { continue };
        let value = scalar(value);
        match key {
            "license" => {
                licence.names.extend(value);
                let item = |line: &&str| line.trim_start().starts_with("- ");
                while let Some(line) = lines.next_if(item) {
                    licence.names.extend(scalar(line.trim_start().trim_start_matches("- ")));
                }
            }
            "license_name" => licence.name = value,
            "license_link" => licence.link = value,
            _ => {}
        }
    }
    licence
}

/// A plain or quoted YAML scalar; None for other syntax.
fn scalar(text: &str) -> Option<String> {
    let text = text.trim();
    let quoted = |quote: char| text.strip_prefix(quote)?.split(quote).next().map(str::to_owned);
    let plain = || text.split(" #").next().unwrap_or_default().trim().to_owned();
    let value = quoted('"').or_else(|| quoted('\'')).unwrap_or_else(plain);
    let is_word = !value.is_empty() && !value.starts_with(['[', '{', '|', '>', '&', '*', '!', '#']);
    is_word.then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_licence_is_read_from_the_metadata_only() {
        let licence =
            licence_of("---\nlanguage: en\nlicense: apache-2.0 # as ever\ntags:\n- x\n---\nlicense: no\n");
        assert_eq!(licence.names, ["apache-2.0"]);
        let other = "---\nlicense: other\nlicense_name: \"llama3\"\nlicense_link: 'LICENSE'\n---\n";
        let licence = licence_of(other);
        assert_eq!((licence.name.as_deref(), licence.link.as_deref()), (Some("llama3"), Some("LICENSE")));
        assert_eq!(
            licence_of("---\nlicense:\n- mit\n- apache-2.0\ntags: []\n---").names,
            ["mit", "apache-2.0"]
        );
        for text in ["", "# A model\nlicense: mit\n", "---\nlicense: [a, b]\n---\n", "---\nlicense:\n---\n"] {
            assert_eq!(licence_of(text), Licence::default(), "{text}");
        }
    }
}
