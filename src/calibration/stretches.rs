//! Cuts a long text into pieces. The tokens of all pieces together are the tokens of the whole text.
//!
//! A cut is made before a separator that follows a letter or a digit. It is safe if the pre-tokenizer splits there, or if no
//! token has the separator after another character. Each cut is also checked on the text around it.

use std::ops::Range;

use rayon::prelude::*;
use tokenizers::{
    OffsetReferential, OffsetType, PreTokenizedString, PreTokenizer, Tokenizer,
    pre_tokenizers::PreTokenizerWrapper,
};

/// Bytes of a piece: large enough for cheap checks, and small enough for a batch to have a piece for every core.
const STRETCH: usize = 1 << 16;
/// Longer documents are cut.
pub(super) const LONG: usize = 2 * STRETCH;
/// Bytes on both sides of a cut that are used for the check.
const AROUND: usize = 256;
/// Bytes in which one separator is searched before the next one.
const REACH: usize = 1 << 14;

/// A separator in the spelling of texts and vocabularies.
struct Separator {
    letter: char,
    in_tokens: [char; 3],
}

/// A line end is tried first, because hardly any vocabulary joins lines.
const SEPARATORS: [Separator; 2] = [
    Separator { letter: '\n', in_tokens: ['\n', 'Ċ', '\u{2424}'] },
    Separator { letter: ' ', in_tokens: [' ', 'Ġ', '▁'] },
];

/// Texts for testing a separator; `S` is replaced by it.
const PROBES: [&str; 6] = ["abSab", "AbcSScd", "a1Sx", "abcS\tde", "abS\n\nab", "zéS(a)S1"];

/// The way to encode a piece that begins with a separator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cut {
    separator: char,
    /// Whether the separator is omitted, because the tokenizer puts one before every text.
    left_out: bool,
    /// Number of tokens that the tokenizer adds before the piece and that the whole text lacks.
    surplus: usize,
}

/// A part of a text: its bytes, and the number of tokens at its start that the whole text lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stretch {
    pub range: Range<usize>,
    pub surplus: usize,
}

/// Cuts texts for one tokenizer.
pub(super) struct Cutter<'a> {
    tokenizer: &'a Tokenizer,
    cuts: Vec<Cut>,
}

impl<'a> Cutter<'a> {
    /// Tests where this tokenizer allows cuts. If nowhere, long texts are not cut.
    pub fn new(tokenizer: &'a Tokenizer) -> Self {
        let sure = SEPARATORS.iter().filter(|separator| is_sure(tokenizer, separator));
        let mut cutter = Self { tokenizer, cuts: Vec::new() };
        cutter.cuts = sure.filter_map(|separator| cutter.cut(separator.letter)).collect();
        cutter
    }

    /// The way to cut at a separator that gives the right tokens for all probes.
    fn cut(&self, separator: char) -> Option<Cut> {
        let ways = [(false, 0), (false, 1), (true, 0)];
        let mut cuts = ways.map(|(left_out, surplus)| Cut { separator, left_out, surplus }).into_iter();
        cuts.find(|cut| {
            PROBES.iter().all(|probe| {
                let text = probe.replace('S', &separator.to_string());
                let place = text.find(separator).unwrap_or(0);
                self.holds(&text, place, *cut)
            })
        })
    }

    /// Whether the tokens of `text` are the tokens before `place` followed by the tokens after it.
    fn holds(&self, text: &str, place: usize, cut: Cut) -> bool {
        let (before, after) = text.split_at(place);
        let after = if cut.left_out { &after[cut.separator.len_utf8()..] } else { after };
        let (Some(whole), Some(before), Some(after)) = (self.ids(text), self.ids(before), self.ids(after))
        else {
            return false;
        };
        after.len() >= cut.surplus && [&before, &after[cut.surplus..]].concat() == whole
    }

    fn ids(&self, text: &str) -> Option<Vec<u32>> {
        Some(self.tokenizer.encode_fast(text, false).ok()?.get_ids().to_vec())
    }

    /// Pieces of a text. There is at most one cut per [`STRETCH`] bytes, so cuts are found in parallel; without a safe cut
    /// there, pieces are longer.
    pub fn stretches(&self, text: &str) -> Vec<Stretch> {
        let counted = 1..(text.len() / STRETCH).max(1);
        let cuts: Vec<(usize, Cut)> =
            counted.into_par_iter().filter_map(|count| self.place(text, count * STRETCH)).collect();
        let mut stretches = Vec::with_capacity(cuts.len() + 1);
        let mut next = Stretch { range: 0..text.len(), surplus: 0 };
        for (place, cut) in cuts {
            stretches.push(Stretch { range: next.range.start..place, ..next });
            let skipped = if cut.left_out { cut.separator.len_utf8() } else { 0 };
            next = Stretch { range: place + skipped..text.len(), surplus: cut.surplus };
        }
        stretches.push(next);
        stretches
    }

    /// The first checked cut in the [`STRETCH`] bytes after `from`.
    fn place(&self, text: &str, from: usize) -> Option<(usize, Cut)> {
        (from..from + STRETCH).step_by(REACH).find_map(|from| {
            let start = text.ceil_char_boundary(from);
            let end = text.ceil_char_boundary((from + REACH).min(text.len()));
            self.cuts.iter().find_map(|cut| {
                let places = text[start..end].match_indices(cut.separator).map(|(place, _)| start + place);
                let mut sure = places.filter(|&place| {
                    let before = text[..place].chars().next_back();
                    before.is_some_and(char::is_alphanumeric) && self.holds_around(text, place, *cut)
                });
                sure.next().map(|place| (place, *cut))
            })
        })
    }

    /// Whether the cut is right for the text around it.
    fn holds_around(&self, text: &str, place: usize, cut: Cut) -> bool {
        let start = text.floor_char_boundary(place.saturating_sub(AROUND));
        let end = text.ceil_char_boundary((place + AROUND).min(text.len()));
        self.holds(&text[start..end], place - start, cut)
    }
}

/// Whether the tokens on both sides of a separator never depend on each other.
fn is_sure(tokenizer: &Tokenizer, separator: &Separator) -> bool {
    added_tokens_are_apart(tokenizer, separator)
        && (splits(tokenizer.get_pre_tokenizer(), separator.letter)
            || vocabulary_splits(tokenizer, separator))
}

/// Whether no added token has the separator after another character or includes the white space after it.
fn added_tokens_are_apart(tokenizer: &Tokenizer, separator: &Separator) -> bool {
    let added = tokenizer.get_added_tokens_decoder();
    added.values().all(|token| {
        let ends_as_a_word = token.content.chars().next_back().is_some_and(char::is_alphanumeric);
        !(joins(&token.content, separator) || token.rstrip && ends_as_a_word)
    })
}

/// Whether the pre-tokenizer ends a word before the separator in every probe.
fn splits(pre_tokenizer: Option<&PreTokenizerWrapper>, separator: char) -> bool {
    let Some(pre_tokenizer) = pre_tokenizer else { return false };
    PROBES.iter().all(|probe| {
        let text = probe.replace('S', &separator.to_string());
        let place = text.find(separator).unwrap_or(0);
        let mut pieces = PreTokenizedString::from(text.as_str());
        pre_tokenizer.pre_tokenize(&mut pieces).is_ok()
            && pieces
                .get_splits(OffsetReferential::Original, OffsetType::Byte)
                .iter()
                .any(|(_, (start, _), _)| *start == place)
    })
}

/// Whether every token with the separator begins with it, and the separator itself is a token.
fn vocabulary_splits(tokenizer: &Tokenizer, separator: &Separator) -> bool {
    let vocabulary = tokenizer.get_vocab(false);
    let known = separator.in_tokens.iter().any(|letter| vocabulary.contains_key(&letter.to_string()))
        || vocabulary.contains_key(&format!("<0x{:02X}>", separator.letter as u32));
    known && vocabulary.keys().all(|token| !joins(token, separator))
}

/// Whether the separator follows another character.
fn joins(token: &str, separator: &Separator) -> bool {
    let is_separator = |letter: char| separator.in_tokens.contains(&letter);
    token.trim_start_matches(is_separator).contains(is_separator)
}
