//! The documents of a text while it is read: all of them, or of a large text some that are drawn by seed.

use serde::{Deserialize, Serialize};

use super::{
    draw::BYTES_PER_TOKEN,
    reservoir::{Key, Of, Reservoir},
};

/// Texts up to this size, after decompression, are small: every document is read. Of larger texts, documents are drawn.
const SMALL: u64 = 64 << 20;
/// Bytes of text drawn from a large text at least: some thousand documents, so windows come from different ones. It
/// exceeds the size of texts that are encoded whole, so only documents under a window are encoded.
const DRAWN: u64 = 2 * super::draw::WHOLE;
/// Bytes drawn per byte that the windows need.
const SPARE: u64 = 8;

/// The sizes and the seed for drawing documents from large texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sampling {
    pub(super) seed: u64,
    /// Size of the largest small text.
    pub(super) small: u64,
    /// Bytes of text to draw from a large one.
    pub(super) wanted: u64,
}

impl Sampling {
    /// Draws enough text for `samples` windows of `seq_len` tokens.
    #[must_use]
    pub fn new((samples, seq_len): (usize, usize), seed: u64) -> Self {
        let needed = (samples as u64).saturating_mul(seq_len as u64).saturating_mul(BYTES_PER_TOKEN);
        Self { seed, small: SMALL, wanted: DRAWN.max(needed.saturating_mul(SPARE)) }
    }
}

/// How documents were drawn from a large text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrawnDocuments {
    /// The kind of documents.
    pub unit: DocumentUnit,
    /// Documents in the text. Blank lines are not counted.
    pub seen: u64,
    /// Documents drawn.
    pub drawn: u64,
    /// Bytes of the drawn documents.
    pub bytes: u64,
    /// The seed of the draw.
    pub seed: u64,
    /// Row groups of a Parquet file that were read, and their number in the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row_groups: Option<(usize, usize)>,
}

/// The documents of a large text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DocumentUnit {
    /// Records of JSON lines.
    Lines,
    /// Rows of a Parquet file.
    Rows,
    /// Pieces of about 64 KiB of a plain text, cut at line ends.
    Passages,
}

impl DrawnDocuments {
    /// Bytes of the whole text, estimated from the drawn documents.
    pub(super) fn bytes_of_text(&self) -> u64 {
        let bytes = u128::from(self.bytes) * u128::from(self.seen) / u128::from(self.drawn.max(1));
        u64::try_from(bytes).unwrap_or(u64::MAX)
    }
}

impl std::fmt::Display for DrawnDocuments {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { unit, seen, drawn, bytes, seed, row_groups } = self;
        let unit = match unit {
            DocumentUnit::Lines => "lines",
            DocumentUnit::Rows => "rows",
            DocumentUnit::Passages => "passages",
        };
        let mebibytes = *bytes as f64 / f64::from(1 << 20);
        write!(f, "{drawn} of {seen} {unit} ({mebibytes:.1} MiB) drawn by seed {seed}")?;
        match row_groups {
            Some((read, all)) => write!(f, ", from {read} of {all} row groups"),
            None => Ok(()),
        }
    }
}

/// Collects the documents of a text.
pub(super) struct Documents {
    sampling: Option<Sampling>,
    kept: Kept,
    /// The key of a document that is about to be added.
    key: Option<Key>,
    /// Documents so far.
    seen: u64,
    /// The draw of row groups.
    groups: Option<Groups>,
}

/// Row groups of a Parquet file of which only some are read.
struct Groups {
    read: usize,
    all: usize,
    /// Rows of the file.
    rows: u64,
}

enum Kept {
    All(Vec<String>),
    Drawn(Box<Reservoir<String>>),
}

impl Documents {
    /// Keeps all documents, or draws from a large text.
    pub fn new(sampling: Option<Sampling>) -> Self {
        Self { sampling, kept: Kept::All(Vec::new()), key: None, seen: 0, groups: None }
    }

    pub fn sampling(&self) -> Option<Sampling> {
        self.sampling
    }

    /// Starts to draw if the text has more bytes than a small one.
    pub fn grow_to(&mut self, bytes: u64) {
        let (Some(sampling), Kept::All(all)) = (self.sampling, &mut self.kept) else { return };
        if bytes > sampling.small {
            let mut reservoir = Reservoir::new(Of::Documents, sampling.seed, sampling.wanted);
            for text in std::mem::take(all) {
                if let Some(key) = reservoir.next() {
                    reservoir.add(key, text.len() as u64, text);
                }
            }
            self.kept = Kept::Drawn(Box::new(reservoir));
        }
    }

    /// Whether the next document is needed. If so, it is given to [`Self::add`] next.
    pub fn wants_next(&mut self) -> bool {
        match &mut self.kept {
            Kept::All(_) => true,
            Kept::Drawn(reservoir) => {
                self.key = reservoir.next();
                self.key.is_some()
            }
        }
    }

    /// Adds a document.
    pub fn add(&mut self, text: String) {
        self.seen += 1;
        match &mut self.kept {
            Kept::All(all) => all.push(text),
            Kept::Drawn(reservoir) => {
                if let Some(key) = self.key.take().or_else(|| reservoir.next()) {
                    reservoir.add(key, text.len() as u64, text);
                }
            }
        }
    }

    /// Counts a document that was not needed.
    pub fn skip(&mut self) {
        self.seen += 1;
    }

    /// Starts to draw from `read` of the row groups, which have these numbers of rows.
    pub fn draw_groups(&mut self, read: usize, rows: &[u64]) {
        self.grow_to(u64::MAX);
        self.groups = Some(Groups { read, all: rows.len(), rows: rows.iter().sum() });
    }

    /// The documents in the order of the text, and their draw if the text has others.
    pub fn finish(self, unit: DocumentUnit) -> (Vec<String>, Option<DrawnDocuments>) {
        let documents = match self.kept {
            Kept::All(all) => return (all, None),
            Kept::Drawn(reservoir) => reservoir.finish(),
        };
        let (drawn, seed) = (documents.len() as u64, self.sampling.map_or(0, |sampling| sampling.seed));
        let bytes = documents.iter().map(|text| text.len() as u64).sum();
        let seen = self.groups.as_ref().map_or(self.seen, |groups| groups.rows);
        let row_groups = self.groups.map(|groups| (groups.read, groups.all));
        let drawn = DrawnDocuments { unit, seen, drawn, bytes, seed, row_groups };
        let drawn = (drawn.drawn < drawn.seen).then_some(drawn);
        (documents, drawn)
    }
}
