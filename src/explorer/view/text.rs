//! Text in terminal columns: width, cutting, wrapping and scrolling, with wide and combining characters.

use std::borrow::Cow;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::figures::{cut_after, cut_before};

/// Shows that a text was cut. ASCII mode replaces it like every other symbol.
const ELLIPSIS: char = '…';

/// Number of columns of a text.
pub fn width(text: &str) -> usize {
    text.width()
}

/// The text without control characters and direction marks, which a terminal would interpret. Names and
/// messages may come from untrusted files.
fn shown(text: &str) -> Cow<'_, str> {
    #[cfg(test)]
    super::figures::uncut::record(text);
    let obeyed = |c: char| {
        c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if text.contains(obeyed) { Cow::Owned(text.replace(obeyed, "")) } else { Cow::Borrowed(text) }
}

/// The text cut to `columns` columns, with an ellipsis at its end. A figure that does not fit is left out as a whole.
pub fn fit(text: &str, columns: usize) -> String {
    let text = shown(text);
    if width(&text) <= columns {
        return text.into();
    }
    let mut cut = whole_start(&text, columns.saturating_sub(1)).to_string();
    if columns > 0 {
        cut.push(ELLIPSIS);
    }
    cut
}

/// The text cut to `columns` columns, with an ellipsis at its start; used for paths.
pub fn fit_end(text: &str, columns: usize) -> String {
    let text = shown(text);
    if width(&text) <= columns {
        return text.into();
    }
    if columns == 0 {
        return String::new();
    }
    let mut room = columns - 1;
    let mut from = text.len();
    for (at, c) in text.char_indices().rev() {
        let wide = c.width().unwrap_or(0);
        if wide > room {
            break;
        }
        room -= wide;
        // A combining mark is kept with its base character.
        if wide > 0 {
            from = at;
        }
    }
    format!("{ELLIPSIS}{}", &text[cut_after(&text, from)..])
}

/// The text cut or padded with blanks to `columns` columns.
pub fn pad(text: &str, columns: usize) -> String {
    let mut text = fit(text, columns);
    text.extend(std::iter::repeat_n(' ', columns.saturating_sub(width(&text))));
    text
}

/// The text cut or padded at its start to `columns` columns; used for numbers.
pub fn pad_left(text: &str, columns: usize) -> String {
    let text = fit(text, columns);
    let mut padded: String = std::iter::repeat_n(' ', columns.saturating_sub(width(&text))).collect();
    padded.push_str(&text);
    padded
}

/// Lines of at most `columns` columns, broken at blanks; longer words are broken anywhere.
pub fn wrap(text: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(1);
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let word = shown(word);
        let mut rest = &*word;
        while !rest.is_empty() {
            let line = lines.last_mut().expect("there is a first line, and lines are only added");
            let used = width(line);
            let gap = usize::from(used > 0);
            if used + gap + width(rest) <= columns {
                if gap == 1 {
                    line.push(' ');
                }
                line.push_str(rest);
                break;
            }
            if used > 0 {
                lines.push(String::new());
                continue;
            }
            let head = match whole_start(rest, columns) {
                // A figure that is wider than a line is broken.
                "" if start(rest, columns).is_empty() => first_character(rest),
                "" => start(rest, columns),
                head => head,
            };
            line.push_str(head);
            rest = &rest[head.len()..];
            if !rest.is_empty() {
                lines.push(String::new());
            }
        }
    }
    lines
}

/// At most `most` lines of [`wrap`], with an ellipsis if there are more.
pub fn wrap_at_most(text: &str, columns: usize, most: usize) -> Vec<String> {
    let mut lines = wrap(text, columns);
    if lines.len() > most {
        lines.truncate(most);
        if let Some(last) = lines.last_mut() {
            *last = format!("{}{ELLIPSIS}", whole_start(last, columns.saturating_sub(1)));
        }
    }
    lines
}

/// The part of a line around its cursor that fits into `columns` columns, and the column of the cursor.
/// `cursor` is the number of characters before it; after the last character it needs its own column.
pub fn around_cursor(text: &str, cursor: usize, columns: usize) -> (String, usize) {
    let at = text.char_indices().nth(cursor).map_or(text.len(), |(at, _)| at);
    let room = columns.saturating_sub(1);
    let mut from = at;
    let mut before = 0;
    for (index, c) in text[..at].char_indices().rev() {
        let wide = c.width().unwrap_or(0);
        if before + wide > room {
            break;
        }
        before += wide;
        if wide > 0 || index == 0 {
            from = index;
        }
    }
    (shown(start(&text[from..], columns)).into(), width(&text[from..at]))
}

/// The longest prefix that fits into `columns` columns.
pub fn start(text: &str, columns: usize) -> &str {
    let mut used = 0;
    for (at, c) in text.char_indices() {
        used += c.width().unwrap_or(0);
        if used > columns {
            return &text[..at];
        }
    }
    text
}

/// The longest prefix that fits into `columns` columns and does not end inside a figure.
pub fn whole_start(text: &str, columns: usize) -> &str {
    &text[..cut_before(text, start(text, columns).len())]
}

fn first_character(text: &str) -> &str {
    let end = text.chars().next().map_or(0, char::len_utf8);
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_fits_is_unchanged() {
        assert_eq!(fit("layers", 6), "layers");
        assert_eq!(fit_end("layers", 6), "layers");
        assert_eq!(fit("", 0), "");
    }

    #[test]
    fn a_cut_text_never_exceeds_the_columns() {
        for text in ["layers", "深い層の誤差", "e\u{301}tude de\u{301}cisive", "a深b層c", "👩‍🔬 model"]
        {
            for columns in 0..14 {
                for cut in [fit(text, columns), fit_end(text, columns)] {
                    assert!(width(&cut) <= columns, "{cut:?} in {columns}");
                }
                assert_eq!(width(&pad(text, columns)), columns);
                assert_eq!(width(&pad_left(text, columns)), columns);
            }
        }
    }

    #[test]
    fn a_cut_text_has_an_ellipsis() {
        assert_eq!(fit("layers", 4), "lay…");
        assert_eq!(fit_end("/a/long/path", 6), "…/path");
        assert_eq!(fit("深い層", 4), "深…");
        assert_eq!(fit("e\u{301}tude", 3), "e\u{301}t…");
    }

    #[test]
    fn control_characters_are_dropped() {
        let text = "a\u{1b}[31m\u{202e}b\r";
        assert_eq!(fit(text, 9), "a[31mb");
        assert_eq!(fit_end(text, 4), "…", "31mb does not fit, and no part of it is shown");
        assert_eq!(wrap("\u{7} one\u{200f}\ttwo", 9), ["one two"]);
        assert_eq!(around_cursor("\u{202e}ab", 3, 4), ("ab".into(), 2));
    }

    #[test]
    fn lines_break_at_blanks_and_long_words_anywhere() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("abcdefgh ij", 3), ["abc", "def", "gh", "ij"]);
        assert_eq!(wrap("深い", 1), ["深", "い"]);
        assert_eq!(wrap("", 5), [""]);
    }

    #[test]
    fn the_cursor_is_always_visible() {
        for text in ["", "prompt", "深い層の誤差", "e\u{301}e\u{301}e\u{301}e\u{301}", "a深b層c"] {
            for columns in 1..10 {
                for cursor in 0..=text.chars().count() {
                    let (shown, at) = around_cursor(text, cursor, columns);
                    assert!(at < columns, "{text} at {cursor} in {columns}");
                    assert!(width(&shown) <= columns, "{shown:?} in {columns}");
                }
            }
        }
        assert_eq!(around_cursor("abcdef", 6, 4), ("def".into(), 3));
        assert_eq!(around_cursor("abcdef", 0, 4), ("abcd".into(), 0));
    }
    #[test]
    fn text_beyond_the_last_line_is_cut_with_an_ellipsis() {
        assert_eq!(wrap_at_most("once upon a time", 9, 2), ["once upon", "a time"]);
        assert_eq!(wrap_at_most("once upon a time", 9, 1), ["once upo…"]);
        assert_eq!(wrap_at_most("once upon a time", 4, 3), ["once", "upon", "a…"]);
        assert_eq!(wrap_at_most("", 4, 3), [""]);
    }
}
