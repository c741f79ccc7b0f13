//! Windows drawn from texts, of which only the needed documents are encoded.

use std::{
    collections::{BTreeMap, BTreeSet},
    iter,
    ops::{ControlFlow, Range},
};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tokenizers::Tokenizer;

use super::{
    error::{Error, Result},
    pieces::{Pieces, Progress},
    text::Text,
    windows::Windows,
};

/// Texts up to this size are encoded as a whole, which takes seconds.
pub(super) const WHOLE: u64 = 8 << 20;
/// Bytes of text per missing token of a window that are encoded next. Most tokens are longer, so few documents are encoded in
/// vain.
pub(super) const BYTES_PER_TOKEN: u64 = 2;
/// Refused draws beyond the number of windows, after which the whole text is encoded. They are rare in a large text.
const REFUSED: usize = 16;

/// Windows, and the tokens that were encoded to draw them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drawn {
    /// The windows.
    pub windows: Windows,
    /// Number of tokens encoded.
    pub encoded: usize,
}

/// Draws `samples` windows of `seq_len` tokens from texts, at distinct positions. Equal texts, tokenizers and seeds give equal
/// windows.
///
/// Texts of up to 8 MiB are encoded and then drawn from with [`Windows::draw`]. In larger texts a position is drawn
/// uniformly over the bytes, and only the documents that a window covers are encoded. A text of which documents were
/// drawn counts with the size of the whole text. A long document is encoded in pieces
/// of about 64 KiB. `progress` receives the bytes done and the total that is known to be needed.
///
/// # Errors
///
/// As for [`encode`](super::encode()) and [`Windows::draw`].
pub fn draw(
    tokenizer: &Tokenizer,
    texts: &[Text],
    (samples, seq_len): (usize, usize),
    seed: u64,
    progress: &mut dyn FnMut(u64, u64) -> ControlFlow<()>,
) -> Result<Drawn> {
    draw_with((tokenizer, texts), (samples, seq_len), seed, WHOLE, progress)
}

/// [`draw`] with another limit for texts that are encoded as a whole, in bytes.
pub(super) fn draw_with(
    (tokenizer, texts): (&Tokenizer, &[Text]),
    (samples, seq_len): (usize, usize),
    seed: u64,
    whole: u64,
    progress: &mut Progress<'_>,
) -> Result<Drawn> {
    if samples == 0 || seq_len < 2 {
        return Err(Error::NoWindow { samples, seq_len });
    }
    let pieces = Pieces::new(tokenizer, texts);
    let needed = (samples as u64).saturating_mul(seq_len as u64).saturating_mul(BYTES_PER_TOKEN);
    if pieces.bytes() > whole.max(needed) {
        let mut draw = Draw { pieces: &pieces, seq_len, encoded: BTreeMap::new(), bytes: 0 };
        if let Some(windows) = draw.windows(samples, seed, progress)? {
            let encoded = draw.encoded.values().map(Vec::len).sum();
            return Ok(Drawn { windows, encoded });
        }
    }
    let all: Vec<usize> = (0..pieces.len()).collect();
    let tokens = pieces.encode(&all, 0, progress)?.concat();
    Ok(Drawn { windows: Windows::draw(&tokens, samples, seq_len, seed)?, encoded: tokens.len() })
}

/// A draw in progress.
struct Draw<'a> {
    pieces: &'a Pieces<'a>,
    seq_len: usize,
    /// Tokens of the encoded pieces.
    encoded: BTreeMap<usize, Vec<u32>>,
    /// Bytes of the encoded pieces.
    bytes: u64,
}

/// A piece, and the index of a token in it.
type Position = (usize, usize);

impl Draw<'_> {
    /// Windows at distinct positions; None if too many draws are refused.
    fn windows(&mut self, samples: usize, seed: u64, progress: &mut Progress<'_>) -> Result<Option<Windows>> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let (mut taken, mut tokens) = (BTreeSet::new(), Vec::with_capacity(samples * self.seq_len));
        let mut refused = 0;
        while taken.len() < samples {
            let missing = samples - taken.len();
            let bytes: Vec<u64> = (0..missing)
                .map(|_| self.pieces.byte(rng.random_range(0..self.pieces.bytes_of_texts())))
                .collect();
            self.encode(&bytes, progress)?;
            for byte in bytes {
                match self.window(byte) {
                    Some((position, window)) if taken.insert(position) => tokens.extend(window),
                    Some(_) | None => refused += 1,
                }
            }
            if refused > samples + REFUSED {
                return Ok(None);
            }
        }
        Ok(Some(Windows::new(tokens, samples, self.seq_len)?))
    }

    /// Encodes the pieces that the windows at these bytes cover.
    fn encode(&mut self, bytes: &[u64], progress: &mut Progress<'_>) -> Result<()> {
        loop {
            let missing: BTreeSet<usize> = bytes.iter().flat_map(|&byte| self.missing(byte)).collect();
            if missing.is_empty() {
                return Ok(());
            }
            let missing: Vec<usize> =
                missing.into_iter().filter(|piece| !self.encoded.contains_key(piece)).collect();
            let tokens = self.pieces.encode(&missing, self.bytes, progress)?;
            for (piece, tokens) in missing.into_iter().zip(tokens) {
                let span = self.pieces.span(piece);
                self.bytes += span.end - span.start;
                self.encoded.insert(piece, tokens);
            }
        }
    }

    /// The next pieces that the window at this byte lacks. They are estimated from below, so several rounds are needed.
    fn missing(&self, byte: u64) -> Range<usize> {
        let first = self.pieces.at(byte);
        let mut left = self.seq_len;
        for piece in first..self.pieces.len() {
            let Some(tokens) = self.encoded.get(&piece) else {
                let start = self.pieces.span(piece).start.max(byte);
                let end = start.saturating_add(left as u64 * BYTES_PER_TOKEN);
                return piece..self.pieces.at(end.min(self.pieces.bytes()) - 1) + 1;
            };
            let skipped = if piece == first { self.index(byte, first, tokens) } else { 0 };
            left = left.saturating_sub(tokens.len() - skipped);
            if left == 0 {
                break;
            }
        }
        0..0
    }

    /// The window at this byte; None if the text ends before it does, or the piece has no tokens.
    fn window(&self, byte: u64) -> Option<(Position, Vec<u32>)> {
        let first = self.pieces.at(byte);
        let tokens = self.encoded.get(&first).filter(|tokens| !tokens.is_empty())?;
        let index = self.index(byte, first, tokens);
        let rest = self.encoded.range(first + 1..).map(|(_, tokens)| tokens.as_slice());
        let from_here = iter::once(&tokens[index..]).chain(rest).flatten().copied();
        let window: Vec<u32> = from_here.take(self.seq_len).collect();
        (window.len() == self.seq_len).then_some(((first, index), window))
    }

    /// The token of the piece at the same fraction of it as the byte.
    fn index(&self, byte: u64, piece: usize, tokens: &[u32]) -> usize {
        let span = self.pieces.span(piece);
        let place = u128::from(byte - span.start) * tokens.len() as u128 / u128::from(span.end - span.start);
        usize::try_from(place).unwrap_or(0)
    }
}
