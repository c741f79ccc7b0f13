//! JSON records, and the text of each.

use std::path::Path;

use serde::Deserialize;

use super::{
    error::{At, Error, Result},
    source::Source,
};

/// A row of C4 (`text`) or of Alpaca (`instruction`, `input`, `output`); other keys are ignored.
#[derive(Deserialize)]
struct Record {
    text: Option<String>,
    instruction: Option<String>,
    input: Option<String>,
    output: Option<String>,
}

impl Record {
    /// The text of the record: `text`; or the instruction, the input if there is one, and the output, each on
    /// a new line. Blank lines thus only separate documents. None if the record has neither.
    fn document(self) -> Option<String> {
        let Self { text, instruction, input, output } = self;
        text.or_else(|| {
            let parts = [Some(instruction?), input, output].into_iter().flatten();
            Some(parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n"))
        })
    }
}

/// The document of a line that is a complete record; None for other lines.
pub(super) fn document_of_line(line: &str) -> Option<String> {
    serde_json::from_str::<Record>(line).ok()?.document()
}

/// The documents of `first` and all following lines, one record per line.
pub(super) fn json_lines(source: &mut Source, first: String) -> Result<Vec<String>> {
    let mut documents = vec![first];
    while let Some(text) = source.line()? {
        if text.trim().is_empty() {
            continue;
        }
        let (path, line) = (source.path(), source.line_number());
        let record: Record = serde_json::from_str(&text).map_err(|error| broken(path, line, &error))?;
        documents.push(document(record, path, At::Line(line))?);
    }
    Ok(documents)
}

/// The documents of a JSON array of records, or of consecutive records spread over any number of lines.
pub(super) fn json_values(path: &Path, text: &str) -> Result<Vec<String>> {
    if text.trim_start().starts_with('[') {
        let records: Vec<Record> =
            serde_json::from_str(text).map_err(|error| broken(path, line_of(&error), &error))?;
        return (1..)
            .zip(records)
            .map(|(object, record)| document(record, path, At::Object(object)))
            .collect();
    }
    let mut records = serde_json::Deserializer::from_str(text).into_iter::<Record>();
    let mut documents = Vec::new();
    let (mut line, mut counted) = (1, 0);
    loop {
        let rest = &text[records.byte_offset()..];
        let start = text.len() - rest.trim_start().len();
        line += text[counted..start].matches('\n').count() as u64;
        counted = start;
        let Some(record) = records.next() else { return Ok(documents) };
        let record = record.map_err(|error| broken(path, line_of(&error), &error))?;
        documents.push(document(record, path, At::Line(line))?);
    }
}

fn document(record: Record, path: &Path, at: At) -> Result<String> {
    record.document().ok_or_else(|| Error::NoText { path: path.into(), at })
}

fn broken(path: &Path, line: u64, error: &serde_json::Error) -> Error {
    // The position in the cause is relative to the parsed text, which is one of many lines or the whole text.
    let cause = error.to_string();
    let cause = cause.split(" at line ").next().unwrap_or(&cause).to_string();
    Error::Json { path: path.into(), line, cause }
}

/// The line of an error. A string without a closing quote is reported at the end of its line, which counts as
/// column 0 of the next line.
fn line_of(error: &serde_json::Error) -> u64 {
    let line = error.line().max(1) as u64;
    if error.column() == 0 && line > 1 { line - 1 } else { line }
}
