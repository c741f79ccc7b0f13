//! A calibration text: its documents, read from any common format.

use std::{ops::ControlFlow, path::Path};

use crate::model::ChatTemplate;

use super::{
    documents::{DocumentUnit, DrawnDocuments, Sampling},
    error::{Error, Result},
    form::Form,
    parquet, passages,
    pieces::Progress,
    records::{Records, json_lines, json_values, record_of_line},
    source::{Reading, Source},
};

/// Documents from one source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// File name, or the name of a built-in text.
    pub name: String,
    /// The documents in order.
    pub documents: Vec<String>,
    /// Notices about ignored and drawn content, one sentence each.
    pub notices: Vec<String>,
    /// How the documents were drawn, if the text has others.
    pub drawn: Option<DrawnDocuments>,
}

impl Text {
    /// A text with one document that is not read from a file.
    pub fn inline(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self { name: name.into(), documents: vec![text.into()], notices: Vec::new(), drawn: None }
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
    read_with((path, chat), None, &mut |_, _| ControlFlow::Continue(()))
}

/// As [`read`], but draws documents from a text of more than 64 MiB. The documents of a small text are those of [`read`].
///
/// A large text is read once. Each document gets a random number by the seed, and those with the smallest numbers are
/// kept, until they have 16 MiB, or eight times the bytes that the windows need. Documents are lines of JSON lines, rows
/// of Parquet, and passages of about 64 KiB of plain text. Other lines are not decoded, so damage in them is not
/// found. Of a Parquet file, row groups are drawn first. A JSON array is read whole. `progress` receives the bytes of the
/// file read and their number.
///
/// # Errors
///
/// As for [`read`], and [`Error::Cancelled`] if `progress` breaks.
pub fn read_sampled(
    path: &Path,
    chat: Option<&ChatTemplate>,
    sampling: Sampling,
    progress: &mut dyn FnMut(u64, u64) -> ControlFlow<()>,
) -> Result<Text> {
    read_with((path, chat), Some(sampling), progress)
}

fn read_with(
    (path, chat): (&Path, Option<&ChatTemplate>),
    sampling: Option<Sampling>,
    progress: &mut Progress<'_>,
) -> Result<Text> {
    let (form, file) = Source::form(path)?;
    let mut records = Records::new(path, chat, sampling);
    let reading = Reading::new(progress);
    let unit = match form {
        Form::Parquet => parquet::add_rows(file.into_inner(), path, &mut records, reading)?,
        Form::Plain | Form::Gzip | Form::Zstandard | Form::LfsPointer | Form::Other(..) => {
            add_text(&mut Source::open(path, form, file, reading)?, &mut records)?
        }
    };
    let (documents, drawn, notices) = records.finish(unit);
    if documents.iter().all(|document| document.trim().is_empty()) {
        return Err(Error::Empty { path: path.into() });
    }
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    Ok(Text { name, documents, notices, drawn })
}

fn add_text(source: &mut Source<'_>, records: &mut Records<'_>) -> Result<DocumentUnit> {
    let opening = opening(source)?;
    if let Some(first) = record_of_line(&opening) {
        json_lines(source, &first, records)?;
        return Ok(DocumentUnit::Lines);
    }
    let named_json = is_named_json(source.path());
    if !named_json && !opening.trim_start().starts_with(['[', '{']) {
        passages::add(source, opening, records)?;
        return Ok(DocumentUnit::Passages);
    }
    let text = opening + &source.rest()?;
    match json_values(source.path(), &text, records) {
        Err(error) if named_json => return Err(error),
        Err(_) => {
            *records = records.emptied();
            records.documents.add(text);
        }
        Ok(()) => {}
    }
    Ok(DocumentUnit::Lines)
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
