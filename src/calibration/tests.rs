//! Tests of texts, tokens and windows, with a byte tokenizer.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::Write,
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use flate2::{Compression, write::GzEncoder};
use serde_json::json;
use tempfile::TempDir;
use tokenizers::{Tokenizer, pre_tokenizers::byte_level::ByteLevel};

use super::{At, Error, Text, Windows, encode, read};

mod draws;
mod forms;
mod large;
mod stretches;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/calibration").join(name)
}

/// A tokenizer with one token per byte, a special token before every sequence, and truncation to eight
/// tokens. `encode` must suppress the last two.
fn byte_tokenizer() -> Tokenizer {
    let mut letters: Vec<String> = ByteLevel::alphabet().into_iter().map(String::from).collect();
    letters.sort();
    letters.push("<s>".to_string());
    let vocab: BTreeMap<String, u32> = letters.into_iter().zip(0..).collect();
    let byte_level = json!({
        "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false
    });
    let tokenizer = json!({
        "version": "1.0",
        "truncation": { "direction": "Right", "max_length": 8, "strategy": "LongestFirst", "stride": 0 },
        "padding": {
            "strategy": { "Fixed": 8 }, "direction": "Right", "pad_to_multiple_of": null, "pad_id": 0,
            "pad_type_id": 0, "pad_token": "!"
        },
        "added_tokens": [],
        "normalizer": null,
        "pre_tokenizer": byte_level,
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [{ "SpecialToken": { "id": "<s>", "type_id": 0 } }, { "Sequence": { "id": "A", "type_id": 0 } }],
            "pair": [{ "Sequence": { "id": "A", "type_id": 0 } }, { "Sequence": { "id": "B", "type_id": 1 } }],
            "special_tokens": { "<s>": { "id": "<s>", "ids": [256], "tokens": ["<s>"] } }
        },
        "decoder": null,
        "model": { "type": "BPE", "vocab": vocab, "merges": [] }
    });
    Tokenizer::from_bytes(tokenizer.to_string()).unwrap()
}

fn tokens(texts: &[Text]) -> Vec<u32> {
    encode(&byte_tokenizer(), texts, &mut |_, _| ControlFlow::Continue(())).unwrap()
}

fn written(name: &str, bytes: &[u8]) -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    fs::write(&path, bytes).unwrap();
    (dir, path)
}

fn read_bytes(name: &str, bytes: &[u8]) -> Result<Text, Error> {
    let (_dir, path) = written(name, bytes);
    read(&path, None)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

#[test]
fn every_form_of_a_text_has_the_same_tokens() {
    let plain = fs::read_to_string(fixture("plain.txt")).unwrap();
    let expected = tokens(&[Text::inline("plain", &plain)]);
    assert_eq!(expected.len(), plain.len());
    for name in ["plain.txt", "c4.jsonl", "alpaca.json", "alpaca.jsonl"] {
        for name in [name.to_string(), format!("{name}.gz")] {
            assert_eq!(tokens(&[read(&fixture(&name), None).unwrap()]), expected, "{name}");
        }
    }
}

#[test]
fn json_lines_have_one_document_per_line_and_plain_text_is_one_document() {
    assert_eq!(read(&fixture("c4.jsonl"), None).unwrap().documents.len(), 3);
    assert_eq!(read(&fixture("alpaca.json"), None).unwrap().documents[1], "Sort the numbers.\n3 1 2\n1 2 3");
    let plain = read(&fixture("plain.txt"), None).unwrap();
    assert_eq!((plain.name.as_str(), plain.documents.len()), ("plain.txt", 1));
}

#[test]
fn the_content_determines_the_format_and_not_the_name() {
    for (name, fixture_name) in [("a.txt", "c4.jsonl"), ("b.txt", "alpaca.json"), ("c", "alpaca.jsonl.gz")] {
        let bytes = fs::read(fixture(fixture_name)).unwrap();
        assert_eq!(read_bytes(name, &bytes).unwrap().documents.len(), 3, "{fixture_name} as {name}");
    }
}

#[test]
fn a_plain_text_is_kept_verbatim_even_if_it_starts_with_a_bracket() {
    for text in ["[Music plays]\n\n  Hello. \n", "{a} is a set\n", "{}\n", "[1, 2]", " \r\n x\r\n"] {
        assert_eq!(read_bytes("a.txt", text.as_bytes()).unwrap().documents, [text]);
    }
}

#[test]
fn a_byte_order_mark_is_skipped() {
    assert_eq!(read_bytes("a.txt", b"\xef\xbb\xbfword").unwrap().documents, ["word"]);
    assert_eq!(read_bytes("a.jsonl", b"\xef\xbb\xbf{\"text\":\"word\"}").unwrap().documents, ["word"]);
}

#[test]
fn blank_lines_between_json_lines_are_ignored() {
    let text = b"\n\n{\"text\":\"one\"}\n \n{\"text\":\"two\"}";
    assert_eq!(read_bytes("a.jsonl", text).unwrap().documents, ["one", "two"]);
}

#[test]
fn a_missing_file_and_a_directory_are_named() {
    let dir = tempfile::tempdir().unwrap();
    assert!(
        matches!(read(&dir.path().join("none.txt"), None), Err(Error::Missing { path }) if path.ends_with("none.txt"))
    );
    assert!(matches!(read(dir.path(), None), Err(Error::Directory { .. })));
}

#[test]
fn a_text_without_words_is_empty() {
    let nothing: [(&str, &[u8]); 6] = [
        ("a.txt", b""),
        ("a.txt", b" \n\n"),
        ("a.json", b"[]"),
        ("a.jsonl", b"{\"text\": \"\"}\n{\"text\": \" \"}\n"),
        ("a.jsonl", b""),
        ("a.txt", &gzip(b"")),
    ];
    for (name, bytes) in nothing {
        assert!(matches!(read_bytes(name, bytes), Err(Error::Empty { .. })), "{name} {bytes:?}");
    }
}

#[test]
fn the_error_of_bytes_that_are_not_utf8_names_offset_and_line() {
    for (bytes, place) in [
        (&b"one\ntwo \xff"[..], (2, 8)),
        (b"{\"text\":\"one\"}\n{\"text\":\"\xc3(\"}\n", (2, 24)),
        (b"\xef\xbb\xbf\xfe", (1, 3)),
    ] {
        for bytes in [bytes.to_vec(), gzip(bytes)] {
            match read_bytes("a.jsonl", &bytes) {
                Err(Error::NotUtf8 { line, offset, .. }) => assert_eq!((line, offset), place),
                other => panic!("{other:?}"),
            }
        }
    }
}

#[test]
fn the_error_of_broken_json_names_the_line() {
    for (name, text, expected) in [
        ("a.jsonl", "{\"text\": \"one\"}\n\n{\"text\": \"tw\n", 3),
        ("a.jsonl.gz", "{\"text\": \"one\n{\"text\": \"two\"}\n", 1),
        ("a.ndjson", "once upon a time\n", 1),
        ("a.json", "[{\"text\": \"one\"},\n{\"text\": \"two\"},\n", 2),
        ("a.json", "[\n{\"text\": \"one\"},\n{\"text\" \"two\"}]\n", 3),
    ] {
        match read_bytes(name, text.as_bytes()) {
            Err(Error::Json { line, .. }) => assert_eq!(line, expected, "{text}"),
            other => panic!("{text}: {other:?}"),
        }
    }
}

#[test]
fn the_error_of_a_record_without_text_names_its_position() {
    for (name, text, expected) in [
        ("a.jsonl", "{\"text\": \"one\"}\n{\"txt\": \"two\"}\n", At::Line(2)),
        ("a.jsonl", "{\"body\": \"one\"}\n{\"body\": \"two\"}\n", At::Line(1)),
        ("a.json", "\n{\"text\":\n\"one\"}\n\n{\n\"body\": \"two\"}\n", At::Line(5)),
        ("a.json", "[{\"text\": \"one\"}, {\"output\": \"two\"}]", At::Object(2)),
    ] {
        match read_bytes(name, text.as_bytes()) {
            Err(Error::NoText { at, .. }) => assert_eq!(at, expected, "{text}"),
            other => panic!("{text}: {other:?}"),
        }
    }
}

#[test]
fn a_gzip_file_that_ends_early_or_is_damaged_is_an_error() {
    let whole = fs::read(fixture("c4.jsonl.gz")).unwrap();
    for length in [2, 9, whole.len() / 2, whole.len() - 4] {
        assert!(
            matches!(read_bytes("a.jsonl.gz", &whole[..length]), Err(Error::Compressed { .. })),
            "{length}"
        );
    }
    let mut damaged = whole.clone();
    damaged[whole.len() / 2] ^= 0xff;
    let error = read_bytes("a.jsonl.gz", &damaged);
    assert!(
        matches!(error, Err(Error::Compressed { .. } | Error::Json { .. } | Error::NotUtf8 { .. })),
        "{error:?}"
    );
}

#[test]
fn several_gzip_members_are_one_text() {
    let bytes = [gzip(b"one "), gzip(b"two")].concat();
    assert_eq!(read_bytes("a.gz", &bytes).unwrap().documents, ["one two"]);
}

#[test]
fn texts_are_joined_by_a_blank_line() {
    let two =
        Text { name: "two".into(), documents: vec!["a".into(), "b".into()], notices: vec![], drawn: None };
    let joined = tokens(&[two, Text::inline("one", "c")]);
    assert_eq!(joined, tokens(&[Text::inline("all", "a\n\nb\n\nc")]));
}

#[test]
fn batches_do_not_change_the_tokens_and_progress_counts_bytes() {
    let document = "0123456789abcdef".repeat(5_000);
    let documents = vec![document.clone(); 110];
    let text = Text { name: "long".into(), documents, notices: vec![], drawn: None };
    let mut reports = Vec::new();
    let all = encode(&byte_tokenizer(), &[text], &mut |done, total| {
        reports.push((done, total));
        ControlFlow::Continue(())
    });
    // With a blank line after every document but the last, and as many documents as fit 4 MiB.
    let bytes = document.len() as u64 + 2;
    assert_eq!(reports, [52, 104, 110].map(|count| (count * bytes - 2 * (count / 110), 110 * bytes - 2)));
    assert_eq!(all.unwrap().len() as u64, 110 * bytes - 2);
}

#[test]
fn encoding_can_be_cancelled() {
    let text =
        Text { name: "long".into(), documents: vec!["a".repeat(1 << 20); 6], notices: vec![], drawn: None };
    let mut calls = 0;
    let cancelled = encode(&byte_tokenizer(), &[text], &mut |_, _| {
        calls += 1;
        ControlFlow::Break(())
    });
    assert!(matches!(cancelled, Err(Error::Cancelled)));
    assert_eq!(calls, 1);
}

fn starts(windows: &Windows) -> Vec<u32> {
    windows.iter().map(|window| window[0]).collect()
}

#[test]
fn windows_are_taken_from_distinct_positions_of_the_text() {
    let text: Vec<u32> = (0..1000).collect();
    let windows = Windows::draw(&text, 200, 16, 0).unwrap();
    assert_eq!((windows.samples(), windows.seq_len(), windows.tokens().len()), (200, 16, 200 * 16));
    for window in windows.iter() {
        assert_eq!(window, &text[window[0] as usize..][..16]);
    }
    assert_eq!(starts(&windows).into_iter().collect::<BTreeSet<_>>().len(), 200);
}

#[test]
fn as_many_windows_as_positions_use_every_position() {
    let text: Vec<u32> = (0..19).collect();
    let mut all = starts(&Windows::draw(&text, 16, 4, 3).unwrap());
    all.sort_unstable();
    assert_eq!(all, (0..16).collect::<Vec<_>>());
}

#[test]
fn equal_seeds_draw_equal_windows_and_different_seeds_different_ones() {
    let text: Vec<u32> = (0..100_000).collect();
    let draw = |seed| Windows::draw(&text, 128, 64, seed).unwrap();
    assert_eq!(draw(7), draw(7));
    assert_ne!(draw(7), draw(8));
}

/// Windows are part of a published run, so a new version of the sampler must not change them silently.
#[test]
fn seed_0_draws_the_same_windows_as_ever() {
    let text: Vec<u32> = (0..1_000_000).collect();
    assert_eq!(starts(&Windows::draw(&text, 4, 128, 0).unwrap()), [654_612, 708_983, 729_776, 465_862]);
}

#[test]
fn the_error_for_too_little_text_gives_the_required_amount() {
    let text: Vec<u32> = (0..18).collect();
    let error = Windows::draw(&text, 16, 4, 0).unwrap_err();
    assert!(matches!(error, Error::TooLittleText { found: 18, needed: 19, .. }), "{error}");
    assert!(matches!(Windows::draw(&text, usize::MAX, usize::MAX, 0), Err(Error::TooLittleText { .. })));
}

#[test]
fn windows_need_one_sample_and_two_tokens() {
    for (samples, seq_len) in [(0, 4), (4, 1), (4, 0)] {
        assert!(matches!(Windows::draw(&[1; 64], samples, seq_len, 0), Err(Error::NoWindow { .. })));
    }
    assert!(matches!(Windows::new(vec![1; 7], 2, 4), Err(Error::Shape { found: 7, .. })));
}

#[test]
fn a_token_is_put_before_every_window() {
    let windows = Windows::new(vec![1, 2, 3, 4, 5, 6], 2, 3).unwrap();
    assert_eq!(windows.after(9), Windows::new(vec![9, 1, 2, 3, 9, 4, 5, 6], 2, 4).unwrap());
}

#[test]
fn mixed_windows_are_spread_evenly() {
    let of = |tokens: &[u32]| {
        Windows::new(tokens.iter().flat_map(|&token| [token; 2]).collect(), tokens.len(), 2).unwrap()
    };
    let order = |own: &[u32], others: &[u32]| {
        let mixed = of(own).mixed_with(&of(others));
        mixed.iter().map(|window| window[0]).collect::<Vec<_>>()
    };
    assert_eq!(order(&[1, 2, 3, 4, 5], &[11, 12]), [1, 2, 3, 11, 4, 5, 12]);
    assert_eq!(order(&[1], &[11, 12, 13]), [1, 11, 12, 13]);
}

#[test]
fn windows_are_read_back_from_their_file() {
    let text: Vec<u32> = (0..500).rev().chain([u32::MAX]).collect();
    let windows = Windows::draw(&text, 8, 32, 1).unwrap();
    let (_dir, path) = written("calibration.safetensors", &windows.to_safetensors());
    assert_eq!(Windows::read(&path).unwrap(), windows);
}

#[test]
fn other_files_are_refused() {
    use safetensors::{Dtype, serialize, tensor::TensorView};
    let tensor = |name: &str, dtype, shape: &[usize], data: &[u8]| {
        serialize([(name, TensorView::new(dtype, shape.to_vec(), data).unwrap())], None).unwrap()
    };
    let negative = [(-1i64).to_le_bytes(), 0i64.to_le_bytes()].concat();
    for bytes in [
        b"no tensors".to_vec(),
        tensor("ids", Dtype::I64, &[1, 2], &[0; 16]),
        tensor("tokens", Dtype::F64, &[1, 2], &[0; 16]),
        tensor("tokens", Dtype::I64, &[2], &[0; 16]),
        tensor("tokens", Dtype::I64, &[2, 1], &[0; 16]),
        tensor("tokens", Dtype::I64, &[1, 2], &negative),
    ] {
        let (_dir, path) = written("calibration.safetensors", &bytes);
        assert!(matches!(Windows::read(&path), Err(Error::WindowsFile { .. })));
    }
    assert!(matches!(Windows::read(Path::new("/nowhere.safetensors")), Err(Error::Missing { .. })));
}
