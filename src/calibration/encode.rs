//! All texts as one sequence of tokens.

use std::{borrow::Cow, ops::ControlFlow};

use tokenizers::Tokenizer;

use super::{
    error::{Error, Result},
    text::Text,
};

/// The separator of two documents.
const BLANK_LINE: &str = "\n\n";
/// Bytes of text encoded together: enough to keep the cores busy, and small compared with the encodings.
const BATCH_BYTES: usize = 1 << 20;

/// Tokens of all documents in order, without special tokens. A blank line separates documents, including
/// documents of different texts.
///
/// Each document is encoded together with the blank line after it. After each batch of about 1 MiB,
/// `progress` receives the bytes done and the total. A tokenizer needs some hundred bytes per byte of one
/// document, so store corpora of gigabytes as JSON lines.
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

    let (mut tokens, mut done, mut start) = (Vec::new(), 0, 0);
    while start < documents.len() {
        let (mut end, mut bytes) = (start, 0);
        while end < documents.len() && (end == start || bytes + bytes_of(&documents[end]) <= BATCH_BYTES) {
            bytes += bytes_of(&documents[end]);
            end += 1;
        }
        encode_batch(&tokenizer, &documents[start..end], end < documents.len(), &mut tokens)?;
        done += bytes as u64;
        start = end;
        if progress(done, total).is_break() {
            return Err(Error::Cancelled);
        }
    }
    Ok(tokens)
}

/// The tokenizer without the truncation or padding that its file may request.
fn uncut(tokenizer: &Tokenizer) -> Cow<'_, Tokenizer> {
    if tokenizer.get_truncation().is_none() && tokenizer.get_padding().is_none() {
        return Cow::Borrowed(tokenizer);
    }
    let mut uncut = tokenizer.clone();
    uncut.with_padding(None);
    // Removing truncation cannot fail.
    let _ = uncut.with_truncation(None);
    Cow::Owned(uncut)
}

/// Appends the tokens of `documents`; `more` is true if other documents follow.
fn encode_batch(
    tokenizer: &Tokenizer,
    documents: &[(&Text, usize)],
    more: bool,
    tokens: &mut Vec<u32>,
) -> Result<()> {
    let last = documents.len() - 1;
    let pieces = documents.iter().enumerate().map(|(index, (text, place))| {
        let document = text.documents[*place].as_str();
        if index < last || more {
            Cow::Owned(format!("{document}{BLANK_LINE}"))
        } else {
            Cow::Borrowed(document)
        }
    });
    let pieces: Vec<Cow<'_, str>> = pieces.collect();
    let inputs: Vec<&str> = pieces.iter().map(AsRef::as_ref).collect();
    let encodings = tokenizer.encode_batch_fast(inputs, false).map_err(|source| {
        // The error of a batch does not identify the document that failed.
        let fails = |piece: &Cow<'_, str>| tokenizer.encode_fast(piece.as_ref(), false).is_err();
        let (text, place) = documents[pieces.iter().position(fails).unwrap_or(0)];
        Error::Tokenizer { text: text.name.clone(), document: place + 1, source }
    })?;
    encodings.iter().for_each(|encoding| tokens.extend(encoding.get_ids()));
    Ok(())
}
