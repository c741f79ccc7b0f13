//! Plain text: one document, or passages of a large text, of which some are drawn.

use super::{error::Result, records::Records, source::Source};

/// Bytes of a passage at least. A window is shorter, so most windows lie within one passage.
const PASSAGE: usize = 1 << 16;
/// Bytes after which a passage ends within a line.
const LONGEST: usize = 2 * PASSAGE;
/// Bytes read at once from a large text.
const CHUNK: u64 = 1 << 20;

/// Adds a text as one document, verbatim, if it is small or all documents are wanted. Of a larger one, adds passages that
/// end with a line. `opening` was read before.
pub(super) fn add(source: &mut Source<'_>, opening: String, records: &mut Records<'_>) -> Result<()> {
    let documents = &mut records.documents;
    let Some(sampling) = documents.sampling() else {
        documents.add(opening + &source.rest()?);
        return Ok(());
    };
    // One more byte tells a small text from a large one.
    let more = (sampling.small + 1).saturating_sub(opening.len() as u64);
    let mut text = opening + &source.at_most(more)?;
    if text.len() as u64 <= sampling.small {
        documents.add(text);
        return Ok(());
    }
    documents.grow_to(source.offset());
    loop {
        let mut start = 0;
        while let Some(length) = passage(&text[start..]) {
            if documents.wants_next() {
                documents.add(text[start..start + length].trim_end_matches(['\n', '\r']).to_owned());
            } else {
                documents.skip();
            }
            start += length;
        }
        text.drain(..start);
        let next = source.at_most(CHUNK)?;
        if next.is_empty() {
            break;
        }
        text += &next;
    }
    if !text.is_empty() {
        documents.add(text);
    }
    Ok(())
}

/// Length of the first passage; None if its end is not known yet.
fn passage(text: &str) -> Option<usize> {
    let end = text.len().min(LONGEST);
    let line_end = text.as_bytes().get(PASSAGE - 1..end)?.iter().position(|&byte| byte == b'\n');
    match line_end {
        Some(place) => Some(PASSAGE + place),
        None if end == LONGEST => {
            let end = text.floor_char_boundary(LONGEST);
            Some(text[..end].rfind(' ').filter(|&space| space > PASSAGE).map_or(end, |space| space + 1))
        }
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passages_end_with_a_line_or_a_word_or_a_character() {
        let line = "é".repeat(100) + "\n";
        let lines = line.repeat(PASSAGE / line.len() + 2);
        let end = passage(&lines).unwrap();
        assert!(end >= PASSAGE && lines[..end].ends_with("\n") && end < PASSAGE + line.len());
        let words = "word ".repeat(LONGEST);
        assert!(words[..passage(&words).unwrap()].ends_with("word "));
        let letters = format!("a{}", "é".repeat(LONGEST));
        assert_eq!(passage(&letters), Some(LONGEST - 1), "a character is not split");
        assert_eq!(passage("short\n"), None);
        assert_eq!(passage(&"x".repeat(PASSAGE + 1)), None, "the line may still end");
    }
}
