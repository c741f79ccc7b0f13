//! Wraps text into lines, broken between words if possible.

use std::ops::Range;

use unicode_width::UnicodeWidthChar;

/// Byte ranges of the lines. Blanks at a line break belong to no line.
pub fn wrap(text: &str, columns: u16) -> Vec<Range<usize>> {
    let columns = usize::from(columns).max(1);
    let mut lines = Vec::new();
    let mut start = 0;
    for paragraph in text.split_inclusive('\n') {
        let end = start + paragraph.trim_end_matches(['\n', '\r']).len();
        break_up(text, start..end, columns, &mut lines);
        start += paragraph.len();
    }
    if text.ends_with('\n') {
        lines.push(text.len()..text.len());
    }
    lines
}

fn break_up(text: &str, range: Range<usize>, columns: usize, lines: &mut Vec<Range<usize>>) {
    let mut start = range.start;
    let mut taken = 0;
    // The end of the line if it is broken here, and the start of the next one.
    let mut gap: Option<(usize, usize)> = None;
    let mut at = range.start;
    while let Some(c) = text[at..range.end].chars().next() {
        let wide = if c.is_control() { 1 } else { c.width().unwrap_or(0) };
        let next = at + c.len_utf8();
        if c == ' ' {
            gap = Some((at, next));
        }
        if taken + wide > columns && at > start {
            let (end, begin) = gap.filter(|(end, _)| *end > start).unwrap_or((at, at));
            lines.push(start..end);
            start = begin;
            gap = None;
            taken = text[start.min(at)..at].chars().map(|c| c.width().unwrap_or(0)).sum();
            if begin > at {
                at = begin;
                continue;
            }
        }
        taken += wide;
        at = next;
    }
    lines.push(start..range.end);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrapped(text: &str, columns: u16) -> Vec<&str> {
        wrap(text, columns).into_iter().map(|line| &text[line]).collect()
    }

    #[test]
    fn lines_break_between_words_and_inside_those_that_are_too_long() {
        assert_eq!(wrapped("once upon a time", 9), ["once upon", "a time"]);
        assert_eq!(wrapped("incomprehensible", 6), ["incomp", "rehens", "ible"]);
        assert_eq!(wrapped("one\n\ntwo\n", 9), ["one", "", "two", ""]);
        assert_eq!(wrapped("", 9), Vec::<&str>::new());
    }

    #[test]
    fn wide_characters_take_two_columns() {
        assert_eq!(wrapped("模型模型", 5), ["模型", "模型"]);
        assert_eq!(wrapped("模型", 1), ["模", "型"]);
        for columns in 1..20 {
            for line in wrapped("a 模型 of words, 模型模型模 and more", columns) {
                assert!(
                    crate::explorer::view::widgets::width(line) <= columns.max(2),
                    "{line:?} in {columns}"
                );
            }
        }
    }
}
