//! A calibration text: its documents, read from any common format.

use std::path::Path;

use super::{
    error::{Error, Result},
    records::{document_of_line, json_lines, json_values},
    source::Source,
};

/// Documents from one source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// File name, or the name of a built-in text.
    pub name: String,
    /// The documents in order.
    pub documents: Vec<String>,
}

impl Text {
    /// A text with one document that is not read from a file.
    pub fn inline(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self { name: name.into(), documents: vec![text.into()] }
    }
}

/// Reads a text, gzipped or not (by its first bytes), in one of three formats:
///
/// - JSON lines, one record per line: `text` (C4), or `instruction`, `input`, `output` (Alpaca), which become one text with each
///   part on its own line;
/// - a JSON array of such records;
/// - anything else: one document, verbatim except for a byte order mark.
///
/// The content determines the format. The name counts only if the content does not parse: with the extension
/// `.json`, `.jsonl` or `.ndjson` that is an error; otherwise the file is a plain text that starts with a
/// bracket.
///
/// # Errors
///
/// If a text is missing, empty, not UTF-8, damaged gzip, broken JSON or without `text`; the error names the
/// file, and the line or byte.
pub fn read(path: &Path) -> Result<Text> {
    let documents = documents(&mut Source::open(path)?)?;
    if documents.iter().all(|document| document.trim().is_empty()) {
        return Err(Error::Empty { path: path.into() });
    }
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    Ok(Text { name, documents })
}

fn documents(source: &mut Source) -> Result<Vec<String>> {
    let opening = opening(source)?;
    if let Some(first) = document_of_line(&opening) {
        return json_lines(source, first);
    }
    let text = opening + &source.rest()?;
    let path = source.path();
    let named_json = is_named_json(path);
    if !named_json && !text.trim_start().starts_with(['[', '{']) {
        return Ok(vec![text]);
    }
    match json_values(path, &text) {
        Ok(documents) => Ok(documents),
        Err(error) if named_json => Err(error),
        Err(_) => Ok(vec![text]),
    }
}

/// The text up to the end of the first non-blank line.
fn opening(source: &mut Source) -> Result<String> {
    let mut opening = String::new();
    while opening.trim().is_empty()
        && let Some(line) = source.line()?
    {
        opening += &line;
    }
    Ok(opening)
}

fn is_named_json(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    [".json", ".jsonl", ".ndjson"].iter().any(|ending| name.ends_with(ending))
}
