//! Errors on the way from a text to its windows.

use std::{io, path::PathBuf};

use crate::failure::Kind;

/// Errors of texts and windows. Lines count from 1; bytes from 0, after decompression.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "each message explains its variant")]
pub enum Error {
    #[error("there is no text at {}; check the path", path.display())]
    Missing { path: PathBuf },
    #[error("cannot read the text {}: {source}; check its permissions", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("the text {} is a directory; name the files in it", path.display())]
    Directory { path: PathBuf },
    #[error("the {form} file {} is truncated or damaged ({source}); copy or download it again", path.display())]
    Compressed { path: PathBuf, form: &'static str, source: io::Error },
    #[error("the text {} is {form}, which is not supported; {advice}", path.display())]
    Form { path: PathBuf, form: &'static str, advice: &'static str },
    #[error(
        "the text {} is a git-lfs pointer, not the text itself; fetch the text with `git lfs pull`, or download it",
        path.display()
    )]
    LfsPointer { path: PathBuf },
    #[error("the Parquet file {} cannot be read: {cause}; download it again, or convert it to JSON lines", path.display())]
    Parquet { path: PathBuf, cause: String },
    #[error("the Parquet file {}: {cause}; convert the column", path.display())]
    Column { path: PathBuf, cause: String },
    #[error("the file {} contains no text; give one with words", path.display())]
    Empty { path: PathBuf },
    #[error(
        "{} is not UTF-8 at byte {offset} (line {line}); convert it, for example with iconv -t UTF-8",
        path.display()
    )]
    NotUtf8 { path: PathBuf, line: u64, offset: u64 },
    #[error("{} line {line}: expected a JSON object or an array of them: {}", path.display(), short(cause))]
    Json { path: PathBuf, line: u64, cause: String },
    #[error("{} {at}: {}; change the record, or remove it", path.display(), short(cause))]
    Record { path: PathBuf, at: At, cause: String },
    #[error(
        "{} {at}: a record has none of the columns {shapes}; rename the column with the text to `text`",
        path.display()
    )]
    NoText { path: PathBuf, at: At, shapes: String },
    #[error("text {text:?}: the tokenizer failed on document {document}: {source}")]
    Tokenizer { text: String, document: usize, source: tokenizers::Error },
    #[error(
        "{samples} windows of {seq_len} tokens were requested; request at least 1 window of at least 2 tokens"
    )]
    NoWindow { samples: usize, seq_len: usize },
    #[error(
        "the calibration text has {found} tokens, but {samples} windows of {seq_len} tokens need at least \
         {needed}; add text, or request fewer or shorter windows"
    )]
    TooLittleText { found: usize, needed: usize, samples: usize, seq_len: usize },
    #[error("{found} tokens do not fill {samples} windows of {seq_len} tokens")]
    Shape { found: usize, samples: usize, seq_len: usize },
    #[error("{} does not contain `tokens` i64 [samples, seq_len]: {cause}", path.display())]
    WindowsFile { path: PathBuf, cause: String },
    #[error("reading the calibration text was cancelled")]
    Cancelled,
}

/// A cause, without the end of its quotation.
fn short(cause: &str) -> String {
    const LONGEST: usize = 200;
    match cause.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &cause[..end]),
        None => cause.to_owned(),
    }
}

/// The position of a record: its line in JSON lines, its index in a JSON array or a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names explain the variants")]
pub enum At {
    Line(u64),
    Object(u64),
    Row(u64),
}

impl std::fmt::Display for At {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            At::Line(line) => write!(f, "line {line}"),
            At::Object(object) => write!(f, "object {object}"),
            At::Row(row) => write!(f, "row {row}"),
        }
    }
}

impl Error {
    /// The kind of the error: input, failure or cancellation.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Read { source, .. } => Kind::of_io(source),
            Self::Cancelled => Kind::Cancelled,
            Self::Missing { .. }
            | Self::Directory { .. }
            | Self::Compressed { .. }
            | Self::Form { .. }
            | Self::LfsPointer { .. }
            | Self::Parquet { .. }
            | Self::Column { .. }
            | Self::Empty { .. }
            | Self::NotUtf8 { .. }
            | Self::Json { .. }
            | Self::Record { .. }
            | Self::NoText { .. }
            | Self::Tokenizer { .. }
            | Self::NoWindow { .. }
            | Self::TooLittleText { .. }
            | Self::Shape { .. }
            | Self::WindowsFile { .. } => Kind::Input,
        }
    }
}

/// The result of functions of this module.
pub type Result<T, E = Error> = std::result::Result<T, E>;
