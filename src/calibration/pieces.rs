//! Texts as pieces that are encoded apart. The tokens of all pieces together are the tokens of the texts.

use std::{
    borrow::Cow,
    ops::{ControlFlow, Range},
};

use rayon::prelude::*;
use tokenizers::Tokenizer;

use crate::model;

use super::{
    error::{Error, Result},
    stretches::{Cutter, LONG},
    text::Text,
};

/// The separator of two documents.
const BLANK_LINE: &str = "\n\n";
/// Bytes of text encoded between two reports. An encoding takes some hundred times the memory of its text, but is dropped
/// when its tokens are known, so only one piece per thread takes that much.
const BATCH_BYTES: u64 = 4 << 20;

/// The documents of all texts, each with the blank line after it, and long ones cut.
pub(super) struct Pieces<'t> {
    tokenizer: Cow<'t, Tokenizer>,
    texts: &'t [Text],
    pieces: Vec<Piece>,
    /// Bytes of all documents and blank lines.
    bytes: u64,
    /// The texts, by their places.
    shares: Vec<Share>,
}

/// The place of a text among all texts, in bytes. A text whose documents were drawn counts with its whole size.
struct Share {
    /// First byte of its documents.
    start: u64,
    /// Bytes of its documents, with the blank lines after them.
    bytes: u64,
    /// First byte among whole texts.
    place: u64,
    /// Size of the whole text.
    whole: u64,
}

struct Piece {
    text: usize,
    document: usize,
    /// Bytes of the document with its blank line.
    range: Range<usize>,
    /// Number of tokens at its start that the whole text lacks.
    surplus: usize,
    /// Bytes of all texts before the piece.
    start: u64,
}

/// Receives the bytes done and their total.
pub(super) type Progress<'a> = dyn FnMut(u64, u64) -> ControlFlow<()> + 'a;

impl<'t> Pieces<'t> {
    pub fn new(tokenizer: &'t Tokenizer, texts: &'t [Text]) -> Self {
        let tokenizer = uncut(tokenizer);
        let count: usize = texts.iter().map(|text| text.documents.len()).sum();
        let (mut pieces, mut bytes, mut cutter) = (Vec::with_capacity(count), 0, None);
        let documents = texts
            .iter()
            .enumerate()
            .flat_map(|(text, of)| (0..of.documents.len()).map(move |document| (text, document)));
        let mut starts = Vec::with_capacity(texts.len());
        for (index, (text, document)) in documents.enumerate() {
            starts.resize(text + 1, bytes);
            let content = texts[text].documents[document].as_str();
            let separator = if index + 1 < count { BLANK_LINE } else { "" };
            let length = content.len() + separator.len();
            let piece = |range: Range<usize>, surplus| {
                let start = bytes + range.start as u64;
                Piece { text, document, range, surplus, start }
            };
            if length > LONG {
                let cutter = cutter.get_or_insert_with(|| Cutter::new(&tokenizer));
                let content = match separator {
                    "" => Cow::Borrowed(content),
                    _ => Cow::Owned([content, separator].concat()),
                };
                let stretches = cutter.stretches(&content).into_iter();
                pieces.extend(stretches.map(|stretch| piece(stretch.range, stretch.surplus)));
            } else {
                pieces.push(piece(0..length, 0));
            }
            bytes += length as u64;
        }
        starts.resize(texts.len() + 1, bytes);
        let mut place = 0;
        let shares = texts.iter().enumerate().map(|(index, text)| {
            let (start, bytes) = (starts[index], starts[index + 1] - starts[index]);
            let whole = text.drawn.as_ref().map_or(bytes, |drawn| bytes.max(drawn.bytes_of_text()));
            place += whole;
            Share { start, bytes, place: place - whole, whole }
        });
        let shares = shares.collect();
        Self { tokenizer, texts, pieces, bytes, shares }
    }

    /// Size of the whole texts, of which documents may have been drawn.
    pub fn bytes_of_texts(&self) -> u64 {
        self.shares.last().map_or(0, |last| last.place + last.whole)
    }

    /// The byte of the documents that stands for this byte of the whole texts.
    pub fn byte(&self, place: u64) -> u64 {
        let next = self.shares.partition_point(|share| share.place <= place);
        let Share { start, bytes, place: first, whole } = self.shares[next - 1];
        let inside = u128::from(place - first) * u128::from(bytes) / u128::from(whole.max(1));
        start + u64::try_from(inside).unwrap_or(0)
    }

    pub fn len(&self) -> usize {
        self.pieces.len()
    }

    /// Bytes of all pieces, with the separators between them.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The bytes from the start of a piece to the start of the next one.
    pub fn span(&self, piece: usize) -> Range<u64> {
        let end = self.pieces.get(piece + 1).map_or(self.bytes, |next| next.start);
        self.pieces[piece].start..end
    }

    /// The piece at this byte of the texts. There must be one.
    pub fn at(&self, byte: u64) -> usize {
        self.pieces.partition_point(|piece| piece.start <= byte) - 1
    }

    /// Tokens of some pieces, each as one vector, encoded on all cores. `progress` receives the bytes done and the total
    /// after each batch; `before` are the bytes of earlier calls.
    pub fn encode(
        &self,
        pieces: &[usize],
        before: u64,
        progress: &mut Progress<'_>,
    ) -> Result<Vec<Vec<u32>>> {
        let bytes_of = |piece: usize| {
            let span = self.span(piece);
            span.end - span.start
        };
        let total = before + pieces.iter().map(|&piece| bytes_of(piece)).sum::<u64>();
        let (mut tokens, mut done, mut rest) = (Vec::with_capacity(pieces.len()), before, pieces);
        while !rest.is_empty() {
            let (mut batch, mut count) = (0, 0);
            while count < rest.len() && (count == 0 || batch + bytes_of(rest[count]) <= BATCH_BYTES) {
                batch += bytes_of(rest[count]);
                count += 1;
            }
            let (now, later) = rest.split_at(count);
            let encoded = now.par_iter().map(|&piece| self.tokens(&self.pieces[piece]));
            let encoded: Vec<Result<Vec<u32>>> = encoded.collect();
            // The first error in the order of the text, for any number of threads.
            for piece in encoded {
                tokens.push(piece?);
            }
            (rest, done) = (later, done + batch);
            if progress(done, total).is_break() {
                return Err(Error::Cancelled);
            }
        }
        Ok(tokens)
    }

    fn tokens(&self, piece: &Piece) -> Result<Vec<u32>> {
        let text = &self.texts[piece.text];
        let document = text.documents[piece.document].as_str();
        let Range { start, end } = piece.range;
        let inside = &document[start.min(document.len())..end.min(document.len())];
        let separator = &BLANK_LINE[start.saturating_sub(document.len())..end.saturating_sub(document.len())];
        let content = match separator {
            "" => Cow::Borrowed(inside),
            _ => Cow::Owned([inside, separator].concat()),
        };
        let failed =
            |source| Error::Tokenizer { text: text.name.clone(), document: piece.document + 1, source };
        let encoding = self.tokenizer.encode_fast(content.as_ref(), false).map_err(failed)?;
        Ok(encoding.get_ids()[piece.surplus.min(encoding.len())..].to_vec())
    }
}

/// The tokenizer without the truncation and padding set in its file.
fn uncut(tokenizer: &Tokenizer) -> Cow<'_, Tokenizer> {
    if tokenizer.get_truncation().is_none() && tokenizer.get_padding().is_none() {
        return Cow::Borrowed(tokenizer);
    }
    let mut whole = tokenizer.clone();
    model::tokenizer::uncut(&mut whole);
    Cow::Owned(whole)
}
