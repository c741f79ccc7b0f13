//! All texts as one sequence of tokens.

use std::{borrow::Cow, ops::ControlFlow};

use tokenizers::Tokenizer;

use crate::model;

use super::{
    error::{Error, Result},
    stretches::{Cutter, STRETCH, Stretch},
    text::Text,
};

/// The separator of two documents.
const BLANK_LINE: &str = "\n\n";
/// Bytes of text encoded together: enough to keep the cores busy, and small compared with the encodings.
const BATCH_BYTES: usize = 1 << 20;

/// Tokens of all documents in order, without special tokens. A blank line separates documents, including
/// documents of different texts.
///
/// Each document is encoded together with the blank line after it. A long document is encoded in pieces that give the same
/// tokens, because a tokenizer needs some hundred bytes of memory per byte of text. `progress` receives the bytes of text done and
/// the total after each batch of about 1 MiB.
///
/// # Errors
///
/// [`Error::Tokenizer`] with the text and the document (from 1), and [`Error::Cancelled`] if `progress`
/// breaks.
pub fn encode(
    tokenizer: &Tokenizer,
    texts: &[Text],
    progress: &mut dyn FnMut(u64, u64) -> ControlFlow<()>,
) -> Result<Vec<u32>> {
    let tokenizer = uncut(tokenizer);
    let documents: Vec<(&Text, usize)> =
        texts.iter().flat_map(|text| (0..text.documents.len()).map(move |place| (text, place))).collect();
    let bytes_of = |&(text, place): &(&Text, usize)| text.documents[place].len();
    let total = documents.iter().map(|document| bytes_of(document) as u64).sum();

    let mut cutter = None;
    let (mut tokens, mut done, mut start) = (Vec::new(), 0, 0);
    while start < documents.len() {
        let (mut end, mut bytes) = (start, 0);
        while end < documents.len() && (end == start || bytes + bytes_of(&documents[end]) <= BATCH_BYTES) {
            bytes += bytes_of(&documents[end]);
            end += 1;
        }
        let batch: Vec<Piece<'_>> = documents[start..end]
            .iter()
            .enumerate()
            .map(|(index, &(text, place))| Piece::new(text, place, start + index + 1 < documents.len()))
            .collect();
        let mut report = |more: usize| match progress(done + more as u64, total) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Error::Cancelled),
        };
        match batch.as_slice() {
            [long] if long.content.len() > BATCH_BYTES => {
                let cutter = cutter.get_or_insert_with(|| Cutter::new(&tokenizer));
                encode_long(&tokenizer, long, cutter, &mut tokens, bytes, &mut report)?;
            }
            several => {
                encode_batch(&tokenizer, several, &mut tokens)?;
                report(bytes)?;
            }
        }
        done += bytes as u64;
        start = end;
    }
    Ok(tokens)
}

/// A document, with the blank line after it.
struct Piece<'t> {
    text: &'t Text,
    place: usize,
    content: Cow<'t, str>,
}

impl<'t> Piece<'t> {
    fn new(text: &'t Text, place: usize, more: bool) -> Self {
        let document = text.documents[place].as_str();
        let content =
            if more { Cow::Owned(format!("{document}{BLANK_LINE}")) } else { Cow::Borrowed(document) };
        Self { text, place, content }
    }

    fn failed(&self, source: tokenizers::Error) -> Error {
        Error::Tokenizer { text: self.text.name.clone(), document: self.place + 1, source }
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

/// Appends the tokens of whole documents.
fn encode_batch(tokenizer: &Tokenizer, batch: &[Piece<'_>], tokens: &mut Vec<u32>) -> Result<()> {
    let inputs: Vec<&str> = batch.iter().map(|piece| piece.content.as_ref()).collect();
    let encodings = tokenizer.encode_batch_fast(inputs, false).map_err(|source| {
        // The error of a batch does not name the failed document.
        let fails = |piece: &&Piece<'_>| tokenizer.encode_fast(piece.content.as_ref(), false).is_err();
        batch.iter().find(fails).unwrap_or(&batch[0]).failed(source)
    })?;
    encodings.iter().for_each(|encoding| tokens.extend(encoding.get_ids()));
    Ok(())
}

/// Appends the tokens of one long document, piece by piece. `report` receives the bytes done, at the end `bytes`.
fn encode_long(
    tokenizer: &Tokenizer,
    document: &Piece<'_>,
    cutter: &Cutter<'_>,
    tokens: &mut Vec<u32>,
    bytes: usize,
    report: &mut dyn FnMut(usize) -> Result<()>,
) -> Result<()> {
    let mut done = 0;
    let stretches = cutter.stretches(&document.content);
    for batch in stretches.chunks(BATCH_BYTES / STRETCH) {
        let inputs: Vec<&str> = batch.iter().map(|stretch| stretch.text).collect();
        let encodings =
            tokenizer.encode_batch_fast(inputs, false).map_err(|source| document.failed(source))?;
        for (encoding, Stretch { text, surplus }) in encodings.iter().zip(batch) {
            tokens.extend(encoding.get_ids().iter().skip(*surplus));
            done = bytes.min(done + text.len());
        }
        report(done)?;
    }
    // Omitted separators count as done.
    if done < bytes { report(bytes) } else { Ok(()) }
}
