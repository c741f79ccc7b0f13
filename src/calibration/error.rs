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
    #[error("the gzip file {} ends early or is damaged ({source}); download it again", path.display())]
    Gzip { path: PathBuf, source: io::Error },
    #[error("the text {} is empty; choose one with words in it", path.display())]
    Empty { path: PathBuf },
    #[error(
        "{} is not UTF-8 at byte {offset} (line {line}); convert it, for example with iconv -t UTF-8",
        path.display()
    )]
    NotUtf8 { path: PathBuf, line: u64, offset: u64 },
    #[error("{} line {line}: expected a JSON object with `text`, or `instruction` and `output`: {cause}", path.display())]
    Json { path: PathBuf, line: u64, cause: String },
    #[error(
        "{} {at}: a record has neither `text` nor `instruction`; rename the column with the text to `text`",
        path.display()
    )]
    NoText { path: PathBuf, at: At },
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

/// The position of a record: its line in JSON lines, its index in a JSON array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the variants are the two kinds of positions")]
pub enum At {
    Line(u64),
    Object(u64),
}

impl std::fmt::Display for At {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            At::Line(line) => write!(f, "line {line}"),
            At::Object(object) => write!(f, "object {object}"),
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
            | Self::Gzip { .. }
            | Self::Empty { .. }
            | Self::NotUtf8 { .. }
            | Self::Json { .. }
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
