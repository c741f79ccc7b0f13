//! A calibration text: its documents, read from any common format.

use std::path::Path;

use crate::model::ChatTemplate;

use super::{
    error::{Error, Result},
    form::Form,
    parquet,
    records::{Records, json_lines, json_values, record_of_line},
    source::Source,
};

/// Documents from one source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// File name, or the name of a built-in text.
    pub name: String,
    /// The documents in order.
    pub documents: Vec<String>,
    /// Notices about ignored content, one sentence each.
    pub notices: Vec<String>,
}

impl Text {
    /// A text with one document that is not read from a file.
    pub fn inline(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self { name: name.into(), documents: vec![text.into()], notices: Vec::new() }
    }
}

/// Reads a text in one of these formats; gzip, zstd and Parquet are recognised by their first bytes:
///
/// - JSON lines, one record per line;
/// - a JSON array of records or of strings;
/// - Parquet, one record per row;
/// - anything else: one document, verbatim except for a byte order mark.
///
/// A record has one of the shapes listed in `docs/texts.md`. Messages are written with the chat template `chat`; without one,
/// each content is on a separate line. Notices report ignored columns, and records without a text.
///
/// The content determines the format. The name is used only if the content does not parse: with the extension `.json`,
/// `.jsonl` or `.ndjson` that is an error, otherwise the file is plain text that starts with a bracket.
///
/// # Errors
///
/// If the text is missing, a directory, empty, not UTF-8, damaged, in an unsupported format, or has no column with text. The
/// error names the file and the line, row or byte.
pub fn read(path: &Path, chat: Option<&ChatTemplate>) -> Result<Text> {
    let (form, file) = Source::form(path)?;
    let mut records = Records::new(path, chat);
    match form {
        Form::Parquet => parquet::add_rows(file.into_inner(), path, &mut records)?,
        Form::Plain | Form::Gzip | Form::Zstandard | Form::LfsPointer | Form::Other(..) => {
            add_text(&mut Source::open(path, form, file)?, &mut records)?;
        }
    }
    let (documents, notices) = records.finish();
    if documents.iter().all(|document| document.trim().is_empty()) {
        return Err(Error::Empty { path: path.into() });
    }
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    Ok(Text { name, documents, notices })
}

fn add_text(source: &mut Source, records: &mut Records<'_>) -> Result<()> {
    let opening = opening(source)?;
    if let Some(first) = record_of_line(&opening) {
        return json_lines(source, &first, records);
    }
    let text = opening + &source.rest()?;
    let path = source.path();
    let named_json = is_named_json(path);
    if !named_json && !text.trim_start().starts_with(['[', '{']) {
        records.documents.push(text);
        return Ok(());
    }
    match json_values(path, &text, records) {
        Err(error) if named_json => Err(error),
        Err(_) => {
            *records = records.emptied();
            records.documents.push(text);
            Ok(())
        }
        Ok(()) => Ok(()),
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
    let name = [".gz", ".zst"].iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(&name);
    [".json", ".jsonl", ".ndjson"].iter().any(|ending| name.ends_with(ending))
}
