//! Tests of file formats and record shapes.

use std::fs;

use super::{fixture, read_bytes, written};
use crate::{
    calibration::{Error, read},
    model::{ChatTemplate, Today},
};

fn documents_of(name: &str) -> Vec<String> {
    read(&fixture(name), None).unwrap().documents
}

#[test]
fn a_parquet_column_of_strings_is_read_however_it_is_stored() {
    for name in ["text", "dictionary", "large_string", "plain"] {
        let text = read(&fixture(&format!("parquet/{name}.parquet")), None).unwrap();
        assert_eq!(text.documents, ["One.\nTwo.", "Three é.", "Four."], "{name}");
        assert!(
            text.notices.last().unwrap().ends_with("records without a text: 1, the first at row 2"),
            "{name}"
        );
        assert_eq!(text.notices.len(), 1 + usize::from(name == "text"), "{:?}", text.notices);
    }
}

#[test]
fn a_parquet_file_without_a_column_of_strings_is_refused_by_name() {
    for (name, part) in [
        ("bytes", "column \"text\" contains bytes"),
        ("numbers", "row 1: expected a string in `text`, found number"),
        ("nested", "none of the columns `text`, `messages`"),
        ("lists", "row 1: expected a string in `text`, found sequence"),
    ] {
        let error = read(&fixture(&format!("parquet/{name}.parquet")), None).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn a_damaged_parquet_file_is_an_error_or_another_text_and_never_a_panic() {
    for name in ["text", "messages"] {
        let whole = fs::read(fixture(&format!("parquet/{name}.parquet"))).unwrap();
        for length in (4..whole.len()).step_by(13) {
            assert!(read_bytes("a.parquet", &whole[..length]).is_err(), "{length}");
        }
        for place in 4..whole.len() {
            let mut damaged = whole.clone();
            damaged[place] ^= 1 << (place % 8);
            let _ = read_bytes("a.parquet", &damaged);
        }
    }
}

#[test]
fn zstd_and_gzip_files_give_the_same_text() {
    let plain = fs::read(fixture("c4.jsonl")).unwrap();
    let packed = zstd::encode_all(plain.as_slice(), 3).unwrap();
    assert_eq!(read_bytes("a.jsonl.zst", &packed).unwrap().documents, documents_of("c4.jsonl.gz"));
    for length in [5, packed.len() / 2, packed.len() - 1] {
        let error = read_bytes("a.jsonl.zst", &packed[..length]);
        assert!(matches!(error, Err(Error::Compressed { form: "zstd", .. })), "{error:?}");
    }
}

#[test]
fn unsupported_formats_are_named() {
    let forms: [(&[u8], &str); 4] = [
        (b"ARROW1\0\0", "an Arrow file"),
        (b"\xff\xff\xff\xff\x10", "an Arrow stream"),
        (b"PK\x03\x04..", "a zip archive"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n", "git lfs pull"),
    ];
    for (bytes, part) in forms {
        let error = read_bytes("a.jsonl", bytes).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn rows_of_dolly_keep_context_and_response() {
    let row =
        br#"{"instruction": "Say it.", "context": "A context.", "response": "An answer.", "category": "x"}"#;
    let text = read_bytes("a.jsonl", row).unwrap();
    assert_eq!(text.documents, ["Say it.\nA context.\nAn answer."]);
    assert!(text.notices[0].ends_with("a.jsonl: ignored columns: category"), "{:?}", text.notices);
}

#[test]
fn ignored_columns_are_reported_once() {
    let rows = "{\"text\": \"one\", \"url\": 1, \"date\": 2}\n".repeat(3);
    let text = read_bytes("a.jsonl", rows.as_bytes()).unwrap();
    assert_eq!(text.notices.len(), 1);
    assert!(text.notices[0].ends_with("ignored columns: date, url"), "{:?}", text.notices);
}

#[test]
fn null_texts_are_skipped_and_counted() {
    let text = read_bytes("a.jsonl", b"{\"text\": \"a\"}\n{\"text\": null}\n{\"text\": \"b\"}\n").unwrap();
    assert_eq!(text.documents, ["a", "b"]);
    assert!(
        text.notices[0].ends_with("records without a text: 1, the first at line 2"),
        "{:?}",
        text.notices
    );
}

#[test]
fn strings_of_a_json_array_are_documents() {
    assert_eq!(read_bytes("a.json", b"[\"one\", \"two\"]").unwrap().documents, ["one", "two"]);
}

#[test]
fn the_error_for_a_column_of_another_type_names_the_record() {
    let error = read_bytes("a.jsonl", b"{\"text\": \"one\"}\n{\"text\": 2}\n").unwrap_err().to_string();
    assert!(error.contains("line 2: expected a string in `text`, found number"), "{error}");
}

#[test]
fn chats_of_every_shape_are_written_with_the_template() {
    let template = "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}";
    let chat = ChatTemplate::new(template, Vec::new(), Today::Fixed);
    let rows = [
        r#"{"messages": [{"role": "user", "content": "Hi?"}, {"role": "assistant", "content": "Hello."}]}"#,
        r#"{"conversations": [{"from": "human", "value": "Hi?"}, {"from": "gpt", "value": "Hello."}]}"#,
        r#"{"prompt": "Hi?", "completion": "Hello."}"#,
        r#"{"prompt": [{"role": "user", "content": "Hi?"}], "completion": [{"role": "assistant", "content": "Hello."}]}"#,
    ];
    let (_dir, path) = written("a.jsonl", rows.join("\n").as_bytes());
    assert_eq!(read(&path, Some(&chat)).unwrap().documents, ["<user>Hi?<assistant>Hello."; 4]);
    assert_eq!(read(&path, None).unwrap().documents, ["Hi?\nHello."; 4]);
    let parquet = read(&fixture("parquet/messages.parquet"), Some(&chat)).unwrap();
    assert_eq!(parquet.documents, ["<user>Hi?<assistant>Hello."]);
    assert_eq!(parquet.notices.len(), 2, "{:?}", parquet.notices);
}
