//! All texts as one sequence of tokens.

use std::ops::ControlFlow;

use tokenizers::Tokenizer;

use super::{error::Result, pieces::Pieces, text::Text};

/// Tokens of all documents in order, without special tokens. A blank line separates documents, including
/// documents of different texts.
///
/// Each document is encoded together with the blank line after it. A long document is encoded in pieces that give the same
/// tokens, because a tokenizer needs some hundred bytes of memory per byte of text. Pieces are encoded on all cores.
/// `progress` receives the bytes of text done and the total after each batch of about 4 MiB.
///
/// # Errors
///
/// [`Error::Tokenizer`](super::Error::Tokenizer) with the text and the document (from 1), and
/// [`Error::Cancelled`](super::Error::Cancelled) if `progress` breaks.
pub fn encode(
    tokenizer: &Tokenizer,
    texts: &[Text],
    progress: &mut dyn FnMut(u64, u64) -> ControlFlow<()>,
) -> Result<Vec<u32>> {
    let pieces = Pieces::new(tokenizer, texts);
    let all: Vec<usize> = (0..pieces.len()).collect();
    Ok(pieces.encode(&all, 0, progress)?.concat())
}
