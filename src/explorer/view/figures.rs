//! Figures in a text: numbers with their exponents and units. A text is cut before a figure, never inside one.

use std::ops::Range;

/// Units that follow a number after a blank.
const UNITS: [&str; 15] =
    ["%", "k", "M", "B", "T", "KiB", "MiB", "GiB", "TiB", "bytes", "s", "min", "h", "nats", "tokens/s"];

/// Byte ranges of the figures of a text, in order.
pub fn figures(text: &str) -> impl Iterator<Item = Range<usize>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let found = next(text, at)?;
        at = found.end;
        Some(found)
    })
}

/// The last position at or before `at` that is not inside a figure.
pub fn cut_before(text: &str, at: usize) -> usize {
    figures(text).find(|figure| figure.start < at && at < figure.end).map_or(at, |figure| figure.start)
}

/// The first position at or after `at` that is not inside a figure.
pub fn cut_after(text: &str, at: usize) -> usize {
    figures(text).find(|figure| figure.start < at && at < figure.end).map_or(at, |figure| figure.end)
}

/// True if the text contains a figure.
pub fn has_figure(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_digit())
}

/// The first figure that starts at or after `from`.
fn next(text: &str, from: usize) -> Option<Range<usize>> {
    let digit = from + text[from..].find(|c: char| c.is_ascii_digit())?;
    let sign = text[from..digit].chars().next_back().filter(|c| matches!(c, '-' | '−' | '+' | '±'));
    let mut end = digit + number(&text[digit..]);
    // Letters directly after a number are its unit: `135M`, `12th`.
    end += text[end..].chars().take_while(|c| c.is_alphanumeric()).map(char::len_utf8).sum::<usize>();
    if let Some(rest) = text[end..].strip_prefix(' ') {
        let word = rest.split([' ', ',', '.', ';', ')', ':', '…', '│']).next().unwrap_or(rest);
        if UNITS.contains(&word) {
            end += 1 + word.len();
        }
    }
    Some(digit - sign.map_or(0, char::len_utf8)..end)
}

/// Bytes of the number at the start of a text: `1,024`, `7.36e-4`, `0.10/0.30`, `1:02:03`.
fn number(text: &str) -> usize {
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let mut at = 0;
    loop {
        while digit(at) {
            at += 1;
        }
        at += match bytes.get(at) {
            Some(b'.' | b',' | b'/' | b':') if digit(at + 1) => 1,
            Some(b'e') if digit(at + 1) => 1,
            Some(b'e') if matches!(bytes.get(at + 1), Some(b'-' | b'+')) && digit(at + 2) => 2,
            Some(_) | None => return at,
        };
    }
}

/// Texts as they were before they were cut, for the test that no figure on the screen is cut.
#[cfg(test)]
pub mod uncut {
    use std::{cell::RefCell, collections::BTreeSet};

    thread_local! {
        static FIGURES: RefCell<Option<BTreeSet<String>>> = const { RefCell::new(None) };
    }

    /// Starts recording in this thread.
    pub fn start() {
        FIGURES.set(Some(BTreeSet::new()));
    }

    /// Records the figures of a text, if recording was started.
    pub fn record(text: &str) {
        FIGURES.with_borrow_mut(|known| {
            if let Some(known) = known {
                known.extend(super::figures(text).map(|figure| text[figure].to_string()));
            }
        });
    }

    /// Ends recording and returns the figures.
    pub fn take() -> BTreeSet<String> {
        FIGURES.take().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> Vec<&str> {
        figures(text).map(|figure| &text[figure]).collect()
    }

    #[test]
    fn a_figure_includes_its_sign_exponent_and_unit() {
        assert_eq!(all("layer 3: 7.36e-4, −19.1 % of 1,024"), ["3", "7.36e-4", "−19.1 %", "1,024"]);
        assert_eq!(
            all("0.10/0.30 in 1:02:03, 15.2 M and 24.7 MiB."),
            ["0.10/0.30", "1:02:03", "15.2 M", "24.7 MiB"]
        );
        assert_eq!(all("SmolLM2-135M the 12th of 1e5 in 3 steps"), ["2", "-135M", "12th", "1e5", "3"]);
        assert_eq!(all("none, e-4, 15.2 M…"), ["-4", "15.2 M"]);
    }

    #[test]
    fn a_cut_is_before_or_after_a_figure() {
        let text = "error 7.36e-4 here";
        for at in 0..=text.len() {
            let (before, after) = (cut_before(text, at), cut_after(text, at));
            assert!(before <= at && at <= after);
            assert!(!(7..13).contains(&before) && !(7..13).contains(&after), "{at}: {before}, {after}");
        }
    }
}
