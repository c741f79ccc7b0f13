//! The shapes of records: the columns that are read, and the rule that makes a text of them.

use minijinja::Value;

/// The rule that makes a text of the columns of a shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// The first column, unchanged.
    Verbatim,
    /// The columns with a text, one per line. Blank lines separate only documents.
    Lines,
    /// The first column is a list of messages.
    Chat,
    /// The columns are a question and its answer; each is a text or a list of messages.
    Turns,
}

/// A shape of records.
pub(super) struct Shape {
    /// Required columns.
    pub required: &'static [&'static str],
    /// Optional columns, in the order in which they follow the required ones.
    pub optional: &'static [&'static str],
    pub written: Written,
}

/// All shapes. A record has the first shape for which it has the required columns.
pub(super) const SHAPES: [Shape; 6] = [
    Shape { required: &["text"], optional: &[], written: Written::Verbatim },
    Shape { required: &["messages"], optional: &[], written: Written::Chat },
    Shape { required: &["conversations"], optional: &[], written: Written::Chat },
    Shape { required: &["prompt", "completion"], optional: &[], written: Written::Turns },
    Shape {
        required: &["instruction"],
        optional: &["context", "input", "output", "response"],
        written: Written::Lines,
    },
    Shape { required: &["content"], optional: &[], written: Written::Verbatim },
];

impl Shape {
    /// The columns that are read.
    pub fn columns(&self) -> impl Iterator<Item = &'static str> {
        self.required.iter().chain(self.optional).copied()
    }

    /// The required columns for a message or a table, such as "`prompt` and `completion`".
    pub fn name(&self) -> String {
        self.required.iter().map(|column| format!("`{column}`")).collect::<Vec<_>>().join(" and ")
    }

    /// The first shape with all required columns in `columns`.
    pub fn of(has: impl Fn(&str) -> bool) -> Option<&'static Self> {
        SHAPES.iter().find(|shape| shape.required.iter().all(|column| has(column)))
    }
}

/// All shapes by name, for messages.
pub(super) fn names() -> String {
    SHAPES.iter().map(Shape::name).collect::<Vec<_>>().join(", ")
}

/// A message in the form for chat templates: `from` becomes the role and `value` the content; null entries are dropped.
pub(super) fn message(value: &Value) -> Result<Value, String> {
    let keys = value.try_iter().ok().filter(|_| is_map(value));
    let keys =
        keys.ok_or_else(|| format!("expected messages with a role and a content, found {}", value.kind()))?;
    let mut entries: Vec<(String, Value)> = Vec::new();
    for key in keys {
        let content = value.get_item(&key).map_err(|cause| cause.to_string())?;
        let name = match key.as_str() {
            Some("from") => "role",
            Some("value") => "content",
            Some(name) => name,
            None => continue,
        };
        if content.is_none() {
            continue;
        }
        let content = match (name, content.as_str()) {
            ("role", Some("human")) => Value::from("user"),
            ("role", Some("gpt")) => Value::from("assistant"),
            (_, Some(_) | None) => content,
        };
        entries.push((name.to_owned(), content));
    }
    if !entries.iter().any(|(name, _)| name == "role") {
        return Err("a message has no role".into());
    }
    Ok(Value::from_pairs(entries))
}

pub(super) fn is_map(value: &Value) -> bool {
    value.kind() == minijinja::value::ValueKind::Map
}

/// The content of a message without a chat template: a text, or the texts of its parts.
pub(super) fn content(message: &Value) -> String {
    let content = message.get_attr("content").unwrap_or_default();
    match content.as_str() {
        Some(text) => text.to_owned(),
        None => {
            let parts = content.try_iter().into_iter().flatten();
            let texts = parts.filter_map(|part| part.get_attr("text").ok()?.as_str().map(str::to_owned));
            texts.collect::<Vec<_>>().join("\n")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documentation_lists_every_shape_and_no_other() {
        let text = include_str!("../../docs/texts.md");
        let table = text.split_once("| columns |").unwrap().1.split_once("\n\n").unwrap().0;
        let documented: Vec<(String, String)> = table
            .lines()
            .skip(2)
            .map(|row| row.split('|').map(str::trim).collect::<Vec<_>>())
            .map(|cells| (cells[1].to_owned(), cells[2].to_owned()))
            .collect();
        let optional =
            |shape: &Shape| shape.optional.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>();
        let expected: Vec<_> =
            SHAPES.iter().map(|shape| (shape.name(), optional(shape).join(", "))).collect();
        assert_eq!(documented, expected);
    }
}
