//! Tests of the reader of GGUF headers.

use super::super::{Entry, Plan, Value};
use super::*;

fn file() -> Vec<u8> {
    let metadata = vec![
        ("a".to_owned(), Value::U32(7)),
        ("b".to_owned(), Value::Texts(vec!["x".into(), "yz".into()])),
        ("c".to_owned(), Value::F32s(vec![0.5, -1.0])),
    ];
    let entries = [
        Entry { name: "w".into(), shape: vec![2, 32], storage: TensorType::Q8_0 },
        Entry { name: "v".into(), shape: vec![3], storage: TensorType::F32 },
    ];
    let plan = Plan::new(&metadata, &entries);
    let mut file = plan.header;
    file.resize(plan.length as usize, 0);
    file
}

#[test]
fn a_written_header_is_read_back() {
    let file = file();
    let header = Header::read(&file).unwrap();
    assert_eq!(header.get(&file, "a"), Some(Item::Unsigned(7)));
    let Some(Item::List(texts)) = header.get(&file, "b") else { panic!("no list") };
    assert_eq!(texts.items().collect::<Vec<_>>(), [Item::Text(b"x"), Item::Text(b"yz")]);
    let Some(Item::List(floats)) = header.get(&file, "c") else { panic!("no list") };
    assert_eq!((floats.len(), floats.items().last()), (2, Some(Item::Float(-1.0))));
    assert_eq!(header.get(&file, "d"), None);
    let [w, v] = header.tensors.as_slice() else { panic!("two tensors") };
    assert_eq!((w.shape.as_slice(), &w.kind, w.bytes.len()), ([2, 32].as_slice(), &Ok(TensorType::Q8_0), 68));
    assert_eq!(v.bytes.start, w.bytes.start + 96);
}

#[test]
fn every_truncated_file_is_refused() {
    let file = file();
    // The last tensor is padded with 20 bytes, which are not needed.
    for length in 0..file.len() - 20 {
        assert!(Header::read(&file[..length]).is_err(), "{length}");
    }
}

#[test]
fn lengths_beyond_the_file_are_refused_without_reserving_memory() {
    let mut header = b"GGUF\x03\0\0\0".to_vec();
    header.extend(0u64.to_le_bytes());
    header.extend(1u64.to_le_bytes());
    let mut long_key = header.clone();
    long_key.extend(u64::MAX.to_le_bytes());
    assert!(matches!(Header::read(&long_key), Err(Malformed::Ends { .. })));
    let mut long_list = header;
    long_list.extend(b"\x01\0\0\0\0\0\0\0k\x09\0\0\0\x04\0\0\0");
    long_list.extend((u64::MAX / 2).to_le_bytes());
    assert!(matches!(Header::read(&long_list), Err(Malformed::Ends { .. })));
}

#[test]
fn other_versions_and_byte_orders_are_named() {
    let error = |bytes: &[u8]| Header::read(bytes).unwrap_err();
    assert_eq!(error(b"GGUF\x01\0\0\0"), Malformed::Version(1));
    assert_eq!(error(b"GGUF\0\0\0\x03"), Malformed::BigEndian);
    assert_eq!(error(b"PK\x03\x04rest"), Malformed::Magic("PK\u{3}\u{4}".into()));
}
