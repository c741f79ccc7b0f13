//! Tests of large texts, of which documents are drawn. Here a text of more than 20 kB is large.

use std::{collections::BTreeSet, fs, ops::ControlFlow, path::Path, sync::Arc};

use parquet::{
    data_type::{ByteArray, ByteArrayType, Int32Type},
    file::writer::SerializedFileWriter,
    schema::parser::parse_message_type,
};
use serde_json::json;

use super::{byte_tokenizer, gzip, stretches::words, written};
use crate::calibration::{
    DocumentUnit, Drawn, Error, Sampling, Text, documents::DrawnDocuments, draw::draw_with, read,
    read_sampled,
};

const SMALL: u64 = 20_000;

fn sampling(seed: u64, wanted: u64) -> Sampling {
    Sampling { seed, small: SMALL, wanted }
}

fn read_drawn(path: &Path, sampling: Sampling) -> Result<Text, Error> {
    read_sampled(path, None, sampling, &mut |_, _| ControlFlow::Continue(()))
}

/// JSON lines with different texts; the first and the last line are blank.
fn lines(count: usize) -> String {
    let all = words(100 * count);
    let line = |index: usize| {
        let start = all.ceil_char_boundary(50 * index);
        let end = all.floor_char_boundary(start + 40 + index * 13 % 60);
        json!({ "url": index, "text": format!("{index} {}", &all[start..end]) }).to_string() + "\n"
    };
    format!("\n{}\n", (0..count).map(line).collect::<String>())
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 3).unwrap()
}

#[test]
fn lines_of_a_large_text_are_drawn_by_seed_whatever_its_compression() {
    let text = lines(2000);
    let (dir, path) = written("c4.jsonl", text.as_bytes());
    let drawn = read_drawn(&path, sampling(1, 5000)).unwrap();
    let all = read(&path, None).unwrap();
    let places: Vec<usize> = drawn
        .documents
        .iter()
        .map(|text| all.documents.iter().position(|one| one == text).unwrap())
        .collect();
    assert!(places.is_sorted(), "the order is that of the text");
    assert!(places[0] < 400 && places[places.len() - 1] > 1600, "documents come from everywhere: {places:?}");
    let bytes: usize = drawn.documents.iter().map(String::len).sum();
    assert!((5000..5200).contains(&bytes), "{bytes}");
    let expected = DrawnDocuments {
        unit: DocumentUnit::Lines,
        seen: 2000,
        drawn: drawn.documents.len() as u64,
        bytes: bytes as u64,
        seed: 1,
        row_groups: None,
    };
    assert_eq!(drawn.drawn, Some(expected.clone()));
    let told = format!("{}: {expected}", path.display());
    assert!(drawn.notices.contains(&told) && told.contains("of 2000 lines"), "{:?}", drawn.notices);
    for (name, bytes) in [("c4.json.gz", gzip(text.as_bytes())), ("c4.jsonl.zst", zstd(text.as_bytes()))] {
        let packed = dir.path().join(name);
        fs::write(&packed, bytes).unwrap();
        assert_eq!(read_drawn(&packed, sampling(1, 5000)).unwrap().documents, drawn.documents, "{name}");
    }
    assert_ne!(read_drawn(&path, sampling(2, 5000)).unwrap().documents, drawn.documents);
}

#[test]
fn small_texts_are_read_whole() {
    for text in [lines(100), words(10_000)] {
        let (_dir, path) = written("text", text.as_bytes());
        assert!((text.len() as u64) < SMALL);
        assert_eq!(read_drawn(&path, sampling(0, 100)).unwrap(), read(&path, None).unwrap());
    }
    // A large text that has no more than the wanted bytes.
    let (_dir, path) = written("text", lines(2000).as_bytes());
    assert_eq!(read_drawn(&path, sampling(0, u64::MAX)).unwrap(), read(&path, None).unwrap());
}

#[test]
fn only_drawn_lines_are_decoded() {
    let good = lines(1000);
    // The first lines are read before the size of the text is known.
    let (_dir, path) = written("text.jsonl", (good.clone() + "{damaged\n").as_bytes());
    assert!(matches!(read(&path, None), Err(Error::Json { line: 1003, .. })));
    let decoded = |seed| read_drawn(&path, sampling(seed, 100));
    assert!((0..8).any(|seed| decoded(seed).is_ok()));
    let (_dir, path) = written("text.jsonl", good.replace("\n{\"text\":\"7 ", "\n{damaged").as_bytes());
    assert!(matches!(read_drawn(&path, sampling(0, 100)), Err(Error::Json { line: 9, .. })));
}

#[test]
fn passages_of_a_large_plain_text_are_drawn() {
    let text = words(1 << 20);
    let (_dir, path) = written("plain.txt", text.as_bytes());
    let drawn = read_drawn(&path, sampling(3, 200_000)).unwrap();
    assert!(drawn.documents.iter().all(|passage| text.contains(passage.as_str())));
    let found = drawn.drawn.unwrap();
    assert_eq!((found.unit, found.drawn), (DocumentUnit::Passages, drawn.documents.len() as u64));
    assert!(found.seen > found.drawn && found.bytes >= 200_000, "{found:?}");
    let (_dir, path) = written("plain.txt", &[text.as_bytes(), b"\xff\n"].concat());
    assert!(matches!(read_drawn(&path, sampling(3, 200_000)), Err(Error::NotUtf8 { .. })));
}

#[test]
fn a_large_text_keeps_its_share_of_the_windows() {
    let (_dir, path) = written("large.jsonl", lines(4000).as_bytes());
    let large = read_drawn(&path, sampling(0, 10_000)).unwrap();
    // As long as the whole of the large text, but of other letters.
    let whole = large.drawn.as_ref().unwrap().bytes_of_text() as usize;
    let other = Text::inline("other", "+".repeat(whole));
    let windows = |texts: &[Text]| {
        let Drawn { windows, .. } =
            draw_with((&byte_tokenizer(), texts), (200, 16), 0, 0, &mut |_, _| ControlFlow::Continue(()))
                .unwrap();
        let plus = windows.tokens()[0];
        windows
            .iter()
            .filter(|window| window[0] == plus)
            .count()
            .max(windows.iter().filter(|window| window[0] != plus).count())
    };
    let most = windows(&[large.clone(), other.clone()]);
    assert!(most < 130, "about half of 200 windows come from either text: {most}");
    let alone = Text { drawn: None, ..large };
    assert!(windows(&[alone, other]) > 180, "without the draw, the drawn documents count as the whole text");
}

#[test]
fn reading_a_large_text_can_be_cancelled() {
    let text = words(9 << 20);
    let (_dir, path) = written("plain.txt", text.as_bytes());
    let mut reports = Vec::new();
    let read = read_sampled(&path, None, sampling(0, 1000), &mut |done, total| {
        reports.push((done, total));
        if reports.len() < 2 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    assert!(matches!(read, Err(Error::Cancelled)));
    assert!(reports[0].0 < reports[1].0 && reports[1].1 == text.len() as u64, "{reports:?}");
}

/// A Parquet file with the documents in groups of `rows`.
fn parquet(documents: &[String], rows: usize) -> Vec<u8> {
    let schema =
        parse_message_type("message schema { required binary text (UTF8); required int32 id; }").unwrap();
    let mut writer = SerializedFileWriter::new(Vec::new(), Arc::new(schema), Arc::default()).unwrap();
    for group in documents.chunks(rows) {
        let mut columns = writer.next_row_group().unwrap();
        let texts: Vec<ByteArray> = group.iter().map(|text| text.as_str().into()).collect();
        let mut column = columns.next_column().unwrap().unwrap();
        column.typed::<ByteArrayType>().write_batch(&texts, None, None).unwrap();
        column.close().unwrap();
        let mut column = columns.next_column().unwrap().unwrap();
        column.typed::<Int32Type>().write_batch(&vec![7; texts.len()], None, None).unwrap();
        column.close().unwrap();
        columns.close().unwrap();
    }
    writer.into_inner().unwrap()
}

#[test]
fn rows_of_a_large_parquet_file_are_drawn_from_drawn_row_groups() {
    let documents: Vec<String> = (0..1000).map(|row| format!("{row} {}", "é".repeat(row * 7 % 40))).collect();
    let (_dir, path) = written("text.parquet", &parquet(&documents, 50));
    let text = read_drawn(&path, sampling(1, 500)).unwrap();
    let row = |text: &String| text.split(' ').next().unwrap().parse::<usize>().unwrap();
    assert!(text.documents.iter().all(|text| documents[row(text)] == *text));
    let found = text.drawn.clone().unwrap();
    let (read, all) = found.row_groups.unwrap();
    assert_eq!((found.unit, found.seen, all), (DocumentUnit::Rows, 1000, 20));
    assert!(read < 4 && (500..600).contains(&found.bytes), "{found:?}");
    assert!(text.notices.iter().any(|notice| notice.contains(&format!("from {read} of 20 row groups"))));
    assert_eq!(read_drawn(&path, sampling(1, 500)).unwrap(), text);
    assert_ne!(read_drawn(&path, sampling(2, 500)).unwrap().documents, text.documents);
    let groups = |seed| {
        let rows = read_drawn(&path, sampling(seed, 500)).unwrap().documents;
        rows.iter().map(|text| row(text) / 50).collect::<BTreeSet<_>>()
    };
    // Seeds draw at least one of 20 groups each; 24 draws of one have 14 different ones on average.
    assert!((0..24).flat_map(groups).collect::<BTreeSet<_>>().len() > 9, "seeds draw other row groups");
}
