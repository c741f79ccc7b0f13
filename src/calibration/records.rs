//! Records and their texts.

use std::{collections::BTreeSet, path::Path};

use minijinja::Value;

use crate::model::ChatTemplate;

use super::{
    documents::{DocumentUnit, Documents, DrawnDocuments, Sampling},
    error::{At, Error, Result},
    shape::{self, Shape, Written},
    source::Source,
};

/// Maximum number of columns named in a notice.
const NAMED: usize = 8;

/// The documents of a file of records, with the ignored columns and records.
pub(super) struct Records<'a> {
    path: &'a Path,
    chat: Option<&'a ChatTemplate>,
    pub documents: Documents,
    /// Ignored columns.
    unread: BTreeSet<String>,
    /// Number of records without a text, and the position of the first.
    empty: (u64, Option<At>),
}

impl<'a> Records<'a> {
    pub fn new(path: &'a Path, chat: Option<&'a ChatTemplate>, sampling: Option<Sampling>) -> Self {
        let documents = Documents::new(sampling);
        Self { path, chat, documents, unread: BTreeSet::new(), empty: (0, None) }
    }

    /// A file before its first record.
    pub fn emptied(&self) -> Self {
        Self::new(self.path, self.chat, self.documents.sampling())
    }

    /// Adds the text of a record.
    pub fn add(&mut self, record: &Value, at: At) -> Result<()> {
        let columns = columns(record);
        let has = |wanted: &str| columns.iter().any(|(name, _)| name == wanted);
        let filled = |wanted: &str| columns.iter().any(|(name, value)| name == wanted && !value.is_none());
        let Some(shape) = Shape::of(filled).or_else(|| Shape::of(has)) else {
            return Err(Error::NoText { path: self.path.into(), at, shapes: shape::names() });
        };
        let read: Vec<&str> = shape.columns().collect();
        let names = columns.iter().map(|(name, _)| name.as_str());
        self.leave_out(names.filter(|name| !read.contains(name)));
        let get = |wanted: &str| columns.iter().find(|(name, value)| name == wanted && !value.is_none());
        let cells: Vec<(&str, &Value)> =
            shape.columns().filter_map(|name| get(name).map(|(_, value)| (name, value))).collect();
        let whole = shape.required.iter().all(|column| filled(column));
        let text = if whole { self.text(shape, &cells, at)? } else { String::new() };
        if text.trim().is_empty() {
            self.empty = (self.empty.0 + 1, self.empty.1.or(Some(at)));
        }
        self.documents.add(text);
        Ok(())
    }

    /// Stores the names of ignored columns.
    pub fn leave_out<'c>(&mut self, columns: impl Iterator<Item = &'c str>) {
        for name in columns {
            if !self.unread.contains(name) {
                self.unread.insert(name.to_owned());
            }
        }
    }

    /// The text of a record's cells.
    fn text(&self, shape: &Shape, cells: &[(&str, &Value)], at: At) -> Result<String> {
        match shape.written {
            Written::Verbatim => self.string(cells[0], at),
            Written::Lines => {
                let lines = cells.iter().map(|cell| self.string(*cell, at)).collect::<Result<Vec<_>>>()?;
                Ok(lines.into_iter().filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n"))
            }
            Written::Chat => self.chat(messages(cells[0], None), at),
            Written::Turns => {
                let question = messages(cells[0], Some("user"));
                let answer = messages(cells[1], Some("assistant"));
                self.chat(question.and_then(|both| Ok([both, answer?].concat())), at)
            }
        }
    }

    fn string(&self, (column, value): (&str, &Value), at: At) -> Result<String> {
        let text = value.as_str().map(str::to_owned);
        text.ok_or_else(|| self.unfit(at, format!("expected a string in `{column}`, found {}", value.kind())))
    }

    /// Messages written with the model's chat template, or only their contents if it has none.
    fn chat(&self, messages: Result<Vec<Value>, String>, at: At) -> Result<String> {
        let messages = messages.map_err(|cause| self.unfit(at, cause))?;
        match self.chat {
            _ if messages.is_empty() => Ok(String::new()),
            Some(template) => template.write(Value::from(messages), false).map_err(|cause| {
                self.unfit(at, format!("the model's chat template does not accept the messages: {cause}"))
            }),
            None => {
                let contents = messages.iter().map(shape::content);
                Ok(contents.filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n"))
            }
        }
    }

    fn unfit(&self, at: At, cause: String) -> Error {
        Error::Record { path: self.path.into(), at, cause }
    }

    /// The documents with a text, their draw from a large text, and notices about ignored columns and records.
    pub fn finish(self, unit: DocumentUnit) -> (Vec<String>, Option<DrawnDocuments>, Vec<String>) {
        let Self { path, unread, empty, documents, chat: _ } = self;
        let (mut documents, drawn) = documents.finish(unit);
        let mut notices = Vec::new();
        let named: Vec<&str> = unread.iter().take(NAMED).map(String::as_str).collect();
        let more = unread.len() - named.len();
        let rest = if more == 0 { String::new() } else { format!(" and {more} more") };
        if !named.is_empty() {
            notices.push(format!("{}: ignored columns: {}{rest}", path.display(), named.join(", ")));
        }
        if let (count, Some(first)) = empty
            && documents.iter().any(|document| !document.trim().is_empty())
        {
            documents.retain(|document| !document.trim().is_empty());
            // Of a large text, the records that are not drawn are not decoded.
            let decoded = if drawn.is_some() { ", counting only decoded ones" } else { "" };
            let message =
                format!("{}: records without a text: {count}, the first at {first}{decoded}", path.display());
            notices.push(message);
        }
        notices.extend(drawn.iter().map(|drawn| format!("{}: {drawn}", path.display())));
        (documents, drawn, notices)
    }
}

/// The columns of a record in order; empty if it is not an object.
fn columns(record: &Value) -> Vec<(String, Value)> {
    let keys = record.try_iter().ok().filter(|_| shape::is_map(record));
    let column = |key: Value| Some((key.as_str()?.to_owned(), record.get_item(&key).ok()?));
    keys.into_iter().flatten().filter_map(column).collect()
}

/// The messages of a cell: a list of messages, or a text as one message of `role`.
fn messages((column, value): (&str, &Value), role: Option<&str>) -> Result<Vec<Value>, String> {
    if let (Some(text), Some(role)) = (value.as_str(), role) {
        return Ok(vec![Value::from_pairs([("role", Value::from(role)), ("content", Value::from(text))])]);
    }
    match value.kind() {
        minijinja::value::ValueKind::Seq => {
            let items = value.try_iter().map_err(|cause| cause.to_string())?;
            items.map(|item| shape::message(&item)).collect()
        }
        other => Err(format!("expected a list of messages in `{column}`, found {other}")),
    }
}

/// The record on a line; None if the line is not a complete record of a known shape.
pub(super) fn record_of_line(line: &str) -> Option<Value> {
    if !line.trim_start().starts_with('{') {
        return None;
    }
    let record: Value = serde_json::from_str(line).ok()?;
    let columns = columns(&record);
    Shape::of(|wanted| columns.iter().any(|(name, _)| name == wanted)).map(|_| record)
}

/// Adds `first` and the records of all following lines. Of a large text, only the lines that are drawn are decoded.
pub(super) fn json_lines(source: &mut Source<'_>, first: &Value, records: &mut Records<'_>) -> Result<()> {
    records.add(first, At::Line(source.line_number()))?;
    loop {
        records.documents.grow_to(source.offset());
        if !records.documents.wants_next() {
            match source.skip_line()? {
                0 => return Ok(()),
                1 => {}
                _ => records.documents.skip(),
            }
            continue;
        }
        let Some(text) = source.line()? else { return Ok(()) };
        if text.trim().is_empty() {
            continue;
        }
        let (path, line) = (source.path(), source.line_number());
        let record: Value = serde_json::from_str(&text).map_err(|error| broken(path, line, &error))?;
        records.add(&record, At::Line(line))?;
    }
}

/// Adds the records of a JSON array, or consecutive records, each on any number of lines. A string in an array is a text.
pub(super) fn json_values(path: &Path, text: &str, records: &mut Records<'_>) -> Result<()> {
    if text.trim_start().starts_with('[') {
        let values: Vec<Value> =
            serde_json::from_str(text).map_err(|error| broken(path, line_of(&error), &error))?;
        for (object, value) in (1..).zip(values) {
            match value.as_str() {
                Some(text) => records.documents.add(text.to_owned()),
                None => records.add(&value, At::Object(object))?,
            }
        }
        return Ok(());
    }
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    let (mut line, mut counted) = (1, 0);
    loop {
        let rest = &text[values.byte_offset()..];
        let start = text.len() - rest.trim_start().len();
        line += text[counted..start].matches('\n').count() as u64;
        counted = start;
        let Some(value) = values.next() else { return Ok(()) };
        let value = value.map_err(|error| broken(path, line_of(&error), &error))?;
        records.add(&value, At::Line(line))?;
    }
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
